//! `CheckRequest`s, ordinary and unusual.

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};

use crate::targets::test_outpost::{joined, navigation, of_http, session_values};

const HOSTS: [&str; 10] = [
    "WIKI.example.com:443",
    "wiki.example.com:8443",
    "wiki.example.com.",
    "wiki.example.com@evil.test",
    "wiki.example.com,evil.test",
    "evilwiki.example.com",
    "[::1]",
    "",
    "corp.example.com",
    "xn--pp-eka.corp.example.com",
];

const PATHS: [&str; 21] = [
    "/public",
    "/publicity",
    "//public/a",
    "/public;x/a",
    "/public/a%23x",
    "/public/%252e%252e/admin",
    "/public/../admin",
    "/public/%2e%2e/admin",
    "/public/..;x/admin",
    "/public/%2fadmin",
    "/public/..\\admin",
    "/public/a%00",
    "/public/%zz",
    "/public/a#x",
    "/public/a?x=/../admin",
    "/public/%c0%ae",
    "*",
    "",
    "https://wiki.example.com/public/a",
    "/public/.%2e/admin",
    "/x?u=/public/a",
];

type Seed = (String, CheckRequest);
type Line<'a> = (&'a str, &'a [u8]);
type Change = (&'static str, fn(&mut HttpRequest));

pub(super) fn requests() -> Vec<Seed> {
    let hosts = HOSTS.iter().enumerate().map(|(n, host)| (format!("host-{n:02}"), page(host, "/")));
    let paths = PATHS.iter().enumerate().map(|(n, path)| (format!("path-{n:02}"), page("wiki.example.com", path)));
    let named = incomplete().into_iter().chain(visits()).chain(signed_in()).chain(credentials()).chain(odd());
    named.map(|(name, request)| (name.to_owned(), request)).chain(hosts).chain(paths).collect()
}

fn page(host: &str, path: &str) -> CheckRequest {
    navigation(host, path, &[])
}

fn incomplete() -> Vec<(&'static str, CheckRequest)> {
    let with = |request| CheckRequest { attributes: Some(AttributeContext { request, ..AttributeContext::default() }) };
    vec![
        ("empty", CheckRequest::default()),
        ("no-request", with(None)),
        ("no-http", with(Some(Request::default()))),
        ("empty-http", of_http(HttpRequest::default())),
    ]
}

fn visits() -> Vec<(&'static str, CheckRequest)> {
    let own = |path: &str| page("wiki.example.com", &format!("/outpost.goauthentik.io/{path}"));
    vec![
        ("first-visit", page("wiki.example.com", "/x?y=1")),
        ("public-domain", page("open.corp.example.com", "/")),
        ("start", own("start?rd=%2F%2Fevil.test")),
        ("callback", own("callback?code=c&state=s")),
        ("ping", page("nobody", "/outpost.goauthentik.io/ping")),
        ("two-hosts", navigation("wiki.example.com", "/", &[("host", b"evil.test")])),
    ]
}

fn signed_in() -> Vec<(&'static str, CheckRequest)> {
    let [wiki, portal, files] = session_values();
    let wiki = format!("a=1; __Host-gatepost-session-wiki={wiki}; b=2");
    let portal = format!("__Secure-gatepost-session-portal={portal}");
    let files = format!("__Host-gatepost-session-files={files}");
    let steering: &[Line<'_>] = &[
        ("cookie", files.as_bytes()),
        ("X-Gatepost-Backend-Host", b"evil.test"),
        ("x_gatepost_backend_host", b"evil.test"),
        ("X_Forwarded.Host", b"evil.test"),
        ("X-Forwarded-Host", b"evil.test"),
    ];
    let (wiki, portal): (Line<'_>, Line<'_>) = (("cookie", wiki.as_bytes()), ("cookie", portal.as_bytes()));
    let spoofed: &[Line<'_>] = &[
        wiki,
        ("X-authentik-username", b"eve"),
        ("x_authentik_username", b"eve"),
        ("X.Authentik.Groups", b"admins"),
        ("x-authentik-meta-version", b"\xff"),
        ("x!authentik~uid", b"eve"),
    ];
    let deliberate = [wiki, ("sec-fetch-site", b"none"), ("sec-fetch-mode", b"navigate")];
    let text = String::from_utf8_lossy(wiki.1).into_owned();
    vec![
        ("signed-in", navigation("wiki.example.com", "/x", spoofed)),
        ("signed-in-joined", joined("wiki.example.com", "/x", &[("cookie", &text), ("x-authentik-username", "eve")])),
        ("signed-in-domain", navigation("a.corp.example.com", "/x", &[portal])),
        ("forbidden", navigation("wiki.example.com", "/admin/x", &[wiki])),
        ("forbidden-odd", navigation("wiki.example.com", "//%61dmin;x/y", &[wiki])),
        ("forbidden-escaped", navigation("wiki.example.com", "/admin%2Fx", &[wiki])),
        ("forbidden-twice-escaped", navigation("wiki.example.com", "/x/%252e%252e/%2561dmin", &[wiki])),
        ("signed-in-escaped", navigation("wiki.example.com", "/group%2Fadmin%23x", &[wiki])),
        ("another-applications-session", navigation("wiki.example.com", "/", &[portal])),
        ("public-spoofed", navigation("wiki.example.com", "/public/a", &spoofed[1..])),
        ("proxy-signed-in", navigation("files.example.com", "/x%2Fy?z=1", steering)),
        ("proxy-public", navigation("files.example.com", "/public/a", &steering[1..])),
        ("sign-out", navigation("wiki.example.com", "/outpost.goauthentik.io/sign_out", &deliberate)),
        (
            "logout-by-a-frame",
            navigation(
                "wiki.example.com",
                "/outpost.goauthentik.io/frontchannel_logout?iss=https%3A%2F%2Fsso.example.com%2F&sid=s",
                &[wiki],
            ),
        ),
        ("logout-by-token", navigation("wiki.example.com", "/outpost.goauthentik.io/backchannel_logout", &[wiki])),
        ("sign-out-elsewhere", navigation("wiki.example.com", "/x?X-authentik-logout=true", &[wiki])),
    ]
}

fn credentials() -> Vec<(&'static str, CheckRequest)> {
    let sent = |lines: &[Line<'_>]| navigation("wiki.example.com", "/x", lines);
    let (token, password): (Line<'_>, Line<'_>) =
        (("authorization", b"Bearer a.b.c"), ("authorization", b"Basic YWxpY2U6cGFzc3dvcmQ="));
    vec![
        ("bearer", sent(&[token])),
        ("app-password", sent(&[password])),
        ("two-credentials", sent(&[token, password])),
        ("credentials-joined", joined("wiki.example.com", "/x", &[("authorization", "Bearer a,Basic YTpi")])),
        ("credential-at-public-path", navigation("wiki.example.com", "/public/a", &[token])),
    ]
}

fn odd() -> Vec<(&'static str, CheckRequest)> {
    let mut named = page("wiki.example.com", "/");
    named.attributes.as_mut().unwrap().context_extensions.insert("gatepost.app".to_owned(), "portal".to_owned());
    let rows: [Change; 6] = [
        ("plain-http", |http| http.scheme = "http".to_owned()),
        ("odd-scheme", |http| http.scheme = "https,http".to_owned()),
        ("odd-method", |http| http.method = "get it".to_owned()),
        ("lower-case-method", |http| http.method = "get".to_owned()),
        ("public-on-this-machine", |http| {
            http.host = "demo.localhost:8080".to_owned();
            http.scheme = "http".to_owned();
            http.path = "/app/public/a".to_owned();
        }),
        ("preflight", |http| {
            let (key, value) = ("access-control-request-method".to_owned(), "PUT".to_owned());
            http.method = "OPTIONS".to_owned();
            http.host = "auth.corp.example.com".to_owned();
            http.header_map = Some(HeaderMap { headers: vec![HeaderValue { key, value, raw_value: Vec::new() }] });
        }),
    ];
    let changed = rows.into_iter().map(|(name, change)| {
        let mut request = page("wiki.example.com", "/public/a");
        let http = request.attributes.as_mut().and_then(|it| it.request.as_mut()).and_then(|it| it.http.as_mut());
        change(http.unwrap());
        (name, request)
    });
    changed.chain([("unknown-application", named)]).collect()
}
