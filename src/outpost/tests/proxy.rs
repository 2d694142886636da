//! Mode `proxy`: like an application with its own host, but every allowed request has a backend.

use super::test_outpost::{Browser, PAGE, TestOutpost, allowed, denied, location, outpost_with};
use crate::domain::application::Mode;
use crate::domain::decision::{Decision, Reason, Verdict};
use crate::domain::policy::PublicPaths;
use crate::domain::policy::backend::{Backend, BackendAllow, Backends, Upstream};
use crate::domain::slug::Slug;

/// The test outpost, with `wiki` in mode `proxy`.
fn test_outpost() -> TestOutpost {
    outpost_with(|application| {
        if application.slug == Slug::parse("wiki").unwrap() {
            let own = Backend::parse("http://wiki.internal", true).unwrap().0;
            application.mode = Mode::Proxy(Backends::new(own, BackendAllow::default()));
            application.public_paths = PublicPaths::compile(&["^/public/".to_owned()]).unwrap();
            application.pass_preflight = true;
        }
    })
}

fn backend(decision: &Decision) -> Option<&str> {
    match &decision.verdict {
        Verdict::Allow(allow) => allow.upstream().map(Upstream::host),
        Verdict::Redirect(_) | Verdict::Page(_) | Verdict::Deny(_) => None,
    }
}

#[tokio::test]
async fn whoever_passes_is_led_to_the_backend() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let public = browser.open(&test_outpost, "https://wiki.example.com/public/a").await;
    assert_eq!((backend(&public), public.audit.reason), (Some("wiki.internal"), Reason::PublicPath));
    let mut preflight = browser.head("https://wiki.example.com/x", &[("access-control-request-method", "PUT")]);
    preflight.method = "OPTIONS".into();
    let preflight = test_outpost.ask(&preflight).await;
    assert_eq!((backend(&preflight), preflight.audit.reason), (Some("wiki.internal"), Reason::Preflight));

    assert_eq!(browser.sign_in(&test_outpost, "https://wiki.example.com/x?y").await, "https://wiki.example.com/x?y");
    assert!(browser.cookies.contains_key("__Host-gatepost-session-wiki"), "{:?}", browser.cookies.keys());
    let signed_in = browser.open(&test_outpost, "https://wiki.example.com/x").await;
    assert_eq!((backend(&signed_in), allowed(&signed_in)), (Some("wiki.internal"), Some("alice".into())));
}

#[tokio::test]
async fn everybody_else_is_treated_as_before_an_application_with_its_own_host() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let visit = browser.open(&test_outpost, "https://wiki.example.com/x").await;
    assert!(location(&visit).starts_with("https://sso.example.com/"));
    let script = test_outpost.ask(&browser.head("https://wiki.example.com/x", &[("accept", "application/json")])).await;
    assert_eq!(denied(&script).status.as_u16(), 401);
    let start = test_outpost.ask(&browser.head("https://wiki.example.com/outpost.goauthentik.io/start", &[PAGE])).await;
    assert_eq!(start.audit.reason, Reason::SignInStarted);
    let nowhere = browser.open(&test_outpost, "https://wiki.example.com/outpost.goauthentik.io/nope").await;
    assert_eq!(denied(&nowhere).status.as_u16(), 404);
    let below = browser.open(&test_outpost, "https://a.wiki.example.com/public/a").await;
    assert_eq!(below.audit.reason, Reason::UnknownHost);
}
