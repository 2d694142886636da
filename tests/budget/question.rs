//! The request of the budget test: a browser's request for a page, about twenty headers and 1 kB, as Envoy passes it on.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};

pub(crate) const HOST: &str = "wiki.example.com";
/// The headers that describe the browser and the page.
pub(crate) const BROWSER: [(&str, &str); 14] = [
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
