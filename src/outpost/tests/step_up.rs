//! Step-up: rules that ask how and when the user signed in (`acr`, `max_age`), with a provider that complies, ignores the
//! request, or forgets.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::rules::{named, rule};
use super::test_outpost::{Browser, PAGE, TestOutpost, allowed, denied, location, outpost_with};
use crate::domain::decision::{Decision, Reason};
use crate::domain::http::{Networks, RequestTarget};
use crate::domain::policy::{AccessRules, AuthenticationRequirement, Principals, PublicPaths, Rule};
use crate::outpost::Request;
use crate::ports::Clock as _;

const WIKI: &str = "https://wiki.example.com/x";
const ADMIN: &str = "https://wiki.example.com/admin/users?x=1";
const PAY: &str = "https://wiki.example.com/pay";
const SAVE: &str = "https://wiki.example.com/save";
const SCRIPT: (&str, &str) = ("accept", "application/json");

fn asking(acr: &[&str], max_age: Option<u64>, rule: Rule) -> Rule {
    let acr = acr.iter().map(|acr| (*acr).to_owned()).collect();
    let requirement = AuthenticationRequirement { acr, max_age: max_age.map(Duration::from_secs) };
    Rule { authentication: Some(requirement), ..rule }
}

/// `/admin` needs `mfa` and is alice's; `/pay` needs a sign-in of the last 15 minutes, and so does writing at `/save`.
fn test_outpost() -> TestOutpost {
    outpost_with(|application| {
        application.rules = AccessRules::new(vec![
            rule(&[], &[], Principals::Any),
            asking(&["mfa", "hwk"], None, rule(&["/admin"], &[], named(&["alice"]))),
            asking(&[], Some(900), rule(&["/pay"], &[], Principals::Any)),
            rule(&["/save"], &["GET"], Principals::Any),
            asking(&[], Some(900), rule(&["/save"], &["POST"], Principals::Any)),
        ])
        .unwrap();
        application.public_paths = PublicPaths::compile(&["^/admin/public/".to_owned()]).unwrap();
    })
}

fn provider_says(test_outpost: &TestOutpost, claims: Value) {
    *test_outpost.provider.claims.lock().unwrap() = claims;
}

fn now(test_outpost: &TestOutpost) -> u64 {
    test_outpost.clock.now().as_unix()
}

/// A parameter of the authorization request.
fn parameter(decision: &Decision, name: &str) -> Option<String> {
    let url = Url::parse(&location(decision)).unwrap();
    url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
}

/// Opens a page for which the rules ask another sign-in, and signs in.
async fn sign_in_again(browser: &mut Browser, test_outpost: &TestOutpost, url: &str) -> Decision {
    let asked = browser.open(test_outpost, url).await;
    assert_eq!(asked.audit.reason, Reason::StepUpStarted, "{asked:?}");
    let back = browser.open(test_outpost, &Browser::callback(&location(&asked))).await;
    assert_eq!((back.audit.reason, location(&back).as_str()), (Reason::SignInCompleted, url), "{back:?}");
    back
}

#[tokio::test]
async fn a_provider_that_complies_is_asked_once() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    assert_eq!(browser.sign_in(&test_outpost, ADMIN).await, ADMIN);
    test_outpost.pass(1);
    let asked = browser.open(&test_outpost, ADMIN).await;
    assert_eq!((asked.audit.reason, asked.audit.user.as_deref()), (Reason::StepUpStarted, Some("alice")));
    assert_eq!(parameter(&asked, "acr_values").as_deref(), Some("mfa hwk"));
    assert_eq!(parameter(&asked, "max_age"), None);
    provider_says(&test_outpost, json!({ "acr": "hwk" }));
    let back = browser.open(&test_outpost, &Browser::callback(&location(&asked))).await;
    assert_eq!((back.audit.reason, location(&back).as_str()), (Reason::SignInCompleted, ADMIN), "no loop is suspected");
    assert_eq!(test_outpost.sessions(), 1, "in place of the other session");
    for url in [ADMIN, WIKI, ADMIN] {
        assert_eq!(allowed(&browser.open(&test_outpost, url).await).as_deref(), Some("alice"), "{url}");
    }
}

#[tokio::test]
async fn a_provider_that_ignores_the_request_is_asked_once_and_a_page_says_so() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    for (url, text) in [(ADMIN, "its answer does not show one"), (PAY, "does not tell when you signed in (auth_time)")]
    {
        sign_in_again(&mut browser, &test_outpost, url).await;
        for _ in 0..3 {
            let page = browser.open(&test_outpost, url).await;
            assert_eq!((page.audit.reason, denied(&page).status.as_u16()), (Reason::StepUpRequired, 403));
            assert!(denied(&page).body.contains(text), "{}", denied(&page).body);
        }
        assert!(allowed(&browser.open(&test_outpost, WIKI).await).is_some(), "the rest stays open");
    }
    assert_eq!(test_outpost.provider.exchanges.load(Ordering::Relaxed), 3);

    // The page's link asks again: by the user's own will, and with what the rules want.
    provider_says(&test_outpost, json!({ "acr": "mfa" }));
    sign_in_again(&mut browser, &test_outpost, ADMIN).await;
    assert!(allowed(&browser.open(&test_outpost, ADMIN).await).is_some());
}

#[tokio::test]
async fn the_link_of_the_page_asks_again() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    sign_in_again(&mut browser, &test_outpost, ADMIN).await;
    let page = browser.open(&test_outpost, ADMIN).await;
    let link = denied(&page).body.split_once("href=\"").unwrap().1.split('"').next().unwrap().replace("&amp;", "&");
    provider_says(&test_outpost, json!({ "acr": "mfa" }));
    let asked = browser.open(&test_outpost, &link).await;
    assert_eq!(parameter(&asked, "acr_values").as_deref(), Some("mfa hwk"), "{link}");
    let back = browser.open(&test_outpost, &Browser::callback(&location(&asked))).await;
    assert_eq!(location(&back), ADMIN);
    assert!(allowed(&browser.open(&test_outpost, ADMIN).await).is_some());
}

/// The identity headers of a session are prepared once; the decision is not.
#[tokio::test]
async fn max_age_ends_while_the_session_and_its_prepared_headers_go_on() {
    let test_outpost = test_outpost();
    provider_says(&test_outpost, json!({ "auth_time": now(&test_outpost) }));
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, PAY).await;
    for seconds in [0, 1, 899] {
        test_outpost.pass(seconds);
        assert_eq!(allowed(&browser.open(&test_outpost, PAY).await).as_deref(), Some("alice"), "{seconds}");
    }
    test_outpost.pass(1);
    let asked = browser.open(&test_outpost, PAY).await;
    assert_eq!(parameter(&asked, "max_age").as_deref(), Some("900"));
    assert!(allowed(&browser.open(&test_outpost, WIKI).await).is_some());
    // Again and again, whenever it is over.
    for _ in 0..3 {
        provider_says(&test_outpost, json!({ "auth_time": now(&test_outpost) }));
        sign_in_again(&mut browser, &test_outpost, PAY).await;
        assert!(allowed(&browser.open(&test_outpost, PAY).await).is_some());
        test_outpost.pass(901);
    }
    provider_says(&test_outpost, json!({ "auth_time": now(&test_outpost) + 3600 }));
    sign_in_again(&mut browser, &test_outpost, PAY).await;
    assert_eq!(browser.open(&test_outpost, PAY).await.audit.reason, Reason::StepUpRequired, "it lies in the future");
}

#[tokio::test]
async fn a_client_that_is_not_redirected_gets_403_and_the_way_to_the_sign_in() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    for (headers, content_type, text) in [
        (vec![SCRIPT], "application/json", "\"error\":\"insufficient_user_authentication\""),
        (vec![("upgrade", "websocket")], "application/json", "\"acr_values\":\"mfa hwk\""),
        (vec![("content-type", "application/grpc")], "text/plain; charset=utf-8", "of the kind mfa or hwk"),
        (vec![PAGE, ("sec-fetch-dest", "iframe")], "text/html; charset=utf-8", "of the kind mfa or hwk"),
    ] {
        let decision = test_outpost.ask(&browser.head(ADMIN, &headers)).await;
        let page = denied(&decision);
        assert_eq!((page.status.as_u16(), page.content_type), (403, content_type));
        assert!(page.body.contains(text), "{}", page.body);
        assert!(page.cookies.is_empty() && page.headers.iter().all(|(name, _)| name != "location"), "{page:?}");
        assert_eq!(decision.audit.reason, Reason::StepUpRequired);
    }
    // A form: its page needs no such sign-in, so the link says for what it is.
    let mut post = browser.head(SAVE, &[PAGE, ("referer", "https://wiki.example.com/form?y=2")]);
    post.method = "POST".to_owned();
    let decision = test_outpost.ask(&post).await;
    let link = denied(&decision).body.split_once("href=\"").unwrap().1.split('"').next().unwrap().replace("&amp;", "&");
    provider_says(&test_outpost, json!({ "auth_time": now(&test_outpost) }));
    let asked = browser.open(&test_outpost, &link).await;
    assert_eq!(parameter(&asked, "max_age").as_deref(), Some("900"), "{link}");
    let back = browser.open(&test_outpost, &Browser::callback(&location(&asked))).await;
    assert_eq!(location(&back), "https://wiki.example.com/form?y=2");
    let mut post = browser.head(SAVE, &[PAGE]);
    post.method = "POST".to_owned();
    assert!(allowed(&test_outpost.ask(&post).await).is_some());
}

/// nginx does not pass redirects on: it sends the browser to `start`.
#[tokio::test]
async fn start_asks_for_what_the_rules_of_the_denied_request_want() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    let start = "https://wiki.example.com/outpost.goauthentik.io/start";
    for (target, acr) in [("/admin/users?x=1", Some("mfa hwk")), ("/x", None), ("/admin%2fusers", None)] {
        let redirected_from = Some(RequestTarget::read(target.to_owned()).unwrap());
        let request = Request { redirected_from, ..Request::from(browser.head(start, &[PAGE])) };
        let decision = test_outpost.outpost.answer(&test_outpost.outpost.route(&request)).await;
        assert_eq!(parameter(&decision, "acr_values").as_deref(), acr, "{target}");
    }
    for (query, acr) in [
        ("rd=/admin/users", Some("mfa hwk")),
        ("rd=/x&step_up=/admin", Some("mfa hwk")),
        ("rd=/x&step_up=/admin&step_up=/x", None),
        ("rd=/x&step_up=https://evil.test/admin", None),
        ("rd=/x&step_up=%00", None),
        ("rd=/x", None),
        ("", None),
    ] {
        let asked = browser.open(&test_outpost, &format!("{start}?{query}")).await;
        assert_eq!(parameter(&asked, "acr_values").as_deref(), acr, "{query}");
    }
    let stranger = Browser::default().open(&test_outpost, &format!("{start}?rd=/admin")).await;
    assert_eq!(parameter(&stranger, "acr_values"), None, "who it is comes first");
    assert_eq!(test_outpost.sessions(), 1);
}

/// At `start` behind a front proxy the client is not known, and nothing is allowed there.
#[tokio::test]
async fn start_asks_for_a_sign_in_wherever_the_client_is() {
    let test_outpost = outpost_with(|application| {
        let networks = Networks::new(vec!["127.0.0.0/8".parse().unwrap()]);
        let inside = Rule { networks, ..rule(&["/admin"], &[], Principals::Any) };
        application.rules =
            AccessRules::new(vec![rule(&[], &[], Principals::Any), asking(&["mfa"], None, inside)]).unwrap();
    });
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    let start = "https://wiki.example.com/outpost.goauthentik.io/start";
    let redirected_from = Some(RequestTarget::read("/admin".to_owned()).unwrap());
    let request = Request { redirected_from, ..Request::from(browser.head(start, &[PAGE])) };
    let decision = test_outpost.outpost.answer(&test_outpost.outpost.route(&request)).await;
    assert_eq!(parameter(&decision, "acr_values").as_deref(), Some("mfa"));
    let asked = browser.open(&test_outpost, &format!("{start}?rd=/x&step_up=/admin")).await;
    assert_eq!(parameter(&asked, "acr_values").as_deref(), Some("mfa"));
    // Where the client counts, another sign-in does not help one from elsewhere.
    for (client, reason) in [("127.0.0.2", Reason::StepUpStarted), ("203.0.113.9", Reason::Forbidden)] {
        let mut head = browser.head("https://wiki.example.com/admin", &[PAGE]);
        head.client = Some(client.parse().unwrap());
        assert_eq!(test_outpost.ask(&head).await.audit.reason, reason, "{client}");
    }
}

/// The provider may write the time of the refresh.
#[tokio::test]
async fn a_refresh_adds_no_time_of_a_sign_in() {
    let test_outpost = test_outpost();
    test_outpost.provider.refresh_tokens.enabled.store(true, Ordering::Relaxed);
    test_outpost.provider.refresh_tokens.lifetime.store(300, Ordering::Relaxed);
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    provider_says(&test_outpost, json!({ "auth_time": now(&test_outpost) + 250 }));
    test_outpost.pass(250);
    browser.open(&test_outpost, WIKI).await;
    test_outpost.outpost.settled().await;
    assert_eq!(allowed(&test_outpost.ask(&browser.head(PAY, &[SCRIPT])).await), None);
}

#[tokio::test]
async fn a_refresh_counts_and_keeps_what_it_does_not_say() {
    let test_outpost = test_outpost();
    test_outpost.provider.refresh_tokens.enabled.store(true, Ordering::Relaxed);
    test_outpost.provider.refresh_tokens.lifetime.store(300, Ordering::Relaxed);
    let signed_in = now(&test_outpost);
    provider_says(&test_outpost, json!({ "acr": "mfa", "auth_time": signed_in }));
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, ADMIN).await;
    for (claims, admin) in [(json!({}), true), (json!({ "acr": "pwd" }), false), (json!({ "acr": "hwk" }), true)] {
        provider_says(&test_outpost, claims.clone());
        test_outpost.pass(250);
        browser.open(&test_outpost, WIKI).await;
        test_outpost.outpost.settled().await;
        let decision = test_outpost.ask(&browser.head(ADMIN, &[SCRIPT])).await;
        assert_eq!(allowed(&decision).is_some(), admin, "{claims}");
        assert!(allowed(&browser.open(&test_outpost, PAY).await).is_some(), "{claims}: auth_time is the sign-in's");
    }
    test_outpost.pass(250);
    assert_eq!(browser.open(&test_outpost, PAY).await.audit.reason, Reason::StepUpStarted, "a refresh is no sign-in");
}

/// The session was the answer to the question once; a refresh made it another one.
#[tokio::test]
async fn a_user_whose_refresh_took_the_sign_in_away_is_asked_again() {
    let test_outpost = test_outpost();
    test_outpost.provider.refresh_tokens.enabled.store(true, Ordering::Relaxed);
    test_outpost.provider.refresh_tokens.lifetime.store(300, Ordering::Relaxed);
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    test_outpost.pass(1);
    provider_says(&test_outpost, json!({ "acr": "mfa" }));
    sign_in_again(&mut browser, &test_outpost, ADMIN).await;
    assert!(allowed(&browser.open(&test_outpost, ADMIN).await).is_some());
    provider_says(&test_outpost, json!({ "acr": "pwd" }));
    test_outpost.pass(250);
    browser.open(&test_outpost, WIKI).await;
    test_outpost.outpost.settled().await;
    // The provider answers with the same as before: once, and then the page says what is missing.
    sign_in_again(&mut browser, &test_outpost, ADMIN).await;
    assert_eq!(browser.open(&test_outpost, ADMIN).await.audit.reason, Reason::StepUpRequired);
}

#[tokio::test]
async fn a_sign_in_that_was_asked_for_restarts_with_the_same_question_and_ends() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    test_outpost.pass(5);
    let asked = browser.open(&test_outpost, ADMIN).await;
    test_outpost.pass(601);
    let again = browser.open(&test_outpost, &Browser::callback(&location(&asked))).await;
    assert_eq!(again.audit.reason, Reason::SignInRestarted, "the old session is no result of it");
    assert_eq!(parameter(&again, "acr_values").as_deref(), Some("mfa hwk"));
    test_outpost.pass(601);
    let page = browser.open(&test_outpost, &Browser::callback(&location(&again))).await;
    assert_eq!(page.audit.reason, Reason::SignInFailed);

    provider_says(&test_outpost, json!({ "acr": "mfa" }));
    let asked = browser.open(&test_outpost, ADMIN).await;
    let callback = Browser::callback(&location(&asked));
    assert_eq!(browser.open(&test_outpost, &callback).await.audit.reason, Reason::SignInCompleted);
    assert_eq!(browser.open(&test_outpost, &callback).await.audit.reason, Reason::AlreadySignedIn);
}

#[tokio::test]
async fn public_paths_and_other_users_are_as_before() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    let public = browser.open(&test_outpost, "https://wiki.example.com/admin/public/a").await;
    assert_eq!((allowed(&public), public.audit.reason), (Some(String::new()), Reason::PublicPath));
    "bob".clone_into(&mut test_outpost.provider.user.lock().unwrap());
    let mut bob = Browser::default();
    bob.sign_in(&test_outpost, WIKI).await;
    assert_eq!(bob.open(&test_outpost, ADMIN).await.audit.reason, Reason::Forbidden, "no sign-in helps bob");
    // Bob signs in where alice was asked to.
    let asked = browser.open(&test_outpost, ADMIN).await;
    browser.open(&test_outpost, &Browser::callback(&location(&asked))).await;
    assert_eq!(browser.open(&test_outpost, ADMIN).await.audit.reason, Reason::Forbidden);
}
