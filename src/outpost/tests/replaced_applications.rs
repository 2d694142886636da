//! The applications are replaced while the outpost runs: whose sessions go on, and with which settings.

use super::test_outpost::{Browser, PAGE, TestOutpost, applications, location, test_outpost};
use crate::domain::application::Application;
use crate::domain::decision::{Reason, Verdict};
use crate::domain::policy::identity_headers::{HeaderName, HeaderPlan, HeaderSettings, OwnHeader, OwnValue};

const WIKI: &str = "https://wiki.example.com/x";

async fn signed_in(test_outpost: &TestOutpost) -> Browser {
    let mut browser = Browser::default();
    browser.sign_in(test_outpost, WIKI).await;
    browser
}

/// The reason of the decision on a page load after the change, and the value of the header `x-motto`.
async fn after(change: impl Fn(&mut Application)) -> (Reason, Option<String>) {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    let before = test_outpost.ask(&browser.head(WIKI, &[PAGE])).await;
    assert!(matches!(before.verdict, Verdict::Allow(_)), "{before:?}");
    test_outpost.outpost.replace_applications(applications(change));
    let decision = test_outpost.ask(&browser.head(WIKI, &[PAGE])).await;
    let motto = match &decision.verdict {
        Verdict::Allow(allow) => allow.set().find(|(name, _)| name == "x-motto").map(|(_, value)| value.clone()),
        Verdict::Redirect(_) | Verdict::Page(_) | Verdict::Deny(_) => None,
    };
    (decision.audit.reason, motto.map(|value| value.to_str().unwrap().to_owned()))
}

#[tokio::test]
async fn a_session_goes_on_unless_its_issuer_or_client_changed() {
    assert_eq!(after(|_| {}).await.0, Reason::SignedIn);
    assert_eq!(after(|wiki| wiki.name = "Encyclopedia".into()).await.0, Reason::SignedIn);
    assert_eq!(after(|wiki| wiki.relying_party.client_secret = Some("rotated".into())).await.0, Reason::SignedIn);
    assert_eq!(after(|wiki| wiki.relying_party.client_id = "other".into()).await.0, Reason::SignInStarted);
    let other = "https://other.example.com/";
    assert_eq!(after(|wiki| wiki.relying_party.issuer = other.into()).await.0, Reason::SignInStarted);
}

#[tokio::test]
async fn the_headers_of_a_session_follow_the_settings() {
    let motto = OwnHeader { name: HeaderName::parse("X-Motto").unwrap(), value: OwnValue::Text("semper".into()) };
    let plan = HeaderPlan::new(HeaderSettings { own: vec![motto], ..HeaderSettings::default() });
    let (reason, motto) = after(move |wiki| wiki.headers = plan.clone()).await;
    assert_eq!((reason, motto.as_deref()), (Reason::SignedIn, Some("semper")));
}

#[tokio::test]
async fn a_request_keeps_the_application_to_which_it_was_routed() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    let request = browser.head(WIKI, &[PAGE]).into();
    let routed = test_outpost.outpost.route(&request);
    test_outpost.outpost.replace_applications(applications(|wiki| wiki.relying_party.client_id = "other".into()));
    assert_eq!(test_outpost.outpost.answer(&routed).await.audit.reason, Reason::SignedIn);
    assert_eq!(test_outpost.ask(&request.head).await.audit.reason, Reason::SignInStarted);
}

#[tokio::test]
async fn a_removed_application_is_unknown_and_a_sign_in_under_way_ends_at_the_new_settings() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let started = location(&browser.open(&test_outpost, WIKI).await);
    test_outpost
        .outpost
        .replace_applications(applications(|wiki| wiki.relying_party.client_secret = Some("new".into())));
    let landed = location(&browser.open(&test_outpost, &Browser::callback(&started)).await);
    assert_eq!(landed, WIKI);

    test_outpost.outpost.replace_applications(crate::domain::application::registry::Applications::default());
    let decision = test_outpost.ask(&browser.head(WIKI, &[PAGE])).await;
    assert_eq!(decision.audit.reason, Reason::UnknownHost);
}
