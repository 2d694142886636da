//! One list of requests, sent over every protocol: Envoy's gRPC check and each front proxy's forward auth. The decision is
//! the same over each; only the part of it that a front proxy can receive differs.

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request as CheckedRequest};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use gatepost::inbound::forward_auth::Dialect;

use super::front_proxies::{Original, PAGE, all, question};
use super::support::{SESSION_COOKIE, Setup, TestApp, status, within};

const SCRIPT: &str = "Accept: application/json\r\nSec-Fetch-Mode: cors\r\n";
const PREFLIGHT: &str = "Origin: https://elsewhere.example\r\nAccess-Control-Request-Method: PUT\r\n";
const WEBSOCKET: &str = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
const CLICK: &str =
    "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\n";

/// Method, path and query, header lines.
const REQUESTS: [(&str, &str, &str); 36] = [
    ("GET", "/", PAGE),
    ("GET", "/x?a=1&b=2", PAGE),
    ("HEAD", "/x", PAGE),
    ("GET", "/x", SCRIPT),
    ("POST", "/x", PAGE),
    ("POST", "/x", "Content-Type: application/grpc\r\n"),
    ("OPTIONS", "/x", PREFLIGHT),
    ("get", "/x", PAGE),
    ("QUERY", "/x", PAGE),
    ("GET", "/x", WEBSOCKET),
    ("GET", "/public/a", PAGE),
    ("POST", "/public/a", SCRIPT),
    ("GET", "/public/a?x=/../admin", PAGE),
    ("GET", "/public//a", PAGE),
    ("GET", "/public/%c3%a9", PAGE),
    ("GET", "/public", PAGE),
    ("GET", "/PUBLIC/a", PAGE),
    ("GET", "//public/a", PAGE),
    ("GET", "/public;x/a", PAGE),
    ("GET", "/public/100%25", PAGE),
    ("GET", "/public/%252e%252e/admin", PAGE),
    ("GET", "/public/%2fadmin", PAGE),
    ("GET", "/public/../admin", PAGE),
    ("GET", "/public/%2e%2e/admin", PAGE),
    ("GET", "/public/..;x/admin", PAGE),
    ("GET", "/public/a%00", PAGE),
    ("GET", "/public/%zz", PAGE),
    ("GET", "/x%2fy", PAGE),
    ("GET", "/outpost.goauthentik.io/ping", PAGE),
    ("GET", "/outpost.goauthentik.io/start?rd=/x", PAGE),
    ("GET", "/outpost.goauthentik.io/callback?code=c&state=s", PAGE),
    ("GET", "/outpost.goauthentik.io/nothing", PAGE),
    ("GET", "/outpost.goauthentik.io/auth/nginx", PAGE),
    ("GET", "/x?X-authentik-auth-callback=true&code=c&state=s", PAGE),
    ("GET", "/outpost.goauthentik.io/sign_out", CLICK),
    ("GET", "/?X-authentik-logout=true", CLICK),
];

fn check(original: Original<'_>) -> CheckRequest {
    let lines = original.lines.lines().filter_map(|line| line.split_once(": "));
    let headers = lines.map(|(name, value)| HeaderValue {
        key: name.to_ascii_lowercase(),
        value: String::new(),
        raw_value: value.as_bytes().to_vec(),
    });
    let http = HttpRequest {
        method: original.method.to_owned(),
        scheme: "https".to_owned(),
        host: "wiki.example.com".to_owned(),
        path: original.target.to_owned(),
        header_map: Some(HeaderMap { headers: headers.collect() }),
        ..HttpRequest::default()
    };
    let request = CheckedRequest { http: Some(http), ..CheckedRequest::default() };
    CheckRequest { attributes: Some(AttributeContext { request: Some(request), ..AttributeContext::default() }) }
}

/// The status for a front proxy when Envoy's check allows, or denies with `status`.
fn told(dialect: Dialect, allowed: bool, status: i32, is_own: bool) -> u16 {
    let status = u16::try_from(status).expect("is a status");
    let in_nginx = dialect == Dialect::Nginx;
    if allowed {
        200
    } else if in_nginx && (is_own || (300..400).contains(&status)) {
        401
    } else if status < 300 || (in_nginx && status != 401 && status < 500) {
        403
    } else {
        status
    }
}

async fn decided_alike(setup: Setup, cookie: &str) {
    let app = Box::pin(TestApp::start(setup)).await;
    let mut checks = app.checks().await;
    for (method, target, lines) in REQUESTS.iter().copied() {
        let lines = format!("{lines}{cookie}");
        let original = Original { method, target, lines: &lines };
        let answer = within(checks.check(check(original))).await.expect("is answered").into_inner();
        let allowed = matches!(answer.http_response, Some(HttpResponse::OkResponse(_)));
        let is_own = target.starts_with("/outpost.goauthentik.io/") || target.contains("X-authentik");
        for (dialect, _) in Dialect::ALL {
            let reply = app.http(&question(dialect, original)).await;
            let expected = told(dialect, allowed, status(&answer), is_own);
            assert_eq!(reply.status(), expected, "{dialect}: {method} {target} {lines}: {reply:?}\n{answer:?}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn nobody_is_decided_on_alike() {
    decided_alike(all(), "").await;
}

#[tokio::test]
async fn alice_is_decided_on_alike() {
    decided_alike(Setup { signed_in: true, ..all() }, &format!("Cookie: {SESSION_COOKIE}\r\n")).await;
}

#[tokio::test]
async fn a_40_a_broken_cookie_is_decided_on_alike() {
    for value in ["", "A", "%%%", &"A".repeat(16 * 1024)] {
        decided_alike(all(), &format!("Cookie: __Host-gatepost-session-wiki={value}\r\n")).await;
    }
}

#[tokio::test]
async fn the_older_prefix_counts_in_the_check_too() {
    for (legacy_prefix, expected) in [(true, [302, 404, 404]), (false, [302, 302, 302])] {
        let app = TestApp::start(Setup { legacy_prefix, ..all() }).await;
        let mut checks = app.checks().await;
        for (target, expected) in ["/akprox/start", "/akprox/x", "/akprox/auth/nginx"].into_iter().zip(expected) {
            let asked = check(Original { method: "GET", target, lines: PAGE });
            let answer = within(checks.check(asked)).await.expect("is answered").into_inner();
            assert_eq!(status(&answer), expected, "{target}");
        }
        app.stop().await;
    }
}
