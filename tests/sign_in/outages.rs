//! Providers that are down, and sign-ins that continue by themselves after their recovery.

use gatepost::testing::ManualClock;
use std::time::{Duration, Instant};

use crate::browser::{Answer, Browser, WIKI};
use crate::op::{HostileOp, Reply};
use crate::test_outpost::{Storage, TestOutpost, application, wiki};

/// Opens the page until the answer is not "unavailable" any more.
async fn recovered(test_outpost: &TestOutpost, url: &str) -> Answer {
    #[expect(clippy::disallowed_methods, reason = "a deadline of the test")]
    let begun = Instant::now();
    loop {
        let answer = Browser::default().open(test_outpost, url).await;
        if answer.status != 503 {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it never recovers: {answer:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn f_1_down_at_the_start_is_a_503_that_recovers_without_a_restart() {
    for down in [Reply::Close, Reply::Status(500), Reply::Truncated, Reply::Text(200, "text/html", "<html>".to_owned())]
    {
        let clock = ManualClock::new();
        let (op, other) = (HostileOp::start(clock.clone()).await, HostileOp::start(clock.clone()).await);
        op.behave(|b| b.discovery = down.clone());
        let applications = vec![application("wiki", op.issuer()), application("board", other.issuer())];
        let test_outpost = TestOutpost::new(applications, &clock, &Storage::default());
        let mut browser = Browser::default();
        let page = browser.open(&test_outpost, WIKI).await;
        page.expect_refusal(503, &format!("{down:?}"));
        assert_eq!((page.reason.as_str(), page.header("retry-after")), ("provider_unavailable", Some("5")));
        assert!(browser.cookies.is_empty(), "nothing was begun");
        browser.sign_in(&test_outpost, &other, "https://board.example.com/").await;

        op.reform();
        assert_eq!(recovered(&test_outpost, WIKI).await.reason, "sign_in_started", "{down:?}");
        browser.sign_in(&test_outpost, &op, WIKI).await;
    }
}

#[tokio::test]
async fn f_2_down_later_leaves_the_signed_in_alone_and_a_callback_completes_on_reload() {
    let (test_outpost, op) = wiki().await;
    let mut alice = Browser::default();
    alice.sign_in(&test_outpost, &op, WIKI).await;
    for down in [Reply::Close, Reply::Status(503), Reply::Truncated] {
        let mut bob = Browser::default();
        let back = op.authorize(&bob.begin(&test_outpost, WIKI).await);
        op.behave(|b| {
            b.token = down.clone();
            b.discovery = down.clone();
            b.keys = down.clone();
        });
        let name = format!("{down:?}");
        let page = bob.open(&test_outpost, back.as_str()).await;
        page.expect_refusal(503, &name);
        assert_eq!((page.reason.as_str(), page.header("retry-after")), ("provider_unavailable", Some("5")), "{name}");
        assert!(alice.open(&test_outpost, WIKI).await.allowed, "{name}: sessions do not ask the provider");
        Browser::default().begin(&test_outpost, WIKI).await;

        op.reform();
        // The code may have been redeemed before the answer was lost, so it is not sent again: a new one is fetched.
        let again = bob.open(&test_outpost, back.as_str()).await;
        assert_eq!(again.reason, "sign_in_restarted", "{name}");
        let done = bob.open(&test_outpost, op.authorize(&again.location()).as_str()).await;
        assert_eq!((done.reason.as_str(), done.location().as_str()), ("sign_in_completed", WIKI), "{name}");
    }
}
