//! The events of the audit stream: which request, logout or refresh makes which.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::rules::{self, signed_in_as};
use super::test_outpost::{Browser, PAGE, TestOutpost, location, test_outpost};
use crate::outpost::administration::UserSelector;
use crate::ports::ExchangeFault;
use crate::testing::invalid_grant;

const WIKI: &str = "https://wiki.example.com/x?secret=1";
const OWN: &str = "https://wiki.example.com/outpost.goauthentik.io";

/// The events since the last call, as they are written.
fn events(test_outpost: &TestOutpost) -> Vec<Value> {
    test_outpost.audit.take().iter().map(|event| serde_json::to_value(event).unwrap()).collect()
}

/// The only event since the last call.
fn event(test_outpost: &TestOutpost) -> Value {
    let mut all = events(test_outpost);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn user(name: &str) -> Value {
    json!({ "name": name, "subject": format!("sub-{name}"), "issuer": "https://sso.example.com/" })
}

fn only_session(test_outpost: &TestOutpost) -> String {
    test_outpost.store.all().first().expect("a session").key.to_hex()
}

#[tokio::test]
async fn a_sign_in_names_user_session_and_request() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.open(&test_outpost, WIKI).await;
    assert_eq!(events(&test_outpost), [] as [Value; 0], "a request without a session makes no event");
    browser.sign_in(&test_outpost, WIKI).await;
    let event = event(&test_outpost);
    assert_eq!((&event["event"], &event["application"]), (&json!("sign_in"), &json!("wiki")));
    assert_eq!((&event["user"], &event["session"]), (&user("alice"), &json!(only_session(&test_outpost))));
    let request = &event["request"];
    assert_eq!(
        (&request["host"], &request["path"]),
        (&json!("wiki.example.com"), &json!("/outpost.goauthentik.io/callback"))
    );
    assert!(event["ends"].as_str().unwrap().ends_with('Z') && request["decision_id"].is_string());

    // Signing in anew in the same browser ends the earlier session.
    let earlier = only_session(&test_outpost);
    let start = format!("{OWN}/start");
    browser.sign_in(&test_outpost, &start).await;
    let both = events(&test_outpost);
    let [ended, begun] = both.as_slice() else { panic!("{both:?}") };
    assert_eq!((&ended["cause"], &ended["session"]), (&json!("new_sign_in"), &json!(earlier)));
    assert_eq!((&begun["event"], &begun["session"]), (&json!("sign_in"), &json!(only_session(&test_outpost))));
}

#[tokio::test]
async fn a_failed_sign_in_says_why() {
    let test_outpost = test_outpost();
    for (fault, reason) in
        [(ExchangeFault::Malformed("x".to_owned()), Some("provider_untrustworthy")), (invalid_grant(), None)]
    {
        *test_outpost.provider.exchange_fault.lock().unwrap() = Some(fault);
        let mut browser = Browser::default();
        let callback = Browser::callback(&location(&browser.open(&test_outpost, WIKI).await));
        browser.open(&test_outpost, &callback).await;
        let all = events(&test_outpost);
        let reasons: Vec<_> = all.iter().map(|event| event["reason"].as_str()).collect();
        assert_eq!(reasons, reason.map(Some).into_iter().collect::<Vec<_>>(), "{all:?}");
    }
}

#[tokio::test]
async fn a_denial_names_user_session_and_rule() {
    let test_outpost = rules::test_outpost();
    let bob = signed_in_as(&test_outpost, "bob", "https://wiki.example.com/shared").await;
    events(&test_outpost);
    test_outpost.ask(&bob.head("https://wiki.example.com/admin?token=1", &[PAGE])).await;
    let event = event(&test_outpost);
    assert_eq!((&event["event"], &event["reason"]), (&json!("denied"), &json!("forbidden")));
    assert_eq!((&event["user"], &event["session"]), (&user("bob"), &json!(only_session(&test_outpost))));
    assert!(event["cause"].as_str().unwrap().starts_with("rule 3: "), "{event}");
    assert_eq!(event["request"]["path"], "/admin", "without the query");
}

#[tokio::test]
async fn every_session_that_a_sign_out_ends_has_an_event() {
    let test_outpost = test_outpost();
    let (mut one, mut two) = (Browser::default(), Browser::default());
    one.sign_in(&test_outpost, WIKI).await;
    two.sign_in(&test_outpost, "https://board.example.com/").await;
    let mut keys: Vec<Value> = test_outpost.store.all().iter().map(|listed| listed.key.to_hex().into()).collect();
    events(&test_outpost);
    let navigation = [PAGE, ("sec-fetch-mode", "navigate"), ("sec-fetch-site", "none")];
    one.send(&test_outpost, &one.head(&format!("{OWN}/sign_out"), &navigation)).await;
    let all = events(&test_outpost);
    assert!(all.iter().all(|event| event["event"] == "session_ended" && event["cause"] == "sign_out"), "{all:?}");
    assert!(all.iter().all(|event| event["user"] == user("alice") && event["pending"] == false), "{all:?}");
    let mut ended: Vec<Value> = all.iter().map(|event| event["session"].clone()).collect();
    keys.sort_by_key(Value::to_string);
    ended.sort_by_key(Value::to_string);
    assert_eq!(ended, keys);
    let mut applications: Vec<_> = all.iter().map(|event| event["application"].as_str().unwrap()).collect();
    applications.sort_unstable();
    assert_eq!(applications, ["board", "wiki"]);
}

#[tokio::test]
async fn a_sign_out_that_the_store_does_not_know_of_is_pending() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    let session = only_session(&test_outpost);
    events(&test_outpost);
    test_outpost.store.is_down.store(true, Ordering::Relaxed);
    let navigation = [PAGE, ("sec-fetch-mode", "navigate"), ("sec-fetch-site", "none")];
    browser.send(&test_outpost, &browser.head(&format!("{OWN}/sign_out"), &navigation)).await;
    let event = event(&test_outpost);
    assert_eq!((&event["cause"], &event["pending"]), (&json!("sign_out"), &json!(true)));
    assert_eq!((&event["session"], event.get("user")), (&json!(session), None));
}

#[tokio::test]
async fn ends_by_operators_and_by_the_provider_say_so() {
    let test_outpost = test_outpost();
    let issuers = || ["https://sso.example.com/".to_owned()].into();
    for (way, cause) in [
        ("session", "administration"),
        ("user", "administration"),
        ("websocket", "authentik"),
        ("frame", "frontchannel_logout"),
    ] {
        let sid = format!("sid-of-{way}");
        *test_outpost.provider.sid.lock().unwrap() = Some(sid.clone());
        let mut browser = Browser::default();
        browser.sign_in(&test_outpost, WIKI).await;
        let key = test_outpost.store.all().first().expect("a session").key;
        events(&test_outpost);
        match way {
            "session" => _ = test_outpost.outpost.end_session(&key).await.unwrap(),
            "user" => {
                let alice = UserSelector::Subject("sub-alice".to_owned());
                test_outpost.outpost.end_sessions_of(&alice, None).await.unwrap();
            }
            "websocket" => assert_eq!(test_outpost.outpost.end_provider_session(&sid, &issuers()).await.unwrap(), 1),
            _ => {
                let url = format!("{OWN}/frontchannel_logout?iss=https%3A%2F%2Fsso.example.com%2F&sid={sid}");
                browser.send(&test_outpost, &browser.head(&url, &[("sec-fetch-dest", "iframe")])).await;
            }
        }
        let event = event(&test_outpost);
        assert_eq!((&event["event"], &event["cause"]), (&json!("session_ended"), &json!(cause)), "{event}");
        assert_eq!((&event["session"], &event["user"]), (&json!(key.to_hex()), &user("alice")));
        assert_eq!(event["request"].is_object(), cause == "frontchannel_logout");
    }
}

#[tokio::test]
async fn a_refused_refresh_token_ends_a_session_by_name() {
    let test_outpost = test_outpost();
    test_outpost.provider.refresh_tokens.enabled.store(true, Ordering::Relaxed);
    test_outpost.provider.refresh_tokens.lifetime.store(300, Ordering::Relaxed);
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    let session = only_session(&test_outpost);
    events(&test_outpost);
    test_outpost.provider.refresh_tokens.answer_with(Some(invalid_grant));
    test_outpost.pass(400);
    browser.open(&test_outpost, WIKI).await;
    test_outpost.outpost.settled().await;
    let event = event(&test_outpost);
    assert_eq!((&event["event"], &event["cause"]), (&json!("session_ended"), &json!("refresh_refused")));
    assert_eq!((&event["session"], &event["user"]), (&json!(session), &user("alice")));
    assert!(event["detail"].as_str().unwrap().contains("invalid_grant"), "{event}");
}
