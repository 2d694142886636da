//! Two providers, two applications, one outpost: the answers of one provider are not accepted for the other.

use gatepost::testing::ManualClock;
use serde_json::json;

use crate::browser::{Browser, WIKI, parameter};
use crate::capture::Log;
use crate::op::{Callback, HostileOp, SUBJECT};
use crate::test_outpost::{Storage, TestOutpost, application};

const BOARD: &str = "https://board.example.com/";

/// `wiki` at one provider, `board` at the other.
async fn two() -> (TestOutpost, HostileOp, HostileOp) {
    let clock = ManualClock::new();
    let (one, two) = (HostileOp::start(clock.clone()).await, HostileOp::start(clock.clone()).await);
    let applications = vec![application("wiki", one.issuer()), application("board", two.issuer())];
    (TestOutpost::new(applications, &clock, &Storage::default()), one, two)
}

fn tokens(op: &HostileOp) -> usize {
    op.recorded("/token").len()
}

#[tokio::test]
async fn two_applications_with_two_issuers_sign_in_in_one_browser() {
    let (test_outpost, one, two) = two().await;
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, &one, WIKI).await;
    assert_eq!(
        browser.open(&test_outpost, BOARD).await.reason,
        "sign_in_started",
        "a session of one is none at the other"
    );
    browser.sign_in(&test_outpost, &two, BOARD).await;
    assert!(browser.open(&test_outpost, WIKI).await.allowed, "and the first one lives on");
    assert_eq!((tokens(&one), tokens(&two)), (1, 1));
}

#[tokio::test]
async fn bcp_3_mix_up_the_wrong_provider_sees_no_token_call() {
    let (test_outpost, one, two) = two().await;
    let mut browser = Browser::default();
    // The browser begins a sign-in at the first provider, and is sent to the second instead.
    let asked = browser.begin(&test_outpost, WIKI).await;
    let back = two.authorize(&asked);
    browser.open(&test_outpost, back.as_str()).await.expect_refusal(400, "the second provider says who it is");
    assert_eq!((tokens(&one), tokens(&two)), (0, 0));

    // The second one lies about its issuer and returns its own code: the code reaches the first, which does not know it.
    two.behave(|b| b.callback = Callback::Issuer(one.issuer().to_owned()));
    let mut browser = Browser::default();
    let asked = browser.begin(&test_outpost, WIKI).await;
    let answer = browser.open(&test_outpost, two.authorize(&asked).as_str()).await;
    assert_eq!(answer.reason, "sign_in_restarted", "{answer:#?}");
    assert_eq!((tokens(&one), tokens(&two)), (1, 0), "the code never gets to the one that injected it");
    assert!(!browser.has_session());
}

#[tokio::test]
async fn bcp_3_an_attempt_of_one_application_is_none_at_the_other() {
    let (test_outpost, one, two) = two().await;
    let mut browser = Browser::default();
    let back = one.authorize(&browser.begin(&test_outpost, WIKI).await);
    browser.begin(&test_outpost, BOARD).await;
    let moved = back.as_str().replace("wiki.example.com", "board.example.com");
    let page = browser.open(&test_outpost, &moved).await;
    assert_eq!((page.status, page.reason.as_str()), (400, "sign_in_failed"));
    assert_eq!((tokens(&one), tokens(&two)), (0, 0));
    assert!(!browser.has_session());
}

#[tokio::test]
async fn a_47_a_token_of_one_provider_is_refused_at_an_application_of_the_other() {
    let (test_outpost, one, two) = two().await;
    let mut browser = Browser::default();
    let asked = browser.begin(&test_outpost, BOARD).await;
    // Both providers of the test have the same keys, so the signature is valid: only the issuer differs.
    let claims = json!({
        "iss": one.issuer(), "sub": SUBJECT, "aud": "wiki:1", "nonce": parameter(&asked, "nonce"),
        "iat": 1_900_000_000, "exp": 1_900_000_300,
    });
    let token = one.sign(&json!({}), &claims);
    two.behave(|b| b.answer = json!({"id_token": token}));
    let log = Log::start();
    let answer = browser.open(&test_outpost, two.authorize(&asked).as_str()).await;
    assert_eq!((answer.status, answer.reason.as_str()), (403, "provider_untrustworthy"), "{answer:#?}");
    assert!(!answer.sets_session());
    assert!(log.take().contains("`iss` is not the configured issuer"));
}

#[tokio::test]
async fn bcp_3_sm_11_a_47_a_session_of_one_issuer_is_none_for_the_other() {
    let (test_outpost, one, two) = two().await;
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, &one, WIKI).await;
    let session = browser.cookies.iter().find(|((_, name), _)| name.contains("session")).unwrap();
    let id = session.1.clone();
    let mut thief = Browser::default();
    for name in ["__Host-gatepost-session-board", "__Host-gatepost-session-wiki", "__Secure-gatepost-session-board"] {
        thief.cookies.insert(("board.example.com".to_owned(), name.to_owned()), id.clone());
    }
    assert_eq!(thief.open(&test_outpost, BOARD).await.reason, "sign_in_started");
    thief.sign_in(&test_outpost, &two, BOARD).await;
    assert_eq!(
        browser.open(&test_outpost, WIKI).await.reason,
        "sign_in_started",
        "SM-3: an id shown at a sign-in ends there"
    );
}

#[tokio::test]
async fn oc_14_the_same_subject_of_two_issuers_is_two_users() {
    let (test_outpost, one, two) = two().await;
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, &one, WIKI).await;
    browser.sign_in(&test_outpost, &two, BOARD).await;
    let url = "https://wiki.example.com/outpost.goauthentik.io/sign_out";
    let left = browser.open_with(&test_outpost, url, &[("sec-fetch-site", "none")]).await;
    assert_eq!(left.reason, "signed_out");
    assert!(browser.open(&test_outpost, BOARD).await.allowed, "the other issuer's user stays signed in");
    assert_eq!(browser.open(&test_outpost, WIKI).await.reason, "sign_in_started");
}
