//! Assertions that Gatepost signs, their keys, and what scripts of the application may ask.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::test_outpost::{Browser, TestOutpost, denied, outpost_with, test_outpost};
use crate::domain::decision::{Decision, Reason, Verdict};
use crate::domain::oidc::claims::{ClaimPath, GroupsClaim};
use crate::domain::policy::PublicPaths;
use crate::domain::policy::identity_headers::{Assertion, HeaderName, HeaderPlan, HeaderSettings, OwnHeader, OwnValue};

const WIKI: &str = "https://wiki.example.com/x";
const KEYS: &str = "https://wiki.example.com/outpost.goauthentik.io/jwks.json";
const USER_INFO: &str = "https://wiki.example.com/outpost.goauthentik.io/userinfo";
const HEADER: &str = "x-gatepost-assertion";

fn asserting() -> TestOutpost {
    let assertion = Assertion {
        issuer: "https://wiki.example.com".to_owned(),
        audience: "wiki".to_owned(),
        lifetime: Duration::from_secs(300),
        claims: vec!["preferred_username".to_owned(), "absent".to_owned()],
        groups: GroupsClaim::default(),
    };
    let own =
        OwnHeader { name: HeaderName::parse_for_assertion(HEADER).unwrap(), value: OwnValue::Assertion(assertion) };
    let plan = HeaderPlan::new(HeaderSettings { own: vec![own], ..HeaderSettings::default() });
    outpost_with(|application| {
        application.headers = plan.clone();
        application.public_paths = PublicPaths::compile(&["^/public/".to_owned()]).unwrap();
    })
}

fn assertion(decision: &Decision) -> Option<String> {
    let Verdict::Allow(allow) = &decision.verdict else { panic!("not allowed: {decision:?}") };
    let header = allow.set().find(|(name, _)| name == HEADER);
    header.map(|(_, value)| value.to_str().unwrap().to_owned())
}

fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

fn document(decision: &Decision) -> Value {
    let Verdict::Page(page) = &decision.verdict else { panic!("no document: {decision:?}") };
    assert!(page.content_type.ends_with("json"), "{}", page.content_type);
    serde_json::from_str(&page.body).unwrap()
}

#[tokio::test]
async fn an_assertion_says_who_the_user_is_and_is_made_anew_before_it_ends() {
    let test_outpost = asserting();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    let first = assertion(&browser.open(&test_outpost, WIKI).await).unwrap();
    let claims = part(&first, 1);
    let issued = claims["iat"].as_u64().unwrap();
    assert_eq!((issued, claims["exp"].as_u64().unwrap()), (1_000_000, 1_000_300));
    for (name, value) in
        [("iss", "https://wiki.example.com"), ("aud", "wiki"), ("sub", "sub-alice"), ("preferred_username", "alice")]
    {
        assert_eq!(claims[name], value, "{name}");
    }
    assert_eq!(claims.as_object().unwrap().len(), 6, "{claims}");

    test_outpost.pass(149);
    assert_eq!(assertion(&browser.open(&test_outpost, WIKI).await), Some(first.clone()), "prepared with the session");
    test_outpost.pass(1);
    let second = assertion(&browser.open(&test_outpost, WIKI).await).unwrap();
    assert_eq!(part(&second, 1)["exp"], 1_000_450);
    // A clock that was set back makes no assertion of the future valid for longer.
    test_outpost.turn_back(100);
    assert!(part(&assertion(&browser.open(&test_outpost, WIKI).await).unwrap(), 1)["exp"].as_u64() <= Some(1_000_450));
}

#[tokio::test]
async fn an_assertion_of_the_client_never_passes() {
    let test_outpost = asserting();
    let browser = Browser::default();
    for spelling in [HEADER, "X-Gatepost-Assertion", "x_gatepost_assertion"] {
        let head = browser.head("https://wiki.example.com/public/x", &[(spelling, "forged")]);
        let decision = test_outpost.ask(&head).await;
        assert_eq!(assertion(&decision), None);
        let Verdict::Allow(allow) = &decision.verdict else { panic!("{decision:?}") };
        assert!(allow.remove().any(|name| name.eq_ignore_ascii_case(spelling)), "{spelling}");
    }
}

#[tokio::test]
async fn the_keys_are_public_and_verify_the_assertion() {
    let test_outpost = asserting();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    let token = assertion(&browser.open(&test_outpost, WIKI).await).unwrap();
    let keys = document(&Browser::default().open(&test_outpost, KEYS).await);
    let ids: Vec<&Value> = keys["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert!(ids.contains(&&part(&token, 0)["kid"]), "{keys}");
    assert!(!keys.to_string().contains("\"d\""), "no private key");
}

#[tokio::test]
async fn without_the_setting_there_are_neither_keys_nor_assertions() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    assert_eq!(assertion(&browser.open(&test_outpost, WIKI).await), None);
    let refused = browser.open(&test_outpost, KEYS).await;
    assert_eq!((denied(&refused).status.as_u16(), refused.audit.reason), (404, Reason::UnknownEndpoint));
}

#[tokio::test]
async fn scripts_of_the_application_may_ask_who_is_signed_in_and_others_may_not() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let asked = |browser: &Browser, headers: &[(&str, &str)]| browser.head(USER_INFO, headers);
    let anonymous = test_outpost.ask(&asked(&browser, &[("sec-fetch-site", "same-origin")])).await;
    assert_eq!((denied(&anonymous).status.as_u16(), anonymous.audit.reason), (401, Reason::SignInRequired));

    browser.sign_in(&test_outpost, WIKI).await;
    for own in [
        &[("sec-fetch-site", "same-origin")][..],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://wiki.example.com")],
        &[],
    ] {
        let told = document(&test_outpost.ask(&asked(&browser, own)).await);
        assert_eq!((&told["sub"], &told["preferred_username"]), (&"sub-alice".into(), &"alice".into()), "{own:?}");
    }
    for foreign in [
        &[("sec-fetch-site", "same-site")][..],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://wiki.example.com")],
        &[("origin", "https://board.example.com")],
        &[("origin", "https://wiki.example.com.evil.example")],
        &[("origin", "null")],
    ] {
        let refused = test_outpost.ask(&asked(&browser, foreign)).await;
        assert_eq!((denied(&refused).status.as_u16(), refused.audit.reason), (403, Reason::CrossOrigin), "{foreign:?}");
    }
    let mut posted = asked(&browser, &[]);
    "POST".clone_into(&mut posted.method);
    assert_eq!(denied(&test_outpost.ask(&posted).await).status.as_u16(), 405);
}

#[tokio::test]
async fn groups_under_another_name_are_told_as_groups() {
    let groups = GroupsClaim { path: ClaimPath::parse("realm_access.roles").unwrap(), accepts_text: false };
    let assertion = Assertion {
        issuer: "https://wiki.example.com".to_owned(),
        audience: "wiki".to_owned(),
        lifetime: Duration::from_secs(300),
        claims: vec!["groups".to_owned()],
        groups: groups.clone(),
    };
    let own =
        OwnHeader { name: HeaderName::parse_for_assertion(HEADER).unwrap(), value: OwnValue::Assertion(assertion) };
    let plan = HeaderPlan::new(HeaderSettings { own: vec![own], groups, ..HeaderSettings::default() });
    assert!(plan.claims_read().contains(&"realm_access".to_owned()), "the provider is asked for it");
    let test_outpost = outpost_with(|application| application.headers = plan.clone());
    *test_outpost.provider.claims.lock().unwrap() =
        json!({ "groups": ["of another kind"], "realm_access": { "roles": ["staff"] } });
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    let asserted = self::assertion(&browser.open(&test_outpost, WIKI).await).unwrap();
    assert_eq!(part(&asserted, 1)["groups"], json!(["staff"]));
    let told = document(&browser.open(&test_outpost, USER_INFO).await);
    assert_eq!(told["groups"], json!(["staff"]));
}
