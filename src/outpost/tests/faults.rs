//! Whatever fails, no request is allowed because of it, no state of the user's is lost, and the answer reports the
//! fault.

use std::sync::atomic::Ordering;

use super::sign_in_limits::with_limits;
use super::test_outpost::{Browser, TestOutpost, allowed, denied, location, outpost_with, test_outpost};
use crate::domain::decision::{Decision, Page, Reason};
use crate::domain::http::ClientKind;
use crate::domain::slug::Slug;

const WIKI: &str = "https://wiki.example.com/x";

fn retry_after(page: &Page) -> bool {
    page.headers.iter().any(|(name, _)| name == "retry-after")
}

fn unavailable(decision: &Decision, reason: Reason) {
    let page = denied(decision);
    assert_eq!((page.status.as_u16(), decision.audit.reason, retry_after(page)), (503, reason, true));
    assert!(page.cookies.is_empty(), "a_77: nobody's cookie is deleted");
}

#[tokio::test]
async fn sm_12_a_store_that_cannot_say_is_not_no_session() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    test_outpost.fail_store_at(1);
    unavailable(&browser.open(&test_outpost, WIKI).await, Reason::StoreUnavailable);
    assert_eq!(allowed(&browser.open(&test_outpost, WIKI).await), Some("alice".into()), "signed in as before");
}

#[tokio::test]
async fn f_1_the_provider_is_down_sessions_live_and_sign_ins_wait() {
    let test_outpost = test_outpost();
    let (mut signed_in, mut visitor) = (Browser::default(), Browser::default());
    signed_in.sign_in(&test_outpost, WIKI).await;
    let started = location(&visitor.open(&test_outpost, WIKI).await);
    test_outpost.provider.down.store(true, Ordering::Relaxed);
    assert_eq!(allowed(&signed_in.open(&test_outpost, WIKI).await), Some("alice".into()));
    unavailable(&Browser::default().open(&test_outpost, WIKI).await, Reason::ProviderUnavailable);
    unavailable(&visitor.open(&test_outpost, &Browser::callback(&started)).await, Reason::ProviderUnavailable);
    test_outpost.provider.down.store(false, Ordering::Relaxed);
    assert_eq!(
        location(&visitor.open(&test_outpost, &Browser::callback(&started)).await),
        WIKI,
        "the attempt was not used up"
    );
}

#[tokio::test]
async fn f_1_a_signed_in_request_never_waits_for_the_provider() {
    let test_outpost = outpost_with(|application| application.jwt_headers = true);
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    let asked = test_outpost.provider.metadata_calls.load(Ordering::Relaxed);
    assert_eq!(allowed(&browser.open(&test_outpost, WIKI).await), Some("alice".into()));
    assert_eq!(test_outpost.provider.metadata_calls.load(Ordering::Relaxed), asked);
}

/// The provider or the store is unreachable: the page links to the address itself, or to another sign-in with the same
/// return address, and no page holds a code.
#[tokio::test]
async fn what_failed_is_tried_again_where_it_was_asked() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let callback = Browser::callback(&location(&browser.open(&test_outpost, WIKI).await));
    test_outpost.provider.down.store(true, Ordering::Relaxed);
    let page = browser.open(&test_outpost, WIKI).await;
    assert!(denied(&page).body.contains("<a href=\"https://wiki.example.com/x\">Try again</a>"), "{page:?}");
    let anew = "/start?rd=https%3A%2F%2Fwiki.example.com%2Fx\">Try again</a>";
    let page = browser.open(&test_outpost, &callback).await;
    assert!(denied(&page).body.contains(anew) && !denied(&page).body.contains("code="), "{page:?}");
    let head = browser.head(&callback, &[("accept", "text/html")]);
    let late = test_outpost.outpost.overdue(&test_outpost.outpost.route(&head.into()));
    assert!(denied(&late).body.contains(anew) && !denied(&late).body.contains("code="), "{late:?}");
}

/// PR-4: every store call of every flow fails in turn.
#[tokio::test]
async fn pr_4_no_store_fault_at_any_call_allows_a_request() {
    for call in 1..=8 {
        let test_outpost = with_limits(Some(1), None);
        *test_outpost.provider.sid.lock().unwrap() = Some("s-1".into());
        let mut browser = Browser::default();
        let callback = Browser::callback(&location(&browser.open(&test_outpost, WIKI).await));
        test_outpost.fail_store_at(call);
        let decision = browser.open(&test_outpost, &callback).await;
        let failed = test_outpost.store.fail_at.load(Ordering::Relaxed) == 0;
        if failed {
            unavailable(&decision, Reason::StoreUnavailable);
            assert_eq!(test_outpost.sessions(), 0, "call {call}");
        } else {
            assert_eq!(decision.audit.reason, Reason::SignInCompleted);
            assert!(call > 4, "the attempt, the session, the provider session and the user's sessions are asked for");
        }
    }
}

#[tokio::test]
async fn f_6_a_sign_out_that_cannot_be_written_holds_here_and_says_so() {
    for (call, of_others) in [(1, "sign out there as well"), (2, "So do your sessions in other browsers")] {
        let test_outpost = test_outpost();
        let mut browser = Browser::default();
        browser.sign_in(&test_outpost, WIKI).await;
        test_outpost.fail_store_at(call);
        let decision = browser.send(&test_outpost, &sign_out(&browser, "none")).await;
        let page = denied(&decision);
        assert_eq!((page.status.as_u16(), decision.audit.reason), (503, Reason::SignedOutHere), "call {call}");
        assert!(retry_after(page) && page.body.contains(of_others), "{}", page.body);
        assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
        assert_eq!(test_outpost.sessions(), 0, "what the browser showed has ended");
    }
}

#[tokio::test]
async fn f_6_what_somebody_else_may_have_caused_ends_nothing_during_an_outage_either() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    test_outpost.fail_store_at(1);
    let decision = browser.send(&test_outpost, &sign_out(&browser, "cross-site")).await;
    unavailable(&decision, Reason::StoreUnavailable);
    assert!(test_outpost.sessions() == 1 && browser.cookies.keys().any(|name| name.contains("session")));
}

fn sign_out(browser: &Browser, site: &str) -> crate::domain::http::RequestHead {
    let url = "https://wiki.example.com/outpost.goauthentik.io/sign_out";
    browser.head(url, &[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-site", site)])
}

#[tokio::test]
async fn a_use_that_cannot_be_noted_denies_nobody() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    test_outpost.pass(120);
    test_outpost.fail_store_at(2);
    assert_eq!(allowed(&browser.open(&test_outpost, WIKI).await), Some("alice".into()));
}

#[tokio::test]
async fn more_cookies_than_any_browser_sends_are_refused() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    browser.cookies.insert("a".into(), "x".repeat(40_000));
    let decision = browser.open(&test_outpost, WIKI).await;
    assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (431, Reason::TooManyCookies));
}

#[tokio::test]
async fn what_is_no_question_is_refused_in_the_clients_own_words() {
    let test_outpost: TestOutpost = test_outpost();
    for (reason, status) in [(Reason::Malformed, 400), (Reason::Overdue, 503), (Reason::Internal, 503)] {
        for kind in [ClientKind::Navigation, ClientKind::Html, ClientKind::Frame, ClientKind::Script, ClientKind::Grpc]
        {
            let decision = test_outpost.outpost.refuse(reason, kind);
            let page = denied(&decision);
            assert_eq!((page.status.as_u16(), retry_after(page)), (status, status == 503));
            assert_eq!(page.content_type.starts_with("text/html"), kind.reads_html(), "{kind:?}");
            assert_eq!(page.body.contains(">Try again"), kind.reads_html(), "{kind:?}: {}", page.body);
        }
    }
}

#[tokio::test]
async fn what_is_overdue_names_its_application_and_the_same_address_again() {
    let test_outpost: TestOutpost = test_outpost();
    let head = Browser::default().head(WIKI, &[("accept", "text/html")]);
    let decision = test_outpost.outpost.overdue(&test_outpost.outpost.route(&head.into()));
    assert_eq!(decision.audit.application.as_ref().map(Slug::as_str), Some("wiki"));
    assert!(denied(&decision).body.contains("<a href=\"https://wiki.example.com/x\">Try again</a>"));
}
