//! Refreshes: in the background, once, saved before they count, and never of a session that has ended.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::test_outpost::{Browser, LIFETIMES, PAGE, TestOutpost, allowed, outpost_with, test_outpost};
use crate::domain::decision::{Decision, Reason};
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::policy::identity_headers::{Budget, HeaderPlan, HeaderSettings};
use crate::domain::policy::{AccessRules, Conditions, Principals};
use crate::domain::session::{Refreshed, SessionRecord};
use crate::outpost::Request;
use crate::ports::{Clock as _, ExchangeFault, ListedSession, SessionStore as _};
use crate::testing::{self, application, invalid_grant, unavailable};

const WIKI: &str = "https://wiki.example.com/x";
/// The lifetime of access tokens in seconds; a session is due at 240 s.
const LIFE: u64 = 300;

/// Alice, an admin, is signed in with a refresh token.
async fn signed_in(test_outpost: &TestOutpost) -> Browser {
    test_outpost.provider.refresh_tokens.enabled.store(true, Ordering::Relaxed);
    test_outpost.provider.refresh_tokens.lifetime.store(LIFE, Ordering::Relaxed);
    *test_outpost.provider.groups.lock().unwrap() = vec!["admins".to_owned()];
    let mut browser = Browser::default();
    browser.sign_in(test_outpost, WIKI).await;
    browser
}

fn only_admins() -> TestOutpost {
    outpost_with(|application| {
        let admins = Conditions { groups: vec!["admins".to_owned()], ..Conditions::default() };
        let principals = Principals::matching(admins).expect("names a group");
        let rule = testing::rule(principals);
        application.rules = AccessRules::new(vec![rule]).expect("is one");
    })
}

/// Opens a page and waits for the background work that it began.
async fn open_and_settle(browser: &Browser, test_outpost: &TestOutpost) -> Decision {
    let decision = test_outpost.ask(&browser.head(WIKI, &[PAGE])).await;
    test_outpost.outpost.settled().await;
    decision
}

fn record(test_outpost: &TestOutpost) -> SessionRecord {
    test_outpost.store.all().first().expect("a session").stored.session.record().clone()
}

/// Refreshes the session as another process would.
async fn refresh_elsewhere(test_outpost: &TestOutpost) {
    let ListedSession { key, stored } = test_outpost.store.all().pop().expect("a session");
    let refreshed = Refreshed::new(None, Some("newer".into()), Some(Duration::from_secs(LIFE)));
    let refreshed =
        stored.session.refreshed(refreshed, &application("https://wiki.example.com"), test_outpost.clock.now());
    assert!(test_outpost.store.replace(&key, refreshed).await.expect("saves"));
}

/// Waits until `times` refreshes were requested.
async fn asked(test_outpost: &TestOutpost, times: usize) {
    let begun = Instant::now();
    while test_outpost.provider.refresh_tokens.requests() < times {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody asked");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_session_that_is_not_due_asks_nobody() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    test_outpost.pass(239);
    assert_eq!(allowed(&open_and_settle(&browser, &test_outpost).await), Some("alice".into()));
    assert_eq!((test_outpost.provider.refresh_tokens.requests(), record(&test_outpost).generation), (0, 0));
}

#[tokio::test]
async fn sm_7_a_43_a_due_session_is_refreshed_behind_the_answer_and_rules_see_it() {
    let test_outpost = only_admins();
    let browser = signed_in(&test_outpost).await;
    test_outpost.provider.groups.lock().unwrap().clear();
    test_outpost.pass(240);
    let gate = test_outpost.provider.refresh_tokens.close_gate();
    assert!(allowed(&test_outpost.ask(&browser.head(WIKI, &[PAGE])).await).is_some(), "nobody waits");
    asked(&test_outpost, 1).await;
    assert!(allowed(&test_outpost.ask(&browser.head(WIKI, &[PAGE])).await).is_some(), "nor while it is under way");
    gate.add_permits(1);
    test_outpost.outpost.settled().await;
    let decision = open_and_settle(&browser, &test_outpost).await;
    assert_eq!(decision.audit.reason, Reason::Forbidden, "removed at the provider");
    assert_eq!((test_outpost.provider.refresh_tokens.requests(), record(&test_outpost).generation), (1, 1));
}

#[tokio::test]
async fn sm_7_a_stale_session_waits_for_what_the_provider_says_now() {
    let test_outpost = only_admins();
    let browser = signed_in(&test_outpost).await;
    test_outpost.provider.groups.lock().unwrap().clear();
    test_outpost.pass(LIFE);
    assert_eq!(test_outpost.ask(&browser.head(WIKI, &[PAGE])).await.audit.reason, Reason::Forbidden);
    assert_eq!(record(&test_outpost).claims.texts("groups").count(), 0);
}

#[tokio::test]
async fn sm_2_refreshes_move_no_end() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    let begun = record(&test_outpost);
    for turn in 1..=80 {
        test_outpost.pass(LIFE);
        assert!(allowed(&open_and_settle(&browser, &test_outpost).await).is_some(), "{turn}");
        let record = record(&test_outpost);
        assert_eq!((record.created, record.ends, record.generation), (begun.created, begun.ends, turn));
    }
    test_outpost.pass(LIFETIMES.absolute.as_secs() - 80 * LIFE);
    assert!(allowed(&open_and_settle(&browser, &test_outpost).await).is_none());
    assert_eq!(test_outpost.provider.refresh_tokens.requests(), 80, "what has ended is not refreshed");
}

#[tokio::test]
async fn f_21_bcp_6_two_hundred_requests_make_one_refresh() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    test_outpost.pass(LIFE);
    let gate = test_outpost.provider.refresh_tokens.close_gate();
    let head = browser.head(WIKI, &[PAGE]);
    let requests = join_all((0..200).map(|_| test_outpost.ask(&head)));
    let (decisions, ()) = tokio::join!(requests, async {
        asked(&test_outpost, 1).await;
        gate.add_permits(200);
    });
    assert!(decisions.iter().all(|decision| allowed(decision) == Some("alice".into())));
    test_outpost.outpost.settled().await;
    assert_eq!((test_outpost.provider.refresh_tokens.requests(), record(&test_outpost).generation), (1, 1));
}

#[tokio::test]
async fn a_refresh_goes_on_when_its_request_is_given_up() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    test_outpost.pass(LIFE);
    let gate = test_outpost.provider.refresh_tokens.close_gate();
    let head = browser.head(WIKI, &[PAGE]);
    let given_up = tokio::time::timeout(Duration::from_millis(50), test_outpost.ask(&head)).await;
    assert!(given_up.is_err());
    gate.add_permits(1);
    test_outpost.outpost.settled().await;
    assert_eq!(record(&test_outpost).generation, 1);
}

#[tokio::test]
async fn who_has_little_time_goes_on_with_what_is_known() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    test_outpost.pass(LIFE);
    let gate = test_outpost.provider.refresh_tokens.close_gate();
    let (request, begun) = (Request::from(browser.head(WIKI, &[PAGE])), Instant::now());
    let routed = test_outpost.outpost.route(&request).within(Duration::from_millis(100));
    assert_eq!(allowed(&test_outpost.outpost.answer(&routed).await), Some("alice".into()));
    assert!(begun.elapsed() >= Duration::from_millis(70));
    gate.add_permits(1);
    test_outpost.outpost.settled().await;
    assert_eq!(record(&test_outpost).generation, 1);
}

#[tokio::test]
async fn f_2_a_provider_that_is_down_signs_nobody_out_and_is_not_asked_for_each_request() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    test_outpost.provider.refresh_tokens.answer_with(Some(unavailable));
    test_outpost.pass(LIFE);
    for _ in 0..20 {
        assert_eq!(allowed(&open_and_settle(&browser, &test_outpost).await), Some("alice".into()));
    }
    assert_eq!(test_outpost.provider.refresh_tokens.requests(), 1);
    test_outpost.pass(11);
    open_and_settle(&browser, &test_outpost).await;
    assert_eq!(test_outpost.provider.refresh_tokens.requests(), 2, "after a pause it is tried again");
    test_outpost.provider.refresh_tokens.answer_with(None);
    test_outpost.pass(11);
    assert!(allowed(&open_and_settle(&browser, &test_outpost).await).is_some());
    assert_eq!(record(&test_outpost).generation, 1);

    test_outpost.provider.refresh_tokens.answer_with(Some(unavailable));
    for _ in 0..24 {
        test_outpost.pass(LIFETIMES.idle.as_secs() - 1);
        open_and_settle(&browser, &test_outpost).await;
    }
    test_outpost.pass(300);
    assert!(allowed(&open_and_settle(&browser, &test_outpost).await).is_none(), "until the absolute end");
}

#[tokio::test]
async fn bcp_6_a_grant_that_is_refused_ends_the_session() {
    // Not every provider answers with the code of RFC 6749 section 5.2.
    let unknown = || ExchangeFault::Refused("invalid_request".into());
    for (stale, refusal) in
        [(false, invalid_grant as fn() -> _), (true, invalid_grant), (false, unknown), (true, unknown)]
    {
        let test_outpost = test_outpost();
        let mut browser = signed_in(&test_outpost).await;
        test_outpost.provider.refresh_tokens.answer_with(Some(refusal));
        test_outpost.pass(if stale { LIFE } else { 240 });
        let decision = browser.open(&test_outpost, WIKI).await;
        let reason = if stale { Reason::SignInStarted } else { Reason::SignedIn };
        assert_eq!(decision.audit.reason, reason);
        test_outpost.outpost.settled().await;
        assert_eq!(test_outpost.sessions(), 0);
        assert_eq!(browser.open(&test_outpost, WIKI).await.audit.reason, Reason::SignInStarted);
    }
}

/// The process's lease may have expired while it was suspended: another process used the token, and has a newer one.
#[tokio::test]
async fn bcp_6_a_refusal_that_comes_too_late_ends_nothing() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    test_outpost.pass(LIFE);
    let gate = test_outpost.provider.refresh_tokens.close_gate();
    test_outpost.provider.refresh_tokens.answer_with(Some(invalid_grant));
    let head = browser.head(WIKI, &[PAGE]);
    let (decision, ()) = tokio::join!(test_outpost.ask(&head), async {
        asked(&test_outpost, 1).await;
        refresh_elsewhere(&test_outpost).await;
        gate.add_permits(1);
    });
    assert!(allowed(&decision).is_some());
    test_outpost.outpost.settled().await;
    assert_eq!((test_outpost.sessions(), record(&test_outpost).generation), (1, 1));
}

#[tokio::test]
async fn refusals_that_the_operator_has_to_mend_end_nothing() {
    for fault in [
        || ExchangeFault::Refused("invalid_client".into()),
        || ExchangeFault::Malformed("a list".into()),
        // The provider's keys may have changed when they could not be fetched.
        || ExchangeFault::Untrustworthy(TokenFault::SIGNATURE),
        unavailable as fn() -> ExchangeFault,
    ] {
        let test_outpost = test_outpost();
        let browser = signed_in(&test_outpost).await;
        test_outpost.provider.refresh_tokens.answer_with(Some(fault));
        test_outpost.pass(LIFE);
        assert!(allowed(&open_and_settle(&browser, &test_outpost).await).is_some());
        assert_eq!(test_outpost.sessions(), 1);
    }
}

#[tokio::test]
async fn another_users_token_ends_the_session() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    *test_outpost.provider.user.lock().unwrap() = "mallory".into();
    test_outpost.pass(LIFE);
    assert_eq!(open_and_settle(&browser, &test_outpost).await.audit.reason, Reason::SignInStarted);
    assert_eq!(test_outpost.sessions(), 0);

    let test_outpost = self::test_outpost();
    let browser = signed_in(&test_outpost).await;
    test_outpost.provider.refresh_tokens.answer_with(Some(|| ExchangeFault::Untrustworthy(TokenFault::OtherSubject)));
    test_outpost.pass(LIFE);
    assert_eq!(open_and_settle(&browser, &test_outpost).await.audit.reason, Reason::SignInStarted);
}

#[tokio::test]
async fn bcp_6_new_tokens_outlive_a_store_that_fails_for_a_while() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    for turn in 1..=2 {
        test_outpost.pass(LIFE);
        test_outpost.store.failing_refreshes.store(3, Ordering::Relaxed);
        assert!(allowed(&open_and_settle(&browser, &test_outpost).await).is_some());
        assert_eq!(record(&test_outpost).generation, turn, "the rotated token was kept, and is good for the next time");
    }
}

#[tokio::test]
async fn sm_4_a_sign_out_while_a_refresh_is_under_way_stands() {
    let test_outpost = test_outpost();
    let mut browser = signed_in(&test_outpost).await;
    let head = browser.head(WIKI, &[PAGE]);
    test_outpost.pass(LIFE);
    let gate = test_outpost.provider.refresh_tokens.close_gate();
    let sign_out = async {
        asked(&test_outpost, 1).await;
        let out = browser
            .head("https://wiki.example.com/outpost.goauthentik.io/sign_out", &[PAGE, ("sec-fetch-site", "none")]);
        assert_eq!(browser.send(&test_outpost, &out).await.audit.reason, Reason::SignedOut);
        gate.add_permits(1);
    };
    let (decision, ()) = tokio::join!(test_outpost.ask(&head), sign_out);
    assert_eq!(decision.audit.reason, Reason::SignInStarted);
    test_outpost.outpost.settled().await;
    assert_eq!(test_outpost.sessions(), 0);
}

#[tokio::test]
async fn bcp_6_another_process_that_refreshes_is_waited_for() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    test_outpost.pass(LIFE);
    test_outpost.store.leased_out.store(true, Ordering::Relaxed);
    let head = browser.head(WIKI, &[PAGE]);
    let elsewhere = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        refresh_elsewhere(&test_outpost).await;
    };
    let begun = Instant::now();
    let (decision, ()) = tokio::join!(test_outpost.ask(&head), elsewhere);
    assert!(allowed(&decision).is_some() && begun.elapsed() < Duration::from_millis(700));
    test_outpost.outpost.settled().await;
    assert_eq!((test_outpost.provider.refresh_tokens.requests(), record(&test_outpost).generation), (0, 1));
}

#[tokio::test]
async fn a_lease_that_is_never_given_back_signs_nobody_out() {
    let test_outpost = test_outpost();
    let browser = signed_in(&test_outpost).await;
    test_outpost.pass(LIFE);
    test_outpost.store.leased_out.store(true, Ordering::Relaxed);
    assert!(allowed(&open_and_settle(&browser, &test_outpost).await).is_some());
    test_outpost.store.leased_out.store(false, Ordering::Relaxed);
    test_outpost.pass(2);
    assert!(allowed(&open_and_settle(&browser, &test_outpost).await).is_some());
    assert_eq!(record(&test_outpost).generation, 1, "refreshed as soon as it is free");
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_lets_nobody_else_in() {
    for call in 1..=6 {
        let test_outpost = test_outpost();
        let browser = signed_in(&test_outpost).await;
        test_outpost.pass(LIFE);
        test_outpost.fail_store_at(call);
        let decision = open_and_settle(&browser, &test_outpost).await;
        let told = allowed(&decision);
        assert!(
            told == Some("alice".into()) || decision.audit.reason == Reason::StoreUnavailable,
            "{call}: {decision:?}"
        );
        test_outpost.fail_store_at(0);
        test_outpost.pass(3);
        assert_eq!(
            allowed(&open_and_settle(&browser, &test_outpost).await),
            Some("alice".into()),
            "call {call}: recovers"
        );
    }
}

/// Storing the old claims could grant what the provider may have revoked.
#[tokio::test]
async fn a_user_of_whom_too_much_is_said_has_to_sign_in_and_is_told() {
    let test_outpost = outpost_with(|application| {
        let budget = Budget { max_bytes: 2000, ..Budget::default() };
        application.headers = HeaderPlan::new(HeaderSettings { budget, ..HeaderSettings::default() });
    });
    let mut browser = signed_in(&test_outpost).await;
    *test_outpost.provider.groups.lock().unwrap() = vec!["g".repeat(3000)];
    test_outpost.pass(LIFE);
    assert_eq!(browser.open(&test_outpost, WIKI).await.audit.reason, Reason::SignInStarted);
    assert_eq!(test_outpost.sessions(), 0);
}
