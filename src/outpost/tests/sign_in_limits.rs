//! The limits on the sessions of one user and on the sign-ins of one client address.

use std::num::NonZeroU32;

use super::test_outpost::{Browser, PAGE, TestOutpost, allowed, denied, location, test_outpost};
use crate::domain::decision::Reason;
use crate::domain::http::RequestTarget;
use crate::outpost::{Request, SignInLimits};

const WIKI: &str = "https://wiki.example.com/x?y=1";
const BOARD: &str = "https://board.example.com/x";
const START: &str = "https://wiki.example.com/outpost.goauthentik.io/start";

pub(super) fn with_limits(sessions_per_user: Option<u32>, starts_per_client: Option<u32>) -> TestOutpost {
    let limits = SignInLimits {
        sessions_per_user: sessions_per_user.and_then(NonZeroU32::new),
        starts_per_client: starts_per_client.and_then(NonZeroU32::new),
    };
    let test_outpost = test_outpost();
    TestOutpost { outpost: test_outpost.outpost.with_sign_in_limits(limits), ..test_outpost }
}

/// Browsers that signed in at `url` one after another.
async fn signed_in<const N: usize>(test_outpost: &TestOutpost, url: &str) -> [Browser; N] {
    let mut browsers = std::array::from_fn(|_| Browser::default());
    for browser in &mut browsers {
        browser.sign_in(test_outpost, url).await;
        test_outpost.pass(1);
    }
    browsers
}

#[tokio::test]
async fn a_sign_in_above_the_limit_ends_the_oldest_session_and_a_page_says_so() {
    let test_outpost = with_limits(Some(2), None);
    let [mut first, mut second, mut third] = signed_in(&test_outpost, WIKI).await;
    assert_eq!(test_outpost.sessions(), 2);
    for browser in [&mut second, &mut third] {
        assert_eq!(browser.open(&test_outpost, WIKI).await.audit.reason, Reason::SignedIn);
    }
    let answer = first.open(&test_outpost, WIKI).await;
    assert_eq!(answer.audit.reason, Reason::SessionOverLimit);
    let page = denied(&answer);
    assert_eq!(page.status.as_u16(), 401);
    assert!(page.body.contains("allows each user 2 at the same time"), "{}", page.body);
    assert!(page.body.contains("start?rd=https%3A%2F%2Fwiki.example.com%2Fx%3Fy%3D1"), "{}", page.body);
    // The page deleted the cookie.
    let again = first.open(&test_outpost, WIKI).await;
    assert_eq!(again.audit.reason, Reason::SignInStarted);
}

#[tokio::test]
async fn a_script_is_told_to_sign_in_and_the_page_waits_for_the_user() {
    let test_outpost = with_limits(Some(1), None);
    let [mut first, _second] = signed_in(&test_outpost, WIKI).await;
    let script = first.head(WIKI, &[("accept", "application/json"), ("sec-fetch-mode", "cors")]);
    assert_eq!(test_outpost.ask(&script).await.audit.reason, Reason::SignInRequired);
    assert_eq!(first.open(&test_outpost, WIKI).await.audit.reason, Reason::SessionOverLimit);
}

#[tokio::test]
async fn the_link_of_the_page_begins_a_sign_in_even_if_the_cookie_stays() {
    let test_outpost = with_limits(Some(1), None);
    let [mut first, mut second] = signed_in(&test_outpost, WIKI).await;
    let direct = first.open(&test_outpost, START).await;
    assert_eq!(direct.audit.reason, Reason::SignInStarted);
    first.open(&test_outpost, &Browser::callback(&location(&direct))).await;
    assert!(allowed(&first.open(&test_outpost, WIKI).await).is_some());
    assert_eq!(second.open(&test_outpost, WIKI).await.audit.reason, Reason::SessionOverLimit);
}

#[tokio::test]
async fn nginx_shows_the_page_at_start() {
    let test_outpost = with_limits(Some(1), None);
    let [first, _second] = signed_in(&test_outpost, WIKI).await;
    let redirected_from = Some(RequestTarget::read("/x?y=1".to_owned()).unwrap());
    let request = Request { redirected_from, ..Request::from(first.head(START, &[PAGE])) };
    let answer = test_outpost.outpost.answer(&test_outpost.outpost.route(&request)).await;
    assert_eq!(answer.audit.reason, Reason::SessionOverLimit);
}

#[tokio::test]
async fn each_application_and_each_user_counts_alone_and_without_a_limit_no_session_ends() {
    let test_outpost = with_limits(Some(1), None);
    let [mut wiki] = signed_in(&test_outpost, WIKI).await;
    let [mut board] = signed_in(&test_outpost, BOARD).await;
    assert_eq!(wiki.open(&test_outpost, WIKI).await.audit.reason, Reason::SignedIn);
    assert_eq!(board.open(&test_outpost, BOARD).await.audit.reason, Reason::SignedIn);

    let test_outpost = with_limits(None, None);
    let browsers: [Browser; 20] = signed_in(&test_outpost, WIKI).await;
    assert_eq!(test_outpost.sessions(), browsers.len());
}

#[tokio::test]
async fn a_store_that_fails_while_the_oldest_are_ended_never_leaves_more_than_the_limit_with_a_cookie() {
    for call in 0..16 {
        let test_outpost = with_limits(Some(1), None);
        let [mut first] = signed_in(&test_outpost, WIKI).await;
        let mut second = Browser::default();
        let begun = second.open(&test_outpost, WIKI).await;
        test_outpost.fail_store_at(call);
        let back = second.open(&test_outpost, &Browser::callback(&location(&begun))).await;
        test_outpost.fail_store_at(usize::MAX);
        let answers = [first.open(&test_outpost, WIKI).await, second.open(&test_outpost, WIKI).await];
        let signed_in = answers.iter().filter(|answer| answer.audit.reason == Reason::SignedIn).count();
        assert_eq!(signed_in, 1, "call {call}: {:?} {:?}", back.audit, answers.map(|answer| answer.audit));
    }
}

#[tokio::test]
async fn a_client_that_starts_too_many_sign_ins_waits_and_signed_in_users_do_not_notice() {
    let test_outpost = with_limits(None, Some(3));
    let from = |client: &str| {
        let mut head = Browser::default().head(WIKI, &[PAGE]);
        head.client = Some(client.parse().unwrap());
        head
    };
    let mut user = Browser::default();
    user.sign_in(&test_outpost, WIKI).await;
    for _ in 0..3 {
        assert_eq!(test_outpost.ask(&from("192.0.2.1")).await.audit.reason, Reason::SignInStarted);
    }
    let answer = test_outpost.ask(&from("192.0.2.1")).await;
    assert_eq!(answer.audit.reason, Reason::TooManySignIns);
    let page = denied(&answer);
    assert_eq!(page.status.as_u16(), 429);
    assert!(page.headers.iter().any(|(name, value)| name == "retry-after" && value == "20"), "{:?}", page.headers);
    assert!(page.cookies.is_empty());
    assert_eq!(test_outpost.ask(&from("192.0.2.2")).await.audit.reason, Reason::SignInStarted);
    let mut signed_in = user.head(WIKI, &[PAGE]);
    signed_in.client = Some("192.0.2.1".parse().unwrap());
    assert_eq!(test_outpost.ask(&signed_in).await.audit.reason, Reason::SignedIn);
}

/// nginx' subrequest shows no redirect to the browser, which then opens `start`: that is one sign-in.
#[tokio::test]
async fn a_sign_in_through_nginx_counts_once() {
    let test_outpost = with_limits(None, Some(1));
    let mut head = Browser::default().head(WIKI, &[PAGE]);
    head.client = Some("192.0.2.1".parse().unwrap());
    let answer = async |request: &Request| {
        let outpost = &test_outpost.outpost;
        outpost.answer(&outpost.route(request)).await.audit.reason
    };
    let subrequest = Request { passes_redirects_on: false, ..Request::from(head.clone()) };
    for _ in 0..3 {
        assert_eq!(answer(&subrequest).await, Reason::SignInStarted);
    }
    let request = Request::from(head);
    assert_eq!(answer(&request).await, Reason::SignInStarted);
    assert_eq!(answer(&request).await, Reason::TooManySignIns);
}
