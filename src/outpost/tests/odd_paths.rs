//! Paths that cannot be decoded, or can be read in several ways: passed to the application where no decision depends on
//! the path, refused where one does (N-4 to N-7, N-10).

use super::rules::{named, rule, signed_in_as};
use super::test_outpost::{Browser, PAGE, TestOutpost, outpost_with, test_outpost};
use crate::domain::decision::{Reason, Verdict};
use crate::domain::policy::{AccessRules, Principals, PublicPaths};

const WIKI: &str = "https://wiki.example.com";

async fn reason(test_outpost: &TestOutpost, browser: &Browser, target: &str) -> (Option<u16>, Reason) {
    let decision = test_outpost.ask(&browser.head(&format!("{WIKI}{target}"), &[PAGE])).await;
    let status = match &decision.verdict {
        Verdict::Deny(page) | Verdict::Page(page) => Some(page.status.as_u16()),
        Verdict::Redirect(redirect) => Some(redirect.status.as_u16()),
        Verdict::Allow(_) => None,
    };
    (status, decision.audit.reason)
}

const UNDECODABLE: [&str; 5] = ["/caf%E9", "/100%", "/a%0Ab", "/x/%c0%ae%c0%ae/y", "/%zz?q=%"];

#[tokio::test]
async fn n4_without_rules_for_paths_every_path_is_the_applications_own_affair() {
    let for_methods = || {
        outpost_with(|application| {
            let rules = vec![rule(&[], &[], named(&["alice"])), rule(&["/"], &["GET"], Principals::Any)];
            application.rules = AccessRules::new(rules).unwrap();
            application.public_paths = PublicPaths::compile(&["^/public/".to_owned()]).unwrap();
        })
    };
    for test_outpost in [test_outpost(), for_methods()] {
        let browser = signed_in_as(&test_outpost, "alice", &format!("{WIKI}/")).await;
        let long = format!("/search?q={}", "a".repeat(9_000));
        for target in UNDECODABLE.into_iter().chain([long.as_str(), "/a%2fb", "/x;%252f..%252fy"]) {
            assert_eq!(reason(&test_outpost, &browser, target).await, (None, Reason::SignedIn), "{target}");
            let stranger = Browser::default();
            assert_eq!(reason(&test_outpost, &stranger, target).await, (Some(302), Reason::SignInStarted), "{target}");
        }
    }
}

/// The rows of the tables of section 4.1 that are 400 even for a signed-in user.
#[tokio::test]
async fn rs_a_rs_b_what_a_public_pattern_means_is_refused_when_it_cannot_be_decoded() {
    let test_outpost = outpost_with(|application| {
        let patterns = ["^/public/".to_owned(), "^/foo/.*/bar$".to_owned()];
        application.public_paths = PublicPaths::compile(&patterns).unwrap();
    });
    let browser = signed_in_as(&test_outpost, "alice", &format!("{WIKI}/")).await;
    for target in [
        "/public/%%32%65%%32%65/admin",
        "/public/a%00",
        "/public/a%0d%0aX:1",
        "/public/a%7f",
        "/public/%c0%ae%c0%ae/admin",
        "/public/%ff",
        "/public/%zz",
        "/foo/a/bar%0a",
    ] {
        for browser in [&browser, &Browser::default()] {
            assert_eq!(reason(&test_outpost, browser, target).await, (Some(400), Reason::Malformed), "{target}");
        }
    }
    for target in ["/public/;%252f..%252f..%252fadmin", "/public/x;%252f..", "/public/%3b%255c..%255cadmin"] {
        assert_eq!(
            reason(&test_outpost, &Browser::default(), target).await,
            (Some(302), Reason::SignInStarted),
            "{target}"
        );
        assert_eq!(reason(&test_outpost, &browser, target).await, (None, Reason::SignedIn), "{target}");
    }
}

#[tokio::test]
async fn rs_c_with_rules_for_paths_what_cannot_be_decoded_is_below_each_of_them() {
    let test_outpost = super::rules::test_outpost();
    let (alice, bob) =
        (signed_in_as(&test_outpost, "alice", WIKI).await, signed_in_as(&test_outpost, "bob", WIKI).await);
    for target in UNDECODABLE.into_iter().chain(["/admin%00", "/admin/%zz"]) {
        for browser in [&alice, &bob, &Browser::default()] {
            assert_eq!(reason(&test_outpost, browser, target).await, (Some(400), Reason::Malformed), "{target}");
        }
    }
    for target in ["/admin.%3fx", "/admin%20%23x", "/admin.%23", "/x;%252f..%252fadmin"] {
        assert_eq!(reason(&test_outpost, &bob, target).await, (Some(403), Reason::Forbidden), "{target}");
    }
}

#[tokio::test]
async fn n10_no_endpoint_is_reached_by_a_path_that_cannot_be_decoded() {
    let test_outpost = test_outpost();
    let browser = signed_in_as(&test_outpost, "alice", &format!("{WIKI}/")).await;
    for target in [
        "/%zz?X-authentik-logout=true",
        "/caf%E9?X-authentik-auth-callback=true&code=c&state=s",
        "/outpost.goauthentik.io/%E9",
        "/outpost.goauthentik.io/sign_out%0a",
        "/outpost.goauthentik.io/sign_out%",
    ] {
        assert_eq!(reason(&test_outpost, &browser, target).await, (Some(404), Reason::UnknownEndpoint), "{target}");
    }
    assert_eq!(test_outpost.sessions(), 1);
}

#[tokio::test]
async fn a_request_over_a_limit_is_refused_whoever_asks() {
    let test_outpost = outpost_with(|application| {
        application.public_paths = PublicPaths::compile(&["^/public/".to_owned()]).unwrap();
    });
    let alice = signed_in_as(&test_outpost, "alice", &format!("{WIKI}/")).await;
    for path in ["/x?", "/public/", "/outpost.goauthentik.io/start?rd=/", "/outpost.goauthentik.io/ping?"] {
        let target = |bytes: usize| format!("{path}{}", "a".repeat(bytes - path.len()));
        for browser in [&alice, &Browser::default()] {
            let (_, as_long_as_may_be) = reason(&test_outpost, browser, &target(32 * 1024)).await;
            assert_ne!(as_long_as_may_be, Reason::AddressTooLong, "{path}");
            let longer = reason(&test_outpost, browser, &target(32 * 1024 + 1)).await;
            assert_eq!(longer, (Some(414), Reason::AddressTooLong), "{path}");
        }
    }
    let lines = vec![("x-any", "1"); 1_001];
    let decision = test_outpost.ask(&Browser::default().head(&format!("{WIKI}/public/x"), &lines)).await;
    assert_eq!(decision.audit.reason, Reason::TooManyHeaders);
    assert!(matches!(&decision.verdict, Verdict::Deny(page) if page.status == 431), "{decision:?}");
    let decision = test_outpost.ask(&Browser::default().head(&format!("{WIKI}/public/x"), &lines[1..])).await;
    assert_eq!(decision.audit.reason, Reason::PublicPath);
}
