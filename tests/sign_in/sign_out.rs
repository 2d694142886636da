//! Sign-out up to the provider's end-session endpoint, and back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::browser::{Browser, WIKI, parameter, redirected};
use crate::op::{CLIENT_ID, Reply, SUBJECT};
use crate::test_outpost::wiki;

const SIGN_OUT: &str = "https://wiki.example.com/outpost.goauthentik.io/sign_out";
const DELIBERATE: &[(&str, &str)] = &[("sec-fetch-site", "none")];

#[tokio::test]
async fn rl_2_3_4_a_54_out_by_way_of_the_provider_and_back() {
    let (test_outpost, op) = wiki().await;
    let mut browser = Browser::default();
    let asked = browser.begin(&test_outpost, WIKI).await;
    browser.open(&test_outpost, op.authorize(&asked).as_str()).await;
    let before = browser.clone();
    let left = browser.open_with(&test_outpost, SIGN_OUT, DELIBERATE).await;
    let there = left.location();
    assert!(there.as_str().starts_with(&format!("{}end_session?", op.issuer())), "{there}");
    assert!(browser.cookies.is_empty(), "CK-4: all cookies of ours are gone: {:?}", browser.cookies);

    let hint = parameter(&there, "id_token_hint");
    let payload = URL_SAFE_NO_PAD.decode(hint.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((claims["sub"].as_str(), claims["sid"].as_str()), (Some(SUBJECT), Some("provider-session")));
    assert_eq!(claims["nonce"], parameter(&asked, "nonce"), "RL-3: the very token of this sign-in");
    assert_eq!(hint, op.sign(&json!({"typ": "JWT"}), &claims), "raw, signature included");
    assert_eq!(
        (parameter(&there, "client_id").as_str(), parameter(&there, "post_logout_redirect_uri").as_str()),
        (CLIENT_ID, SIGN_OUT)
    );
    let state = parameter(&there, "state");
    assert_eq!(state.len(), 22);

    let back = redirected(&there).await;
    assert_eq!((parameter(&back, "state"), op.recorded("/end_session").len()), (state, 1));
    for url in [back.as_str(), &format!("{SIGN_OUT}?state=forged"), SIGN_OUT] {
        let page = browser.open(&test_outpost, url).await;
        assert_eq!((page.status, page.reason.as_str()), (200, "signed_out"), "RL-4: {url}");
        assert!(page.header("location").is_none() && browser.cookies.is_empty(), "A-54: no silent sign-in");
    }
    assert_eq!(
        before.clone().open(&test_outpost, WIKI).await.reason,
        "sign_in_started",
        "SM-4: the old cookie is dead"
    );
}

#[tokio::test]
async fn rl_2_a_provider_that_is_down_does_not_keep_the_session() {
    let (test_outpost, op) = wiki().await;
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, &op, WIKI).await;
    op.behave(|b| b.discovery = Reply::Close);
    let before = browser.clone();
    let left = browser.open_with(&test_outpost, SIGN_OUT, DELIBERATE).await;
    assert_eq!(left.reason, "signed_out");
    assert!(browser.cookies.is_empty());
    assert_eq!(before.clone().open(&test_outpost, WIKI).await.reason, "sign_in_started");
}

#[tokio::test]
async fn rl_3_a_token_too_long_for_an_address_goes_by_form() {
    let (test_outpost, op) = wiki().await;
    op.behave(|b| b.claims = json!({"groups": vec!["g".repeat(60); 120]}));
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, &op, WIKI).await;
    let page = browser.open_with(&test_outpost, SIGN_OUT, DELIBERATE).await;
    assert_eq!((page.status, page.header("location")), (200, None));
    let action = format!("action=\"{}end_session\"", op.issuer());
    assert!(page.body.contains(&action) && page.body.contains("name=\"id_token_hint\""), "{}", page.body);
    assert!(!browser.has_session());
}

#[tokio::test]
async fn rl_5_without_an_end_session_endpoint_the_user_is_signed_out_here() {
    let (test_outpost, op) = wiki().await;
    op.behave(|b| b.metadata = json!({"end_session_endpoint": null}));
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, &op, WIKI).await;
    let page = browser.open_with(&test_outpost, SIGN_OUT, DELIBERATE).await;
    assert_eq!((page.status, page.reason.as_str()), (200, "signed_out"));
    assert!(browser.cookies.is_empty());
}
