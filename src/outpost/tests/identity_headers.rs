//! Identity headers that do not fit: refused at the sign-in, where the user can be informed, never at each request.

use std::sync::atomic::Ordering;

use super::test_outpost::{Browser, TestOutpost, allowed, denied, location, outpost_with};
use crate::domain::decision::Reason;
use crate::domain::policy::identity_headers::{Budget, HeaderPlan, HeaderSettings};

const WIKI: &str = "https://wiki.example.com/x";

fn outpost_within(max_bytes: usize, max_count: usize) -> TestOutpost {
    let budget = Budget { max_bytes, max_count };
    let plan = HeaderPlan::new(HeaderSettings { budget, ..HeaderSettings::default() });
    outpost_with(|application| application.headers = plan.clone())
}

#[tokio::test]
async fn who_does_not_fit_is_refused_at_the_sign_in_and_nothing_is_saved_or_ended() {
    let test_outpost = outpost_within(400, 60);
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, WIKI).await;
    *test_outpost.provider.user.lock().unwrap() = "x".repeat(200);
    let started = location(&browser.open(&test_outpost, "https://wiki.example.com/outpost.goauthentik.io/start").await);
    let refused = browser.open(&test_outpost, &Browser::callback(&started)).await;
    assert_eq!((denied(&refused).status.as_u16(), refused.audit.reason), (403, Reason::IdentityTooLarge));
    assert!(!denied(&refused).body.contains("xxxx") && denied(&refused).cookies.is_empty());
    assert_eq!((test_outpost.sessions(), test_outpost.provider.exchanges.load(Ordering::Relaxed)), (1, 2));
    assert_eq!(allowed(&browser.open(&test_outpost, WIKI).await), Some("alice".into()), "the session before it lives");
}

#[tokio::test]
async fn the_limit_is_the_operators_and_what_fits_exactly_passes() {
    // Six headers describe alice; the total of their names and values follows.
    let version = concat!("goauthentik.io/outpost/", env!("CARGO_PKG_VERSION"));
    let told = [
        ("x-authentik-username", "alice"),
        ("x-authentik-uid", "sub-alice"),
        ("x-authentik-meta-outpost", "outpost"),
        ("x-authentik-meta-provider", "Wiki"),
        ("x-authentik-meta-app", "wiki"),
        ("x-authentik-meta-version", version),
    ];
    let bytes: usize = told.iter().map(|(name, value)| name.len() + value.len()).sum();
    for (max_bytes, max_count, fits) in [(bytes, 6, true), (bytes - 1, 6, false), (bytes, 5, false)] {
        let test_outpost = outpost_within(max_bytes, max_count);
        let mut browser = Browser::default();
        let started = location(&browser.open(&test_outpost, WIKI).await);
        let reason = browser.open(&test_outpost, &Browser::callback(&started)).await.audit.reason;
        let expected = if fits { Reason::SignInCompleted } else { Reason::IdentityTooLarge };
        assert_eq!((reason, test_outpost.sessions()), (expected, usize::from(fits)), "{max_bytes} {max_count}");
    }
}
