//! The question: a browser's request for a page, about twenty headers and 1 kB, as Envoy and as nginx pass it on.

use std::collections::HashMap;
use std::fmt::Write as _;

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use prost::Message as _;

pub(crate) const HOST: &str = "wiki.example.com";
/// What the browser asks for.
pub(crate) const PAGE: &str = "/projects/gatepost/issues?page=2";
/// The cookies of a browser that is not signed in.
pub(crate) const COOKIES: &str = "theme=dark";
const BROWSER: [(&str, &str); 14] = [
    ("sec-ch-ua", "\"Chromium\";v=\"156\", \"Not_A Brand\";v=\"24\""),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", "\"Linux\""),
    ("upgrade-insecure-requests", "1"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    ),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
    ("referer", "https://wiki.example.com/projects/gatepost/overview"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("priority", "u=0, i"),
];

/// The cookies of a browser that is signed in.
pub(crate) fn cookies(session: &str) -> String {
    format!("{COOKIES}; __Host-gatepost-session-wiki={session}")
}

/// A Check as Envoy sends it with `encode_raw_headers: true`.
pub(crate) fn check(path: &str, cookies: &str) -> CheckRequest {
    let before = [(":authority", HOST), (":path", path), (":method", "GET"), (":scheme", "https")];
    let after = [
        ("cookie", cookies),
        ("x-forwarded-for", "192.0.2.17"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "6b3f2f0e-6e0d-4a53-9a43-6f1b2f6f4c11"),
    ];
    let line = |(key, value): (&str, &str)| HeaderValue {
        key: key.to_owned(),
        raw_value: value.as_bytes().to_vec(),
        ..HeaderValue::default()
    };
    let http = HttpRequest {
        id: "8124398712345".into(),
        method: "GET".into(),
        path: path.into(),
        host: HOST.into(),
        scheme: "https".into(),
        protocol: "HTTP/2".into(),
        header_map: Some(HeaderMap { headers: before.into_iter().chain(BROWSER).chain(after).map(line).collect() }),
        ..HttpRequest::default()
    };
    let request = Some(Request { http: Some(http), ..Request::default() });
    let context_extensions = HashMap::new();
    CheckRequest { attributes: Some(AttributeContext { request, context_extensions, ..AttributeContext::default() }) }
}

/// The question as one gRPC message on the wire: flag, length, bytes.
pub(crate) fn frame(request: &CheckRequest) -> Vec<u8> {
    message(&request.encode_to_vec())
}

/// A gRPC message on the wire.
pub(crate) fn message(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&[0], length.to_be_bytes().as_slice(), bytes].concat()
}

/// The same request over HTTP/1.1, lines ended by `\n`, as a TLS terminator before Envoy passes it on.
pub(crate) fn to_envoy(cookies: &str) -> String {
    over_http1(PAGE, HOST, &[("x-forwarded-proto", "https"), ("x-forwarded-for", "192.0.2.17")], cookies)
}

/// What nginx asks about it.
pub(crate) fn of_nginx(cookies: &str) -> String {
    let url = format!("https://{HOST}{PAGE}");
    let own = [("x-original-url", url.as_str()), ("x-original-method", "GET"), ("x-forwarded-for", "192.0.2.17")];
    over_http1("/outpost.goauthentik.io/auth/nginx", HOST, &own, cookies)
}

fn over_http1(path: &str, host: &str, own: &[(&str, &str)], cookies: &str) -> String {
    let mut text = format!("GET {path} HTTP/1.1\nhost: {host}\n");
    for (name, value) in BROWSER.iter().chain(own).chain(&[("cookie", cookies)]) {
        // Text takes all there is.
        let _ = writeln!(text, "{name}: {value}");
    }
    text + "\n"
}
