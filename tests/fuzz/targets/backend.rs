//! The backends that an allowed request may have: a second implementation of mode `proxy`, checked against the data sent to
//! Envoy.

use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, OkHttpResponse};
use envoy_types::pb::google::protobuf::value::Kind;

use super::oracle::header;

/// The backend data for Envoy, in the order of names: of the application's own backend, and of the one that the claims of
/// the harness name.
const OWN: [(&str, &str); 3] =
    [("backend_host", "files.internal"), ("backend_port", "8080"), ("backend_protocol", "http")];
const CLAIMED: [(&str, &str); 5] = [
    ("backend_certified_name", "harness.apps.internal"),
    ("backend_host", "harness.apps.internal"),
    ("backend_port", "443"),
    ("backend_protocol", "https"),
    ("backend_server_name", "harness.apps.internal"),
];

/// Fails unless an allow at `files` names a backend that is allowed, and an allow elsewhere names none.
pub fn check(http: &HttpRequest, response: &CheckResponse, ok: &OkHttpResponse, signed_in: bool) {
    let text =
        |kind: &Option<Kind>| if let Some(Kind::StringValue(text)) = kind { text.clone() } else { String::new() };
    let fields = response.dynamic_metadata.iter().flat_map(|metadata| &metadata.fields);
    let mut named: Vec<(String, String)> = fields
        .filter(|(name, _)| name.starts_with("backend"))
        .map(|(name, value)| (name.clone(), text(&value.kind)))
        .collect();
    named.sort();
    let set: Vec<(String, Vec<u8>)> = ok.headers.iter().map(header).collect();
    let value = |name: &str| set.iter().find(|(set, _)| set == name).map(|(_, value)| value.as_slice());
    let host = http.host.to_ascii_lowercase();
    if host.strip_suffix(":443").unwrap_or(&host) != "files.example.com" {
        assert!(named.is_empty() && value("x-gatepost-backend-host").is_none() && value(":path").is_none());
        return;
    }
    let is = |expected: &[(&str, &str)]| {
        named.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected.iter().copied())
    };
    let moved = format!("/team{}", http.path);
    let claimed = is(&CLAIMED)
        && value("x-gatepost-backend-host") == Some(b"harness.example")
        && value(":path") == Some(moved.as_bytes());
    let own = is(&OWN) && value("x-gatepost-backend-host") == Some(b"files.internal:8080") && value(":path").is_none();
    assert!(own || (claimed && signed_in), "{named:?} {set:?}");
    assert_eq!(value("x-forwarded-host"), Some(b"files.example.com".as_slice()));
    let gone = |name: &str| ok.headers_to_remove.iter().any(|removed| removed == name);
    assert!(!gone("x-gatepost-backend-host") && !gone("x-forwarded-host") && !gone(":path"));
}
