//! Requests that present a credential: the identity with which they are allowed, and the answer when they are denied.

use std::sync::atomic::Ordering;

use super::test_outpost::{Browser, PAGE, TestOutpost, allowed, denied, outpost_with, test_outpost};
use crate::domain::application::Application;
use crate::domain::decision::{Decision, Reason, Verdict};
use crate::domain::oidc::credentials::{AcceptedCredentials, BasicRules, BearerCheck, BearerRules, IntrospectionRules};
use crate::domain::policy::identity_headers::{Budget, HeaderPlan, HeaderSettings};
use crate::domain::policy::{AccessRules, AuthenticationRequirement, Conditions, Principals, PublicPaths, Rule};
use crate::testing;

const WIKI: &str = "https://wiki.example.com/x";
const PUBLIC: &str = "https://wiki.example.com/public/x";
const GOOD: (&str, &str) = ("authorization", "Bearer good");
const JUNK: (&str, &str) = ("authorization", "Bearer junk");
const SLOW: (&str, &str) = ("authorization", "Bearer slow");
/// alice:good
const GOOD_PASSWORD: (&str, &str) = ("authorization", "Basic YWxpY2U6Z29vZA==");
/// alice:junk
const JUNK_PASSWORD: (&str, &str) = ("authorization", "Basic YWxpY2U6anVuaw==");

fn accepting(pass_on: bool) -> impl Fn(&mut Application) {
    move |application| {
        let verify = BearerCheck::Introspection(IntrospectionRules::Clients(Vec::new()));
        application.credentials = AcceptedCredentials {
            bearer: Some(BearerRules { pass_on, ..verify.into() }),
            basic: Some(BasicRules { scopes: vec!["openid".into()], pass_on }),
            ..AcceptedCredentials::default()
        };
        application.jwt_headers = true;
        application.public_paths = PublicPaths::compile(&["/public/".to_owned()]).unwrap();
    }
}

async fn ask(test_outpost: &TestOutpost, url: &str, headers: &[(&str, &str)]) -> Decision {
    test_outpost.ask(&Browser::default().head(url, headers)).await
}

fn removes_authorization(decision: &Decision) -> bool {
    let Verdict::Allow(allow) = &decision.verdict else { panic!("no allow: {decision:?}") };
    allow.remove().any(|name| name == "authorization")
}

fn challenge(decision: &Decision) -> &str {
    let page = denied(decision);
    let (_, value) = page.headers.iter().find(|(name, _)| name == "www-authenticate").expect("a challenge");
    value.to_str().expect("is text")
}

#[tokio::test]
async fn br_1_a_valid_credential_is_its_user_and_leaves_the_request() {
    for (credential, user) in [(GOOD, "robot"), (GOOD_PASSWORD, "alice")] {
        for (pass_on, removed) in [(false, true), (true, false)] {
            let test_outpost = outpost_with(accepting(pass_on));
            for kind in [("accept", "*/*"), PAGE] {
                let decision = ask(&test_outpost, WIKI, &[credential, kind]).await;
                assert_eq!(allowed(&decision), Some(user.into()));
                assert_eq!(decision.audit.reason, Reason::CredentialAccepted);
                assert_eq!(decision.audit.user.as_deref(), Some(user));
                assert_eq!(removes_authorization(&decision), removed);
                let Verdict::Allow(allow) = &decision.verdict else { panic!("no allow") };
                assert!(allow.set().any(|(name, _)| name == "x-authentik-jwt"));
                assert!(allow.cookies().is_empty() && test_outpost.sessions() == 0, "no session comes of it");
            }
        }
    }
}

#[tokio::test]
async fn br_1_an_invalid_credential_is_answered_with_401() {
    let test_outpost = outpost_with(accepting(false));
    let doubled = [GOOD, GOOD];
    for (headers, expected) in [
        (&[JUNK][..], "Bearer realm=\"wiki\", error=\"invalid_token\""),
        (&[JUNK, PAGE], "Bearer realm=\"wiki\", error=\"invalid_token\""),
        (&[("authorization", "Bearer")], "Bearer realm=\"wiki\", error=\"invalid_token\""),
        (&[JUNK_PASSWORD], "Basic realm=\"wiki\", charset=\"UTF-8\""),
        (&[("authorization", "Basic ???")], "Basic realm=\"wiki\", charset=\"UTF-8\""),
        (&doubled, "Bearer realm=\"wiki\", error=\"invalid_token\""),
    ] {
        let decision = ask(&test_outpost, WIKI, headers).await;
        assert_eq!(
            (denied(&decision).status.as_u16(), decision.audit.reason),
            (401, Reason::CredentialRefused),
            "{headers:?}"
        );
        assert_eq!(challenge(&decision), expected, "{headers:?}");
        assert!(!denied(&decision).body.contains("junk"), "{headers:?}");
    }
}

#[tokio::test]
async fn in_3_what_cannot_be_judged_now_is_unavailable() {
    let test_outpost = outpost_with(accepting(false));
    let decision = ask(&test_outpost, WIKI, &[SLOW]).await;
    assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (503, Reason::ProviderUnavailable));
}

#[tokio::test]
async fn br_1_schemes_that_are_not_configured_change_nothing() {
    let test_outpost = test_outpost();
    let foreign = ("authorization", "Digest username=\"alice\"");
    for credential in [GOOD, JUNK, GOOD_PASSWORD, foreign] {
        let with = ask(&test_outpost, WIKI, &[credential]).await;
        assert_eq!((denied(&with).status.as_u16(), with.audit.reason), (401, Reason::SignInRequired), "{credential:?}");
        let page = ask(&test_outpost, WIKI, &[credential, PAGE]).await;
        assert_eq!(page.audit.reason, Reason::SignInStarted, "{credential:?}");
    }
    assert_eq!(test_outpost.provider.verifications.load(Ordering::Relaxed), 0);
    let accepting = outpost_with(accepting(false));
    let decision = ask(&accepting, WIKI, &[foreign]).await;
    assert_eq!(decision.audit.reason, Reason::SignInRequired);
}

#[tokio::test]
async fn public_paths_stay_open_and_keep_what_was_not_used() {
    let test_outpost = outpost_with(accepting(false));
    for credential in [JUNK, SLOW, JUNK_PASSWORD] {
        let decision = ask(&test_outpost, PUBLIC, &[credential]).await;
        assert_eq!(allowed(&decision), Some(String::new()), "{credential:?}");
        assert_eq!(decision.audit.reason, Reason::PublicPath);
        assert!(!removes_authorization(&decision), "{credential:?}");
    }
    let known = ask(&test_outpost, PUBLIC, &[GOOD]).await;
    assert_eq!(allowed(&known), Some("robot".into()));
    assert!(removes_authorization(&known));
}

#[tokio::test]
async fn a_session_comes_first_and_leaves_the_credential_alone() {
    let test_outpost = outpost_with(accepting(false));
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    for credential in [GOOD, JUNK, SLOW] {
        let decision = test_outpost.ask(&browser.head(WIKI, &[credential])).await;
        assert_eq!(allowed(&decision), Some("alice".into()));
        assert_eq!(decision.audit.reason, Reason::SignedIn);
        assert!(!removes_authorization(&decision));
    }
    assert_eq!(test_outpost.provider.verifications.load(Ordering::Relaxed), 0, "the provider was not called");
}

#[tokio::test]
async fn a_store_that_cannot_say_is_not_made_up_for_by_a_credential() {
    let test_outpost = outpost_with(accepting(false));
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    test_outpost.fail_store_at(1);
    let decision = test_outpost.ask(&browser.head(WIKI, &[GOOD])).await;
    assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (503, Reason::StoreUnavailable));
}

#[tokio::test]
async fn own_endpoints_look_at_no_credential() {
    let test_outpost = outpost_with(accepting(false));
    let start = "https://wiki.example.com/outpost.goauthentik.io/start";
    let decision = ask(&test_outpost, start, &[JUNK, PAGE]).await;
    assert_eq!(decision.audit.reason, Reason::SignInStarted);
    assert_eq!(test_outpost.provider.verifications.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn only_what_is_judged_gets_the_time_for_it() {
    let test_outpost = outpost_with(accepting(false));
    let takes_long = |headers: &[(&str, &str)]| {
        let head = Browser::default().head(WIKI, headers);
        test_outpost.outpost.route(&head.into()).takes_long()
    };
    assert!(takes_long(&[GOOD]) && takes_long(&[JUNK_PASSWORD]));
    assert!(!takes_long(&[]) && !takes_long(&[("authorization", "Digest x")]));
}

#[tokio::test]
async fn in_4_rules_are_asked_of_credentials_too_at_every_request() {
    let test_outpost = outpost_with(|application| {
        accepting(false)(application);
        let staff = Conditions { groups: vec!["staff".into()], ..Conditions::default() };
        let principals = Principals::matching(staff).unwrap();
        let rule = testing::rule(principals);
        application.rules = AccessRules::new(vec![rule]).unwrap();
    });
    for _ in 0..2 {
        let decision = ask(&test_outpost, WIKI, &[GOOD]).await;
        assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (403, Reason::Forbidden));
        assert!(denied(&decision).body.contains("robot"), "{decision:?}");
    }
    let public = ask(&test_outpost, PUBLIC, &[GOOD]).await;
    assert_eq!(allowed(&public), Some(String::new()), "whoever may not pass is nobody where nobody has to be known");
    assert!(!removes_authorization(&public), "it was of no use");
}

/// A token or password may be old, and there is no sign-in for it.
#[tokio::test]
async fn in_4_a_credential_meets_no_rule_that_asks_for_a_sign_in() {
    let test_outpost = outpost_with(|application| {
        accepting(false)(application);
        let authentication = Some(AuthenticationRequirement { acr: vec!["mfa".into()], max_age: None });
        let rule = Rule { authentication, ..testing::rule(Principals::Any) };
        application.rules = AccessRules::new(vec![rule]).unwrap();
    });
    *test_outpost.provider.claims.lock().unwrap() = serde_json::json!({ "acr": "mfa", "auth_time": 1_000_000 });
    for credential in [GOOD, GOOD_PASSWORD] {
        for kind in [PAGE, ("accept", "application/json")] {
            let decision = ask(&test_outpost, WIKI, &[credential, kind]).await;
            assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (403, Reason::Forbidden));
        }
    }
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    assert!(allowed(&browser.open(&test_outpost, WIKI).await).is_some());
}

#[tokio::test]
async fn what_would_not_fit_is_refused_without_a_sign_in_too() {
    let test_outpost = outpost_with(|application| {
        accepting(false)(application);
        let budget = Budget { max_bytes: 64, ..Budget::default() };
        application.headers = HeaderPlan::new(HeaderSettings { budget, ..HeaderSettings::default() });
    });
    let decision = ask(&test_outpost, WIKI, &[GOOD]).await;
    assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (403, Reason::IdentityTooLarge));
}
