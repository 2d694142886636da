//! Identity headers: ours once, nobody else's in any spelling.

use super::*;
use crate::domain::application::{Application, Mode};
use crate::domain::backend::{Backend, BackendAllow, Backends};
use crate::domain::session::{Lifetimes, Session};
use crate::domain::testing::{application, request, signed_in};
use crate::domain::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_unix(1_000_000);
const LIFETIMES: Lifetimes = Lifetimes { absolute: Duration::from_secs(86_400), idle: Duration::from_secs(3600) };

fn sent(names: &[&str]) -> RequestHead {
    let lines: Vec<(&str, &str)> = names.iter().map(|name| (*name, "eve")).collect();
    request("app.example.com", "/", &lines)
}

fn passing(head: &RequestHead) -> Passing<'_> {
    Passing { head, rest_of_cookies: None }
}

fn allowed_as(application: &Application, claims: &Value, incoming: &[&str]) -> Allow {
    let session = Arc::new(Session::begin(signed_in(claims, NOW), application, NOW, LIFETIMES));
    let live = session.live(NOW, application, NOW, LIFETIMES).expect("is live");
    let facts = OutpostFacts { name: "outpost", jwks_uri: Some("https://sso.example.com/jwks") };
    allow_signed_in(&Identity::Session(live), application, facts, passing(&sent(incoming)))
}

fn allowed(claims: &Value, incoming: &[&str]) -> Allow {
    allowed_as(&application("https://app.example.com"), claims, incoming)
}

fn value<'a>(allow: &'a Allow, name: &str) -> Option<&'a str> {
    let (_, value) = allow.set().iter().find(|(set, _)| set == name)?;
    Some(std::str::from_utf8(value).expect("is text"))
}

#[test]
fn the_headers_of_a_user() {
    let allow = allowed(
        &json!({ "preferred_username": "alice", "groups": ["admins", "staff"], "entitlements": ["e1"], "email": "a@example.com", "name": "Älice" }),
        &[],
    );
    for (name, expected) in [
        ("x-authentik-username", Some("alice")),
        ("x-authentik-groups", Some("admins|staff")),
        ("x-authentik-entitlements", Some("e1")),
        ("x-authentik-email", Some("a@example.com")),
        ("x-authentik-name", Some("Älice")),
        ("x-authentik-uid", Some("subject")),
        ("x-authentik-meta-outpost", Some("outpost")),
        ("x-authentik-meta-provider", Some("Wiki")),
        ("x-authentik-meta-app", Some("wiki")),
        ("x-authentik-meta-version", Some(concat!("goauthentik.io/outpost/", env!("CARGO_PKG_VERSION")))),
        ("x-authentik-jwt", None),
        ("x-authentik-meta-jwks", None),
    ] {
        assert_eq!(value(&allow, name), expected, "{name}");
    }
}

#[test]
fn the_token_is_passed_on_only_where_switched_on() {
    let application = Application { jwt_headers: true, ..application("https://app.example.com") };
    let allow = allowed_as(&application, &json!({}), &[]);
    assert_eq!(value(&allow, "x-authentik-jwt"), Some("access-token"));
    assert_eq!(value(&allow, "x-authentik-meta-jwks"), Some("https://sso.example.com/jwks"));
}

#[test]
fn h9_a_list_is_forged_by_nobody() {
    let allow = allowed(&json!({ "groups": ["staff|admins", "a,b", "x\r\ny", "", 7, "ok"], "name": "a\nb" }), &[]);
    assert_eq!(value(&allow, "x-authentik-groups"), Some("a,b|ok"));
    assert_eq!(value(&allow, "x-authentik-name"), None);
    assert!(allow.remove().contains(&Cow::Borrowed("x-authentik-name")));
}

#[test]
fn h9_spellings_that_fold_to_ours_are_removed() {
    let spellings = [
        "X_authentik_username",
        "X.authentik.username",
        "x-authentik_uid",
        "X-AUTHENTIK.EMAIL",
        "x-authentik-jwt",
        "x-authentik-anything",
        "X-Gatepost-Backend-Host",
        "x_gatepost_cluster",
        "x-envoy-original-dst-host",
    ];
    let allow = allowed(&json!({}), &spellings);
    for name in spellings {
        assert!(allow.remove().iter().any(|removed| removed.eq_ignore_ascii_case(name)), "{name}");
    }
    let kept = allowed(&json!({}), &["x-custom", "authorization", "x-authentikx", "x-envoy-original-path"]);
    for name in ["x-custom", "authorization", "x-authentikx", "x-envoy-original-path"] {
        assert!(!kept.remove().iter().any(|removed| removed == name), "{name}");
    }
}

#[test]
fn the_cookie_line_is_rewritten_or_removed() {
    let (proof, application) = (public_path(), application("https://app.example.com"));
    let allow =
        allow_public(&proof, &application, Passing { rest_of_cookies: Some(b"a=1".to_vec()), ..passing(&sent(&[])) });
    assert_eq!(allow.set(), [(Cow::Borrowed("cookie"), b"a=1".to_vec())]);
    let allow =
        allow_public(&proof, &application, Passing { rest_of_cookies: Some(Vec::new()), ..passing(&sent(&[])) });
    assert!(allow.set().is_empty() && allow.remove().contains(&Cow::Borrowed("cookie")));
}

#[test]
fn in_mode_proxy_every_allow_names_a_backend_and_the_host_that_was_asked_for() {
    let own = Backend::parse("http://own.internal:8080", true).expect("is a backend").0;
    let allow = BackendAllow::parse(&["b.internal"]).expect("is a list");
    let mode = Mode::Proxy(Backends::new(own, allow));
    let application = Application { mode, ..application("https://app.example.com:8443") };
    let spellings =
        ["X-Forwarded-Host", "x_forwarded_host", "x.forwarded-host", "x-gatepost-backend-host", "x-forwarded-hostx"];
    let claims = json!({ "ak_proxy": { "backend_override": "http://b.internal" } });
    let signed_in = allowed_as(&application, &claims, &spellings);
    let public = allow_public(&public_path(), &application, passing(&sent(&spellings)));
    for (allow, expected) in [(signed_in, "b.internal"), (public, "own.internal:8080")] {
        assert_eq!(allow.upstream().map(Upstream::host), Some(expected));
        assert_eq!(value(&allow, "x-forwarded-host"), Some("app.example.com"));
        let removed = |name: &str| allow.remove().iter().any(|removed| removed == name);
        assert!(!removed("x-forwarded-host") && !removed("x-forwarded-hostx"));
        for name in ["x_forwarded_host", "x.forwarded-host", "x-gatepost-backend-host"] {
            assert!(removed(name), "{name}");
        }
    }
    let elsewhere = allowed(&claims, &spellings);
    assert!(elsewhere.upstream().is_none() && value(&elsewhere, "x-forwarded-host").is_none());
}

fn public_path() -> PublicPath {
    let application = Application { pass_preflight: true, ..application("https://app.example.com") };
    PublicPath::preflight(&application, crate::domain::request::ClientKind::Preflight).expect("is let through")
}

/// Everything that a CGI backend could take for an identity header.
fn folds_to_owned(name: &str) -> bool {
    let folded: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    OWNED.contains(&folded.as_str())
}

proptest! {
    /// PR-5: after the answer is applied, every identity header is ours or gone, once, and no name is in both lists.
    #[test]
    fn nothing_that_a_client_sent_survives(
        names in prop::collection::vec("[xX][-_.]([aA]uthentik)[-_.](username|groups|uid|jwt|meta[-_.]app)", 0..6),
        signed_in: bool,
        groups in prop::collection::vec("\\PC{0,6}", 0..4),
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let application = application("https://app.example.com");
        let allow = if signed_in { allowed(&json!({ "groups": groups }), &names) } else { allow_public(&public_path(), &application, passing(&sent(&names))) };
        for name in names.iter().map(|name| name.to_ascii_lowercase()).filter(|name| folds_to_owned(name)) {
            let set = allow.set().iter().filter(|(set, _)| *set == name).count();
            let removed = allow.remove().iter().filter(|removed| **removed == name).count();
            prop_assert_eq!(set + removed, 1, "{}", name);
        }
        for (name, value) in allow.set() {
            prop_assert!(!allow.remove().contains(name));
            prop_assert!(!String::from_utf8_lossy(value).contains(char::is_control));
        }
    }
}
