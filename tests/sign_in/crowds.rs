//! Many users at once: each gets a session of their own with their own subject.

use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::browser::{Browser, parameter};
use crate::test_outpost::wiki;

#[expect(clippy::needless_pass_by_value, reason = "the signature is the provider's")]
/// Derives the user of a token from its nonce, so that every attempt has another user.
fn user_of_the_nonce(payload: String) -> String {
    let mut claims: Value = serde_json::from_str(&payload).unwrap();
    claims["sub"] = format!("user-{}", claims["nonce"].as_str().unwrap()).into();
    claims.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_46_pk_3_a_hundred_sign_ins_at_once_each_end_as_their_own_user() {
    let (test_outpost, op) = wiki().await;
    op.behave(|b| b.payload_text = user_of_the_nonce);
    Browser::default().begin(&test_outpost, "https://wiki.example.com/").await;
    let (test_outpost, op) = (Arc::new(test_outpost), Arc::new(op));
    let mut users = JoinSet::new();
    for number in 0..100 {
        let (test_outpost, op) = (test_outpost.clone(), op.clone());
        users.spawn(async move {
            let mut browser = Browser::default();
            let page = format!("https://wiki.example.com/{number}");
            let asked = browser.begin(&test_outpost, &page).await;
            tokio::task::yield_now().await;
            let back = browser.open(&test_outpost, op.authorize(&asked).as_str()).await;
            assert_eq!(back.location().as_str(), page, "{back:#?}");
            for _ in 0..3 {
                tokio::task::yield_now().await;
                let answer = browser.open(&test_outpost, &page).await;
                assert_eq!(answer.user(), Some(format!("user-{}", parameter(&asked, "nonce")).as_str()));
            }
        });
    }
    while let Some(user) = users.join_next().await {
        user.unwrap();
    }
    let verifiers =
        op.recorded("/token").iter().filter_map(|request| request.form("code_verifier")).collect::<Vec<_>>();
    let distinct: std::collections::BTreeSet<_> = verifiers.iter().collect();
    assert_eq!((verifiers.len(), distinct.len()), (100, 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pk_4_ck_6_ten_first_visits_at_once_in_one_browser_all_arrive() {
    let (test_outpost, op) = wiki().await;
    let mut browser = Browser::default();
    let mut tabs = Vec::new();
    for tab in 0..10 {
        // Each tab sends its request before the first answer arrives; the browser stores the last cookie.
        let mut alone = Browser::default();
        let page = format!("https://wiki.example.com/{tab}");
        tabs.push((alone.begin(&test_outpost, &page).await, page));
        browser.cookies.extend(alone.cookies);
    }
    for (asked, page) in tabs {
        let mut back = browser.open(&test_outpost, op.authorize(&asked).as_str()).await;
        if back.reason == "sign_in_restarted" {
            back = browser.open(&test_outpost, op.authorize(&back.location()).as_str()).await;
        }
        assert_eq!(back.location().as_str(), page, "{back:#?}");
        assert!(browser.open(&test_outpost, &page).await.allowed);
    }
}
