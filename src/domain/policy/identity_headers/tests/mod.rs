//! Identity headers: set once by Gatepost, and never from the client in any spelling.

mod choices;
mod properties;

use super::*;
use crate::domain::application::{Application, Mode};
use crate::domain::decision::{Allow, ForwardedRequest, allow_public, allow_signed_in};
use crate::domain::http::RequestHead;
use crate::domain::oidc::claims::{ClaimPath, Claims};
use crate::domain::policy::PublicPath;
use crate::domain::policy::backend::{Backend, BackendAllow, Backends, Upstream};
use crate::domain::policy::identity::Identity;
use crate::domain::session::{Lifetimes, Session};
use crate::domain::time::Timestamp;
use crate::testing::{application, request, signed_in};
use http::HeaderValue;
use http::header::COOKIE;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_unix(1_000_000);
const LIFETIMES: Lifetimes = Lifetimes { absolute: Duration::from_secs(86_400), idle: Duration::from_secs(3600) };

fn sent(names: &[&str]) -> RequestHead {
    let lines: Vec<(&str, &str)> = names.iter().map(|name| (*name, "eve")).collect();
    request("app.example.com", "/", &lines)
}

fn forwarded(head: &RequestHead) -> ForwardedRequest<'_> {
    ForwardedRequest { head, rest_of_cookies: None }
}

fn allowed_as(application: &Application, claims: &Value, incoming: &[&str]) -> Allow {
    let session = Arc::new(Session::begin(signed_in(claims, NOW), application, NOW, LIFETIMES));
    let live = session.live(NOW, application, NOW, LIFETIMES).expect("is live");
    let facts = OutpostFacts { name: "outpost", jwks_uri: Some("https://sso.example.com/jwks"), signer: None };
    let (identity, head) = (Identity::Session(live), sent(incoming));
    let permit = application.rules.permit(&identity, &head, NOW).expect("nothing is forbidden");
    allow_signed_in(permit, application, facts, forwarded(&head))
}

fn allowed(claims: &Value, incoming: &[&str]) -> Allow {
    allowed_as(&application("https://app.example.com"), claims, incoming)
}

fn value<'a>(allow: &'a Allow, name: &str) -> Option<&'a str> {
    let (_, value) = allow.set().find(|(set, _)| set == name)?;
    Some(std::str::from_utf8(value.as_bytes()).expect("is text"))
}

fn public_path() -> PublicPath {
    let application = Application { pass_preflight: true, ..application("https://app.example.com") };
    PublicPath::preflight(application.pass_preflight, crate::domain::http::ClientKind::Preflight)
        .expect("is let through")
}

fn own(header: &str, value: OwnValue) -> OwnHeader {
    OwnHeader { name: HeaderName::parse(header).expect("is a name"), value }
}

fn claim(path: &str, separator: &str) -> OwnValue {
    let path = ClaimPath::parse(path).expect("is a path");
    OwnValue::Claim(path, Separator::parse(separator).expect("is a separator"))
}

fn planned(settings: HeaderSettings) -> Application {
    Application { headers: HeaderPlan::new(settings), ..application("https://app.example.com") }
}

/// The names and values that are set for this user, without the `meta` headers.
fn identity_headers(settings: HeaderSettings, claims: &Value) -> Vec<(String, String)> {
    let allow = allowed_as(&planned(settings), claims, &[]);
    let identity_headers = allow.set().filter(|(name, _)| !name.as_str().starts_with("x-authentik-meta-"));
    identity_headers
        .map(|(name, value)| (name.to_string(), String::from_utf8(value.as_bytes().to_vec()).expect("is text")))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with_additional(headers: &Value) -> Value {
    json!({ "email": "a@example.com", "ak_proxy": { "user_attributes": { "pw": "p", "additionalHeaders": headers } } })
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
    let allow =
        allowed(&json!({ "groups": ["staff|admins", "a,b", "x\r\ny", "", " ok", 7, "ok"], "name": "a\nb" }), &[]);
    assert_eq!(value(&allow, "x-authentik-groups"), Some("a,b|ok"));
    assert_eq!(value(&allow, "x-authentik-name"), None);
    assert!(allow.remove().any(|removed| removed == "x-authentik-name"));
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
        assert!(allow.remove().any(|removed| removed.eq_ignore_ascii_case(name)), "{name}");
    }
    let kept = allowed(&json!({}), &["x-custom", "authorization", "x-authentikx", "x-envoy-original-path"]);
    for name in ["x-custom", "authorization", "x-authentikx", "x-envoy-original-path"] {
        assert!(!kept.remove().any(|removed| removed == name), "{name}");
    }
}

#[test]
fn the_cookie_line_is_rewritten_or_removed() {
    let (proof, application) = (public_path(), application("https://app.example.com"));
    let head = sent(&[]);
    let allowed = |rest: &[u8]| {
        allow_public(
            &proof,
            &application,
            ForwardedRequest { rest_of_cookies: Some(rest.to_vec()), ..forwarded(&head) },
        )
    };
    let allow = allowed(b"a=1");
    assert_eq!(allow.set().collect::<Vec<_>>(), [&(COOKIE, HeaderValue::from_static("a=1"))]);
    let allow = allowed(b"");
    assert!(allow.set().next().is_none() && allow.remove().any(|removed| removed == "cookie"));
    for not_a_value in [&b"a=1\n"[..], b"a=\0", b"a=1; b=\x7f"] {
        let allow = allowed(not_a_value);
        assert!(allow.set().next().is_none() && allow.remove().any(|removed| removed == "cookie"), "{not_a_value:?}");
    }
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
    let public = allow_public(&public_path(), &application, forwarded(&sent(&spellings)));
    for (allow, expected) in [(signed_in, "b.internal"), (public, "own.internal:8080")] {
        assert_eq!(allow.upstream().map(Upstream::host), Some(expected));
        assert_eq!(value(&allow, "x-forwarded-host"), Some("app.example.com"));
        let removed = |name: &str| allow.remove().any(|removed| removed == name);
        assert!(!removed("x-forwarded-host") && !removed("x-forwarded-hostx"));
        for name in ["x_forwarded_host", "x.forwarded-host", "x-gatepost-backend-host"] {
            assert!(removed(name), "{name}");
        }
    }
    let elsewhere = allowed(&claims, &spellings);
    assert!(elsewhere.upstream().is_none() && value(&elsewhere, "x-forwarded-host").is_none());
}

/// Ten times as many header lines cause ten times as many comparisons, whatever their names: all different, or each
/// repeated many times.
#[test]
fn the_cost_of_header_lines_is_linear() {
    let application = application("https://app.example.com");
    let claims = with_additional(&json!({ "X-Team": "red", "X-Level": "3" }));
    let cost = |names: &[String]| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let session = Arc::new(Session::begin(signed_in(&claims, NOW), &application, NOW, LIFETIMES));
        let identity = Identity::Session(session.live(NOW, &application, NOW, LIFETIMES).expect("is live"));
        let head = sent(&names);
        let facts = OutpostFacts { name: "outpost", jwks_uri: None, signer: None };
        let permit = application.rules.permit(&identity, &head, NOW).expect("nothing is forbidden");
        cost::of(|| allow_signed_in(permit, &application, facts, forwarded(&head)))
    };
    for kind in ["x-authentik-", "x_authentik.", "x-gatepost-", "x-other-"] {
        let names = |count: usize| (0..count).map(|number| format!("{kind}{}", number % 5_000)).collect::<Vec<_>>();
        let ((_, some), (allow, many)) = (cost(&names(1_000)), cost(&names(10_000)));
        assert!(many <= some * 10, "{kind}: {some} comparisons for 1,000 lines, {many} for 10,000");
        let removed = allow.of_request().1.iter().filter(|name| name.starts_with(kind)).count();
        assert_eq!(removed, if kind == "x-other-" { 0 } else { 5_000 }, "{kind}: each name is removed once");
    }
    let same = vec!["x-authentik-anything".to_owned(); 10_000];
    assert_eq!(cost(&same).0.of_request().1.len(), 1);
}
