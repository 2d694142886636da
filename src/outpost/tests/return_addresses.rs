//! Return addresses: `state` stays short, and the browser returns to exactly the address that it requested.

use proptest::prelude::*;

use super::test_outpost::{Browser, PAGE, TestOutpost, denied, location, test_outpost};
use crate::domain::decision::{Reason, Verdict};

const BINDING: &str = "__Host-gatepost-binding";

fn state_of(location: &str) -> String {
    let url = url::Url::parse(location).unwrap();
    url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
}

/// The address at which a browser that requests this target ends; checks the size bounds on the way.
async fn there_and_back(test_outpost: &TestOutpost, host: &str, target: &str) -> String {
    let mut browser = Browser::default();
    let started = browser.open(test_outpost, &format!("https://{host}{target}")).await;
    assert_eq!(started.audit.reason, Reason::SignInStarted, "{target:.80}");
    let to = location(&started);
    assert!(state_of(&to).len() < 512, "{} for {} bytes", state_of(&to).len(), target.len());
    let back = browser.open(test_outpost, &Browser::callback(&to)).await;
    assert_eq!(back.audit.reason, Reason::SignInCompleted);
    assert!(
        browser.cookies.keys().all(|name| !name.contains("return-")),
        "nothing is left: {:?}",
        browser.cookies.keys()
    );
    location(&back)
}

fn target_of(bytes: usize) -> String {
    let mut target = format!("/x?q={}", "ab%2F\\|{}^".repeat(bytes / 10 + 1));
    target.truncate(bytes);
    target
}

#[tokio::test]
async fn addresses_up_to_8_kib_come_back_byte_by_byte() {
    let test_outpost = test_outpost();
    for bytes in [1, 5, 200, 233, 234, 235, 600, 1000, 2048, 2049, 4096, 8000, 8192] {
        let target = if bytes < 5 { "/".to_owned() } else { target_of(bytes) };
        assert_eq!(
            there_and_back(&test_outpost, "wiki.example.com", &target).await,
            format!("https://wiki.example.com{target}")
        );
        let portal = there_and_back(&test_outpost, "a.corp.example.com", &target).await;
        assert_eq!(portal, format!("https://a.corp.example.com{target}"), "the callback is at another host");
    }
}

#[tokio::test]
async fn a_link_to_start_leads_to_an_address_of_up_to_8_kib() {
    let test_outpost = test_outpost();
    for (bytes, comes_back) in [(300, true), (2049, true), (8192, true), (8193, false)] {
        let target = format!("/x?q={}", "a".repeat(bytes - 5));
        let start = format!("https://wiki.example.com/outpost.goauthentik.io/start?rd={}", target.replace('?', "%3F"));
        let mut browser = Browser::default();
        let to = location(&browser.open(&test_outpost, &start).await);
        assert!(state_of(&to).len() < 512, "{bytes}");
        let back = location(&browser.open(&test_outpost, &Browser::callback(&to)).await);
        let target = if comes_back { target.as_str() } else { "/" };
        assert_eq!(back, format!("https://wiki.example.com{target}"), "{bytes}");
    }
}

#[tokio::test]
async fn odd_spellings_come_back_as_they_were_sent() {
    let test_outpost = test_outpost();
    for target in [
        "/x?a=\\b&c=\"d\"&e=<f>&g=|&h={i}&j='k'&l=^`",
        "/x?a=%7e%7E%2f%zz%&b=+%20",
        "/x?",
        "/x?next=//evil.test/\\",
        "/%7Euser/%c3%a9;p=1?x",
        "/caf%E9/100%",
    ] {
        assert_eq!(
            there_and_back(&test_outpost, "wiki.example.com", target).await,
            format!("https://wiki.example.com{target}")
        );
    }
}

#[tokio::test]
async fn a_restarted_sign_in_and_a_repeated_callback_keep_a_long_address() {
    let test_outpost = test_outpost();
    let url = format!("https://wiki.example.com{}", target_of(5000));
    let mut browser = Browser::default();
    let started = location(&browser.open(&test_outpost, &url).await);
    test_outpost.pass(601);
    let again = browser.open(&test_outpost, &Browser::callback(&started)).await;
    assert_eq!(again.audit.reason, Reason::SignInRestarted);
    let (callback, before) = (Browser::callback(&location(&again)), browser.clone());
    assert_eq!(location(&browser.open(&test_outpost, &callback).await), url);
    let mut repeated = before;
    repeated.cookies.extend(browser.cookies.clone());
    let repeated = repeated.open(&test_outpost, &callback).await;
    assert_eq!((location(&repeated), repeated.audit.reason), (url, Reason::AlreadySignedIn));
}

#[tokio::test]
async fn a_long_address_that_another_tab_replaced_ends_at_the_application() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.open(&test_outpost, "https://wiki.example.com/").await;
    let urls = [6000, 7000].map(|bytes| format!("https://wiki.example.com{}", target_of(bytes)));
    let mut started = Vec::new();
    for url in &urls {
        started.push(location(&browser.open(&test_outpost, url).await));
    }
    assert_eq!(
        location(&browser.open(&test_outpost, &Browser::callback(&started[0])).await),
        "https://wiki.example.com/"
    );
    assert_eq!(location(&browser.open(&test_outpost, &Browser::callback(&started[1])).await), urls[1]);
}

#[tokio::test]
async fn several_tabs_with_addresses_of_usual_length_wait_at_once() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.open(&test_outpost, "https://wiki.example.com/").await;
    let mut tabs = Vec::new();
    for tab in 0..4 {
        let url = format!("https://wiki.example.com/{tab}{}", target_of(500));
        tabs.push((location(&browser.open(&test_outpost, &url).await), url));
    }
    let bytes: usize = browser.cookies.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
    assert!(bytes < 8 * 1024, "{bytes}");
    for (started, url) in tabs {
        assert_eq!(location(&browser.open(&test_outpost, &Browser::callback(&started)).await), url);
    }
}

#[tokio::test]
async fn the_cookies_of_a_long_address_are_the_browsers_own_and_nobody_elses() {
    let test_outpost = test_outpost();
    let url = format!("https://wiki.example.com{}", target_of(1000));
    let (mut victim, mut stranger) = (Browser::default(), Browser::default());
    let theirs = location(&stranger.open(&test_outpost, &format!("{url}evil")).await);
    let mine = location(&victim.open(&test_outpost, &url).await);
    // A sibling host planted its own cookie parts in the victim's browser.
    let binding = victim.cookies[BINDING].clone();
    victim.cookies.extend(stranger.cookies.clone());
    victim.cookies.insert(BINDING.into(), binding);
    let back = victim.open(&test_outpost, &Browser::callback(&mine)).await;
    assert_eq!((location(&back).as_str(), back.audit.reason), ("https://wiki.example.com/", Reason::SignInCompleted));
    let restarted = victim.open(&test_outpost, &Browser::callback(&theirs)).await;
    assert_eq!(restarted.audit.reason, Reason::AlreadySignedIn);
}

#[tokio::test]
async fn try_again_leads_to_the_same_address_however_long() {
    let test_outpost = test_outpost();
    for target in [target_of(3000), "/x?a=\\b".to_owned()] {
        let mut browser = Browser::default();
        let to = location(&browser.open(&test_outpost, &format!("https://wiki.example.com{target}")).await);
        let refused = Browser::callback(&to).replace("code=code", "error=access_denied");
        let decision = browser.open(&test_outpost, &refused).await;
        let page = denied(&decision);
        let link = page.body.split_once("href=\"").and_then(|(_, rest)| rest.split_once('"')).unwrap().0;
        assert_eq!(link.replace("&amp;", "&"), format!("https://wiki.example.com{target}"));
    }
}

#[tokio::test]
async fn no_request_but_the_callback_carries_the_address() {
    let test_outpost = test_outpost();
    let started = Browser::default().open(&test_outpost, &format!("https://wiki.example.com{}", target_of(5000))).await;
    let Verdict::Redirect(redirect) = &started.verdict else { panic!("a redirect") };
    let return_cookies: Vec<_> = redirect.cookies.iter().filter(|cookie| cookie.contains("return-")).collect();
    assert!(!return_cookies.is_empty() && redirect.cookies.len() == return_cookies.len() + 1);
    for cookie in return_cookies {
        assert!(cookie.starts_with("__Secure-gatepost-return-wiki-"));
        assert!(
            cookie.contains("; Path=/outpost.goauthentik.io/callback; Max-Age=600; HttpOnly; Secure; SameSite=Lax")
        );
    }
    let seen = Browser::default()
        .head("https://wiki.example.com/x", &[PAGE, ("cookie", "__Secure-gatepost-return-wiki-0=/evil; a=1")]);
    assert_eq!(test_outpost.ask(&seen).await.audit.reason, Reason::SignInStarted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_query_the_state_is_short_and_the_way_back_exact(query in "[!-~&&[^#]]{0,400}", repeat in 1_usize..20) {
        let query = query.repeat(repeat);
        prop_assume!(!crate::domain::application::endpoints::names_signature(&query));
        let target = format!("/x?{}", query.get(..query.len().min(8000)).unwrap_or_default());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let end = runtime.block_on(async { there_and_back(&test_outpost(), "wiki.example.com", &target).await });
        prop_assert_eq!(end, format!("https://wiki.example.com{target}"));
    }
}
