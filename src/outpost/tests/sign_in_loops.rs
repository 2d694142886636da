//! Sign-ins that succeed but lead back to their beginning: each kind of loop ends at a page.

use std::sync::atomic::Ordering;

use super::test_outpost::{Browser, PAGE, TestOutpost, allowed, denied, location, test_outpost};
use crate::domain::decision::Reason;

const WIKI: &str = "https://wiki.example.com/x?y=1";
const START: &str = "https://wiki.example.com/outpost.goauthentik.io/start?rd=/x";
const SESSION: &str = "__Host-gatepost-session-wiki";

/// Sends a request that reaches the check without the browser's cookies, as behind a first check or a proxy that
/// withholds them.
async fn open_stripped(
    browser: &mut Browser,
    test_outpost: &TestOutpost,
    url: &str,
) -> crate::domain::decision::Decision {
    let kept = std::mem::take(&mut browser.cookies);
    let decision = browser.open(test_outpost, url).await;
    let set = std::mem::replace(&mut browser.cookies, kept);
    browser.cookies.extend(set);
    decision
}

/// Opens `url` until a page is returned, with a pause of `seconds` at each step; returns how many sign-ins were
/// completed before.
async fn completed_before_the_page(
    test_outpost: &TestOutpost,
    seconds: u64,
    url: &str,
    stripped: bool,
    change: impl Fn(&mut Browser),
) -> usize {
    let mut browser = Browser::default();
    for completed in 0..20 {
        let started = if stripped {
            open_stripped(&mut browser, test_outpost, url).await
        } else {
            browser.open(test_outpost, url).await
        };
        test_outpost.pass(seconds);
        let back = browser.open(test_outpost, &Browser::callback(&location(&started))).await;
        test_outpost.pass(seconds);
        if back.audit.reason == Reason::SignInLoop {
            let page = denied(&back);
            assert_eq!(page.status.as_u16(), 508);
            assert!(page.body.contains("https://wiki.example.com/x"), "leads on by hand: {}", page.body);
            assert!(page.cookies.is_empty(), "no session is touched");
            assert_eq!(
                test_outpost.provider.exchanges.load(Ordering::Relaxed),
                completed,
                "no code is redeemed for nothing"
            );
            return completed;
        }
        assert_eq!(back.audit.reason, Reason::SignInCompleted);
        change(&mut browser);
    }
    panic!("no page ends it");
}

#[tokio::test]
async fn a_check_at_two_hops_of_which_the_first_cuts_the_cookie_ends_at_a_page() {
    assert_eq!(completed_before_the_page(&test_outpost(), 1, WIKI, true, |_| {}).await, 1);
}

#[tokio::test]
async fn a_question_without_cookies_after_which_somebody_is_led_to_start_ends_at_a_page() {
    assert_eq!(completed_before_the_page(&test_outpost(), 1, START, true, |_| {}).await, 3);
}

#[tokio::test]
async fn ck_5_a_planted_cookie_hides_no_loop() {
    let plants = |browser: &mut Browser| {
        browser.cookies.remove(SESSION);
        let name = "__Secure-gatepost-completed-wiki";
        let own = browser.cookies.remove(name).expect("is set");
        browser.cookies.insert(name.into(), format!("planted; {name}={own}; {name}=planted"));
    };
    assert_eq!(completed_before_the_page(&test_outpost(), 1, WIKI, false, plants).await, 3);
}

#[tokio::test]
async fn a_session_that_never_arrives_or_is_gone_at_once_ends_at_a_page() {
    let loses_the_cookie = |browser: &mut Browser| {
        browser.cookies.remove(SESSION);
    };
    assert_eq!(completed_before_the_page(&test_outpost(), 1, WIKI, false, loses_the_cookie).await, 3);
    let test_outpost = test_outpost();
    let loses_the_session = |_: &mut Browser| test_outpost.store.clear();
    assert_eq!(completed_before_the_page(&test_outpost, 1, WIKI, false, loses_the_session).await, 3);
}

#[tokio::test]
async fn a_session_that_is_over_at_the_next_request_ends_at_a_page() {
    let test_outpost = test_outpost();
    test_outpost.provider.id_token_lifetime.store(2, Ordering::Relaxed);
    assert_eq!(completed_before_the_page(&test_outpost, 2, WIKI, false, |_| {}).await, 3);
}

#[tokio::test]
async fn tabs_that_began_before_the_first_sign_in_was_complete_all_arrive() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.open(&test_outpost, WIKI).await;
    let mut tabs = Vec::new();
    for tab in 0..10 {
        let url = format!("https://wiki.example.com/{tab}");
        tabs.push((location(&browser.open(&test_outpost, &url).await), url));
    }
    for (started, url) in tabs {
        test_outpost.pass(1);
        let back = browser.open(&test_outpost, &Browser::callback(&started)).await;
        assert_eq!((location(&back), back.audit.reason), (url, Reason::SignInCompleted));
    }
}

/// Their requests were sent before the first session cookie arrived, and were answered after the session had begun.
#[tokio::test]
async fn tabs_whose_requests_crossed_the_first_sign_in_all_arrive() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    for tab in 0..10 {
        test_outpost.pass(1);
        let url = format!("https://wiki.example.com/{tab}");
        let started = open_stripped(&mut browser, &test_outpost, &url).await;
        let back = browser.open(&test_outpost, &Browser::callback(&location(&started))).await;
        assert_eq!((location(&back), back.audit.reason), (url, Reason::SignInCompleted));
    }
}

#[tokio::test]
async fn a_user_who_asks_for_a_sign_in_gets_one() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    test_outpost.pass(1);
    assert_eq!(browser.sign_in(&test_outpost, START).await, "https://wiki.example.com/x", "signs in anew");
    test_outpost.pass(1);
    // Signs out and in again, more often and faster than any person clicks.
    for _ in 0..6 {
        let mut out = browser.head("https://wiki.example.com/outpost.goauthentik.io/sign_out", &[PAGE]);
        out.headers.push("sec-fetch-site", b"same-origin");
        browser.send(&test_outpost, &out).await;
        test_outpost.pass(1);
        assert_eq!(browser.sign_in(&test_outpost, WIKI).await, WIKI);
        test_outpost.pass(1);
        assert_eq!(allowed(&browser.open(&test_outpost, WIKI).await), Some("alice".into()));
    }
    // Another client ended the session: the next request signs in.
    test_outpost.store.clear();
    assert_eq!(browser.sign_in(&test_outpost, WIKI).await, WIKI);
}

#[tokio::test]
async fn a_stale_session_that_is_replaced_is_no_loop() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    for _ in 0..5 {
        browser.sign_in(&test_outpost, WIKI).await;
        test_outpost.pass(3 * 3600);
    }
    // Later, the two hops differ: a second sign-in results in a page only within seconds of the first.
    browser.sign_in(&test_outpost, WIKI).await;
    test_outpost.pass(60);
    let started = open_stripped(&mut browser, &test_outpost, WIKI).await;
    let back = browser.open(&test_outpost, &Browser::callback(&location(&started))).await;
    assert_eq!(back.audit.reason, Reason::SignInCompleted);
}

#[tokio::test]
async fn no_cookie_at_the_callback_names_both_who_may_withhold_it() {
    let test_outpost = test_outpost();
    let started = location(&Browser::default().open(&test_outpost, WIKI).await);
    let again = location(&Browser::default().open(&test_outpost, &Browser::callback(&started)).await);
    let page = Browser::default().open(&test_outpost, &Browser::callback(&again)).await;
    let page = denied(&page);
    assert_eq!(page.status.as_u16(), 400);
    assert!(
        page.body.contains("your browser does not accept cookies") && page.body.contains("a proxy in front"),
        "{}",
        page.body
    );

    let started = location(&Browser::default().open(&test_outpost, WIKI).await);
    let other = ("cookie", "a=1");
    let again = test_outpost.ask(&Browser::default().head(&Browser::callback(&started), &[PAGE, other])).await;
    let last = test_outpost.ask(&Browser::default().head(&Browser::callback(&location(&again)), &[PAGE, other])).await;
    assert!(!denied(&last).body.contains("proxy"), "others arrive: {}", denied(&last).body);
}
