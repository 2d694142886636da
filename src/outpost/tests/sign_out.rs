//! Sign-out: ends all of the user's sessions, and only on the user's own request.

use std::sync::atomic::Ordering;

use super::test_outpost::{Browser, PAGE, TestOutpost, allowed, denied, location, outpost_with, test_outpost};
use crate::domain::decision::{Decision, Page, Reason, Verdict};
use crate::domain::oidc::relying_party::ProviderSignOut;

const SIGN_OUT: &str = "https://wiki.example.com/outpost.goauthentik.io/sign_out";

async fn sign_out(browser: &mut Browser, test_outpost: &TestOutpost, site: &str) -> Decision {
    let head = browser.head(SIGN_OUT, &[PAGE, ("sec-fetch-mode", "navigate"), ("sec-fetch-site", site)]);
    browser.send(test_outpost, &head).await
}

fn page(decision: &Decision) -> &Page {
    let Verdict::Page(page) = &decision.verdict else { panic!("no page: {decision:?}") };
    page
}

#[tokio::test]
async fn every_session_of_the_user_ends_and_nobody_elses() {
    let test_outpost = test_outpost();
    let (mut one, mut two, mut bob) = (Browser::default(), Browser::default(), Browser::default());
    one.sign_in(&test_outpost, "https://wiki.example.com/").await;
    two.sign_in(&test_outpost, "https://board.example.com/").await;
    *test_outpost.provider.user.lock().unwrap() = "bob".into();
    bob.sign_in(&test_outpost, "https://wiki.example.com/").await;
    let before = one.clone();

    let decision = sign_out(&mut one, &test_outpost, "none").await;
    let location = location(&decision);
    assert!(location.starts_with("https://sso.example.com/end?id_token_hint="), "{location}");
    for part in [
        "&client_id=wiki",
        "&post_logout_redirect_uri=https%3A%2F%2Fwiki.example.com%2Foutpost.goauthentik.io%2Fsign_out",
        "&state=",
    ] {
        assert!(location.contains(part), "{part}");
    }
    assert_eq!((decision.audit.reason, decision.audit.user.as_deref()), (Reason::SignedOut, Some("alice")));
    assert!(one.cookies.is_empty(), "every cookie of ours is deleted: {:?}", one.cookies);
    for (mut browser, url) in [(before, "https://wiki.example.com/"), (two, "https://board.example.com/")] {
        assert_eq!(browser.open(&test_outpost, url).await.audit.reason, Reason::SignInStarted);
    }
    assert_eq!(allowed(&bob.open(&test_outpost, "https://wiki.example.com/").await), Some("bob".into()));
}

#[tokio::test]
async fn rl_1_another_site_signs_nobody_out() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, "https://wiki.example.com/").await;
    let image = browser
        .head(SIGN_OUT, &[("accept", "image/*"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-site", "cross-site")]);
    assert_eq!(denied(&test_outpost.ask(&image).await).status, 403);
    let link = sign_out(&mut browser, &test_outpost, "cross-site").await;
    assert_eq!(link.audit.reason, Reason::SignOutUnconfirmed);
    assert!(page(&link).body.contains("<form method=\"post\""));
    let signature = browser.head("https://wiki.example.com/x?X-authentik-logout=true", &[PAGE]);
    assert_eq!(test_outpost.ask(&signature).await.audit.reason, Reason::SignOutUnconfirmed);
    assert_eq!(test_outpost.sessions(), 1);

    let mut confirmed = browser.head(SIGN_OUT, &[PAGE, ("sec-fetch-site", "same-origin")]);
    confirmed.method = "POST".into();
    let Verdict::Redirect(redirect) = browser.send(&test_outpost, &confirmed).await.verdict else {
        panic!("goes on to the provider")
    };
    assert_eq!((redirect.status.as_u16(), test_outpost.sessions()), (303, 0), "bcp_10: a post is answered with 303");
}

#[tokio::test]
async fn rl_5_without_an_end_session_endpoint_or_with_a_provider_that_is_down_a_page_says_so() {
    for down in [false, true] {
        let test_outpost = test_outpost();
        let mut browser = Browser::default();
        browser.sign_in(&test_outpost, "https://wiki.example.com/").await;
        test_outpost.provider.has_end_session.store(false, Ordering::Relaxed);
        test_outpost.provider.down.store(down, Ordering::Relaxed);
        let decision = sign_out(&mut browser, &test_outpost, "same-origin").await;
        assert_eq!((page(&decision).status.as_u16(), test_outpost.sessions()), (200, 0));
        assert!(browser.cookies.is_empty());
    }
}

/// The provider is not asked: its metadata may not even be reachable.
#[tokio::test]
async fn rl_5_the_operator_says_where_a_sign_out_ends_at_the_provider() {
    let address = "https://sso.example.com/v2/logout?client_id=wiki&returnTo=https%3A%2F%2Fwiki.example.com%2F";
    for sign_out_there in [ProviderSignOut::At(address.parse().unwrap()), ProviderSignOut::Omitted] {
        let test_outpost = outpost_with(|application| application.relying_party.sign_out = sign_out_there.clone());
        let mut browser = Browser::default();
        browser.sign_in(&test_outpost, "https://wiki.example.com/").await;
        test_outpost.provider.down.store(true, Ordering::Relaxed);
        let decision = sign_out(&mut browser, &test_outpost, "same-origin").await;
        match sign_out_there {
            ProviderSignOut::Omitted => assert_eq!(page(&decision).status.as_u16(), 200),
            ProviderSignOut::At(_) | ProviderSignOut::EndSessionEndpoint => assert_eq!(location(&decision), address),
        }
        assert!(test_outpost.sessions() == 0 && browser.cookies.is_empty());
    }
}

#[tokio::test]
async fn rl_4_a_54_coming_back_signs_nobody_in() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let back = browser.open(&test_outpost, &format!("{SIGN_OUT}?state=whatever")).await;
    assert_eq!((page(&back).status.as_u16(), back.audit.reason), (200, Reason::SignedOut));
    assert!(browser.cookies.is_empty());
}
