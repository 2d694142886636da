//! Sign-in: the redirect and the callback, completed once, for the browser that began it.

use std::sync::atomic::Ordering;

use super::test_outpost::{Browser, PAGE, allowed, denied, location, outpost_with, test_outpost};
use crate::domain::application::cookie_settings::SameSite;
use crate::domain::decision::{Reason, Verdict};
use crate::domain::oidc::jwt::TokenFault;
use crate::ports::ExchangeFault;

const WIKI: &str = "https://wiki.example.com/x?y=1";

#[tokio::test]
async fn the_whole_walk() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let first = browser.open(&test_outpost, WIKI).await;
    assert_eq!(first.audit.reason, Reason::SignInStarted);
    assert!(location(&first).starts_with("https://sso.example.com/authorize?"));
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-gatepost-binding"]);
    assert_eq!(test_outpost.sessions(), 0, "nothing is stored for anonymous visitors");
    let back = browser.open(&test_outpost, &Browser::callback(&location(&first))).await;
    assert_eq!((location(&back).as_str(), back.audit.reason), (WIKI, Reason::SignInCompleted));
    assert_eq!(back.audit.user.as_deref(), Some("alice"));
    let decision = browser.open(&test_outpost, WIKI).await;
    assert_eq!((allowed(&decision), decision.audit.user.as_deref()), (Some("alice".into()), Some("alice")));
}

#[tokio::test]
async fn ck_6_ten_tabs_share_a_binding_and_all_arrive() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.open(&test_outpost, WIKI).await;
    let mut tabs = Vec::new();
    for tab in 0..10 {
        let url = format!("https://wiki.example.com/{tab}");
        tabs.push((location(&browser.open(&test_outpost, &url).await), url));
    }
    for (started, url) in tabs {
        assert_eq!(location(&browser.open(&test_outpost, &Browser::callback(&started)).await), url);
    }
}

#[tokio::test]
async fn pk_4_tabs_that_raced_before_the_first_cookie_all_arrive() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let mut tabs = Vec::new();
    for tab in 0..10 {
        let url = format!("https://wiki.example.com/{tab}");
        let mut alone = Browser::default();
        tabs.push((location(&alone.open(&test_outpost, &url).await), url));
        browser.cookies.extend(alone.cookies);
    }
    for (started, url) in tabs {
        let mut decision = browser.open(&test_outpost, &Browser::callback(&started)).await;
        if decision.audit.reason == Reason::SignInRestarted {
            decision = browser.open(&test_outpost, &Browser::callback(&location(&decision))).await;
        }
        assert_eq!(location(&decision), url);
    }
}

/// At a provider that needs no click, the fastest tab returns before the slowest has its first answer.
#[tokio::test]
async fn pk_4_a_tab_may_lose_the_race_more_than_once_but_not_for_ever() {
    for (losses, arrives) in [(1, true), (5, true), (6, false)] {
        let test_outpost = test_outpost();
        let mut browser = Browser::default();
        let mut started = location(&browser.open(&test_outpost, WIKI).await);
        let mut last = None;
        for _ in 0..losses {
            let mut late = Browser::default();
            late.open(&test_outpost, WIKI).await;
            browser.cookies.extend(late.cookies);
            let decision = browser.open(&test_outpost, &Browser::callback(&started)).await;
            if decision.audit.reason == Reason::SignInRestarted {
                started = location(&decision);
            }
            last = Some(decision.audit.reason);
        }
        assert_eq!(last == Some(Reason::SignInRestarted), arrives, "{losses}: {last:?}");
        if arrives {
            assert_eq!(location(&browser.open(&test_outpost, &Browser::callback(&started)).await), WIKI);
        }
    }
}

#[tokio::test]
async fn bcp_2_another_browsers_callback_is_never_completed() {
    let test_outpost = test_outpost();
    let mut victim = Browser::default();
    let started = location(&Browser::default().open(&test_outpost, WIKI).await);
    let first = victim.open(&test_outpost, &Browser::callback(&started)).await;
    assert_eq!(first.audit.reason, Reason::SignInRestarted, "an authentic attempt begins anew in this browser");
    assert_eq!(test_outpost.provider.exchanges.load(Ordering::Relaxed), 0);
    victim.cookies.clear();
    let second = victim.open(&test_outpost, &Browser::callback(&location(&first))).await;
    assert_eq!((denied(&second).status.as_u16(), second.audit.reason), (400, Reason::SignInFailed), "and only once");
    assert_eq!((test_outpost.provider.exchanges.load(Ordering::Relaxed), test_outpost.sessions()), (0, 0));
}

#[tokio::test]
async fn a_51_a_late_callback_starts_again_once_at_the_same_return_address() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let started = location(&browser.open(&test_outpost, WIKI).await);
    test_outpost.pass(24 * 3600);
    let again = browser.open(&test_outpost, &Browser::callback(&started)).await;
    assert_eq!(again.audit.reason, Reason::SignInRestarted);
    assert_eq!(location(&browser.open(&test_outpost, &Browser::callback(&location(&again))).await), WIKI);
    let started = location(&again);
    test_outpost.pass(24 * 3600);
    assert_eq!(denied(&browser.open(&test_outpost, &Browser::callback(&started)).await).status, 400);
}

#[tokio::test]
async fn f_24_a_repeated_callback_sends_the_code_once_and_leads_on() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let callback = Browser::callback(&location(&browser.open(&test_outpost, WIKI).await));
    let loser = browser.clone();
    browser.open(&test_outpost, &callback).await;
    let repeated = browser.open(&test_outpost, &callback).await;
    assert_eq!((location(&repeated).as_str(), repeated.audit.reason), (WIKI, Reason::AlreadySignedIn));
    let raced = test_outpost.ask(&loser.head(&callback, &[PAGE])).await;
    assert_eq!(raced.audit.reason, Reason::SignInRestarted);
    assert_eq!((test_outpost.provider.exchanges.load(Ordering::Relaxed), test_outpost.sessions()), (1, 1));
}

#[tokio::test]
async fn sm_3_a_52_a_planted_session_id_is_never_kept() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    let planted = browser.cookies["__Host-gatepost-session-wiki"].clone();
    let started = location(&browser.open(&test_outpost, "https://wiki.example.com/outpost.goauthentik.io/start").await);
    browser.open(&test_outpost, &Browser::callback(&started)).await;
    assert_ne!(browser.cookies["__Host-gatepost-session-wiki"], planted);
    browser.cookies.insert("__Host-gatepost-session-wiki".into(), planted);
    assert_eq!(browser.open(&test_outpost, WIKI).await.audit.reason, Reason::SignInStarted);
}

#[tokio::test]
async fn start_judges_its_return_address() {
    let test_outpost = test_outpost();
    for (query, expected) in [
        ("?rd=/a%3Fb%3Dc", "https://wiki.example.com/a?b=c"),
        ("?rd=https%3A%2F%2Fwiki.example.com%2Fa", "https://wiki.example.com/a"),
        ("?rd=https%3A%2F%2Fevil.test%2F", "https://wiki.example.com/"),
        ("?rd=//evil.test", "https://wiki.example.com/"),
        ("?rd=/a&rd=/b", "https://wiki.example.com/"),
        ("?rd=/outpost.goauthentik.io/sign_out", "https://wiki.example.com/"),
        ("", "https://wiki.example.com/"),
    ] {
        let url = format!("https://wiki.example.com/outpost.goauthentik.io/start{query}");
        assert_eq!(Browser::default().sign_in(&test_outpost, &url).await, expected, "{query}");
    }
    let script = Browser::default().head("https://wiki.example.com/outpost.goauthentik.io/start", &[]);
    assert_eq!(denied(&test_outpost.ask(&script).await).status, 401, "only a navigation starts a sign-in");
}

#[tokio::test]
async fn the_query_signature_is_a_callback_on_any_path() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let started = location(&browser.open(&test_outpost, WIKI).await);
    let callback = Browser::callback(&started).replace("/outpost.goauthentik.io/callback?", "/some/path?");
    assert_eq!(location(&browser.open(&test_outpost, &callback).await), WIKI);
}

#[tokio::test]
async fn a_1_a_70_a_callback_without_an_attempt_is_a_page_and_no_token_call() {
    let test_outpost = test_outpost();
    let long = format!("code=c&state={}", "s".repeat(5000));
    for query in ["", "code=c", "state=s", "code=c&state=s", "code=c&state=s&state=s", "error=x&state=s", &long] {
        let url = format!("https://wiki.example.com/outpost.goauthentik.io/callback?{query}");
        let decision = Browser::default().open(&test_outpost, &url).await;
        let page = denied(&decision);
        assert_eq!(page.status.as_u16(), 400, "{query:.40}");
        assert!(page.body.contains("https://wiki.example.com/"), "says where to go");
    }
    assert_eq!(test_outpost.provider.exchanges.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_providers_no_is_shown_escaped() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let callback = Browser::callback(&location(&browser.open(&test_outpost, WIKI).await));
    let refused = callback.replace("code=code", "error=access_denied&error_description=%3Cscript%3Ex");
    let decision = browser.open(&test_outpost, &refused).await;
    let page = denied(&decision);
    assert_eq!((page.status.as_u16(), decision.audit.reason), (403, Reason::ProviderRefused));
    assert!(page.body.contains("&lt;script&gt;x") && page.body.contains("start?rd="), "{}", page.body);
}

#[tokio::test]
async fn a_refused_login_makes_no_session_and_no_loop() {
    for (fault, status, reason) in [
        (ExchangeFault::Untrustworthy(TokenFault::Nonce), 403, Reason::ProviderUntrustworthy),
        (ExchangeFault::Refused("invalid_client".into()), 403, Reason::ProviderUntrustworthy),
        (ExchangeFault::Malformed("no id_token".into()), 403, Reason::ProviderUntrustworthy),
    ] {
        let test_outpost = test_outpost();
        let mut browser = Browser::default();
        *test_outpost.provider.exchange_fault.lock().unwrap() = Some(fault);
        let callback = Browser::callback(&location(&browser.open(&test_outpost, WIKI).await));
        let decision = browser.open(&test_outpost, &callback).await;
        assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (status, reason));
        assert!(!browser.cookies.keys().any(|name| name.contains("session")));
        assert_eq!(test_outpost.sessions(), 0);
    }
}

#[tokio::test]
async fn a_stale_code_starts_again_once() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let mut started = location(&browser.open(&test_outpost, WIKI).await);
    *test_outpost.provider.exchange_fault.lock().unwrap() = Some(ExchangeFault::Refused("invalid_grant".into()));
    started = location(&browser.open(&test_outpost, &Browser::callback(&started)).await);
    *test_outpost.provider.exchange_fault.lock().unwrap() = Some(ExchangeFault::Refused("invalid_grant".into()));
    let decision = browser.open(&test_outpost, &Browser::callback(&started)).await;
    assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (400, Reason::SignInFailed));
}

#[tokio::test]
async fn a_token_that_has_ended_already_makes_a_page_and_no_loop() {
    let test_outpost = test_outpost();
    test_outpost.provider.id_token_lifetime.store(0, Ordering::Relaxed);
    let mut browser = Browser::default();
    let callback = Browser::callback(&location(&browser.open(&test_outpost, WIKI).await));
    assert_eq!(denied(&browser.open(&test_outpost, &callback).await).status, 403);
    assert_eq!(test_outpost.sessions(), 0);
}

#[tokio::test]
async fn endpoints_take_only_their_methods() {
    let test_outpost = test_outpost();
    for (endpoint, method) in
        [("callback", "POST"), ("callback", "HEAD"), ("sign_out", "PUT"), ("sign_out", "HEAD"), ("start", "POST")]
    {
        let mut head =
            Browser::default().head(&format!("https://wiki.example.com/outpost.goauthentik.io/{endpoint}"), &[PAGE]);
        method.clone_into(&mut head.method);
        let expected = if endpoint == "start" { 401 } else { 405 };
        assert_eq!(denied(&test_outpost.ask(&head).await).status, expected, "{method} {endpoint}");
    }
}

/// A redirect that began at the provider's site carries no `Strict` cookie; a page of the application's own site does.
#[tokio::test]
async fn with_a_strict_session_cookie_a_page_leads_on() {
    let test_outpost = outpost_with(|application| application.cookie.same_site = SameSite::Strict);
    let mut browser = Browser::default();
    let url = "https://wiki.example.com/x?a=1&b=\"2";
    let started = location(&browser.open(&test_outpost, url).await);
    let back = browser.open(&test_outpost, &Browser::callback(&started)).await;
    let Verdict::Page(page) = &back.verdict else { panic!("no page: {back:?}") };
    assert_eq!((page.status.as_u16(), back.audit.reason), (200, Reason::SignInCompleted));
    let target = "https://wiki.example.com/x?a=1&amp;b=&quot;2";
    assert!(page.body.contains(&format!("<meta http-equiv=\"refresh\" content=\"0; url={target}\">")), "{}", page.body);
    assert!(page.body.contains(&format!("<a href=\"{target}\">")), "{}", page.body);
    let session = page.cookies.iter().find(|cookie| cookie.contains("session-wiki")).expect("a session");
    assert!(session.ends_with("; SameSite=Strict"), "{session}");
    let again = browser.open(&test_outpost, &Browser::callback(&started)).await;
    assert!(matches!(again.verdict, Verdict::Page(_)) && again.audit.reason == Reason::AlreadySignedIn, "{again:?}");
    assert!(allowed(&browser.open(&test_outpost, url).await).is_some());
}
