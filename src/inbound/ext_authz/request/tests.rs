//! Which forms of `CheckRequest` are accepted and which are refused.

use super::*;
use crate::outpost::{self, RequestBody};
use envoy_types::pb::envoy::config::core::v3::HeaderValue;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::Request;

fn http() -> HttpRequest {
    HttpRequest {
        method: "GET".into(),
        path: "/a?b=c".into(),
        host: "App.example.com:443".into(),
        scheme: "https".into(),
        ..HttpRequest::default()
    }
}

/// The result as text, with sorted lines: a map has no order.
fn spelled(read: &Result<outpost::Request, RequestFault>) -> String {
    let Ok(outpost::Request { head, body, .. }) = read else { return format!("{read:?}") };
    let mut lines: Vec<_> = head.headers.iter().collect();
    lines.sort_unstable();
    format!("{lines:?} {body:?} {:?}", RequestHead { headers: HeaderLines::default(), ..head.clone() })
}

/// Reads with both decoders and asserts that the results are equal.
fn both(request: CheckRequest) -> Result<outpost::Request, RequestFault> {
    let scanned = read(&request.encode_to_vec()).expect("is a message");
    let decoded = read_decoded(request);
    assert_eq!(spelled(&scanned), spelled(&decoded));
    decoded
}

fn check(http: HttpRequest) -> Result<RequestHead, RequestFault> {
    check_with_body(http).map(|request| request.head)
}

fn check_with_body(http: HttpRequest) -> Result<outpost::Request, RequestFault> {
    let request = Some(Request { http: Some(http), ..Request::default() });
    both(CheckRequest { attributes: Some(AttributeContext { request, ..AttributeContext::default() }) })
}

fn map(lines: &[(&str, &str)]) -> HashMap<String, String> {
    lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn raw(lines: &[(&str, &[u8])]) -> HeaderMap {
    let line = |(name, value): &(&str, &[u8])| HeaderValue {
        key: (*name).to_owned(),
        raw_value: value.to_vec(),
        ..HeaderValue::default()
    };
    HeaderMap { headers: lines.iter().map(line).collect() }
}

#[test]
fn f_12_what_is_incomplete_has_a_name() {
    assert_eq!(both(CheckRequest::default()).err(), Some(RequestFault::NotHttp));
    assert_eq!(both(CheckRequest { attributes: Some(AttributeContext::default()) }).err(), Some(RequestFault::NotHttp));
    for (http, fault) in [
        (HttpRequest { method: String::new(), ..http() }, RequestFault::Method),
        (HttpRequest { method: "GE T".into(), ..http() }, RequestFault::Method),
        (HttpRequest { host: String::new(), ..http() }, RequestFault::Host(HostFault::Empty)),
        (HttpRequest { host: "a.example.com,b.example.com".into(), ..http() }, RequestFault::Host(HostFault::NotAName)),
        (HttpRequest { path: String::new(), ..http() }, RequestFault::Target(TargetFault::NotAPath)),
        (HttpRequest { path: "/a#b".into(), ..http() }, RequestFault::Target(TargetFault::BadByte)),
        (HttpRequest { scheme: String::new(), ..http() }, RequestFault::Scheme),
        (HttpRequest { scheme: "ftp".into(), ..http() }, RequestFault::Scheme),
        (HttpRequest { headers: map(&[("host", "other.example.com")]), ..http() }, RequestFault::TwoHosts),
        (
            HttpRequest { header_map: Some(raw(&[("host", b"app.example.com:443"), ("host", b"x")])), ..http() },
            RequestFault::Doubled(DoubledHeader("host")),
        ),
    ] {
        assert_eq!(check(http.clone()).err(), Some(fault), "{http:?}");
    }
}

#[test]
fn bl_1_a_body_counts_as_a_whole_or_not_at_all() {
    let whole = |text: &str| RequestBody::Whole(text.as_bytes().to_vec());
    for (raw_body, body, lines, expected) in [
        (&b"a=b"[..], "", &[][..], whole("a=b")),
        (b"", "a=b", &[], whole("a=b")),
        (b"a=b", "", &[("content-length", "3")], whole("a=b")),
        (b"a=b", "", &[("content-length", "3"), ("x-envoy-auth-partial-body", "false")], whole("a=b")),
        (b"a=b", "", &[("x-envoy-auth-partial-body", "true")], RequestBody::Cut),
        (b"a=b", "", &[("content-length", "4")], RequestBody::Cut),
        (b"", "", &[("content-length", "0")], whole("")),
        (b"", "", &[("content-length", "3")], RequestBody::Withheld),
        (b"", "", &[], RequestBody::Withheld),
    ] {
        let http = HttpRequest { headers: map(lines), raw_body: raw_body.to_vec(), body: body.into(), ..http() };
        assert_eq!(check_with_body(http).map(|request| request.body), Ok(expected), "{raw_body:?} {body} {lines:?}");
    }
}

#[test]
fn both_header_forms_are_read() {
    let from_map =
        check(HttpRequest { headers: map(&[("cookie", "a=1,b=2"), (":path", "/x"), ("x-request-id", "r")]), ..http() });
    let from_map = from_map.expect("is well formed");
    assert_eq!(from_map.headers.cookie_form(), CookieForm::CommaJoined);
    assert_eq!(from_map.headers.names().collect::<Vec<_>>().len(), 2);
    assert_eq!(from_map.request_id.as_deref(), Some("r"));

    let lines = Some(raw(&[(":authority", b"x"), ("Cookie", b"a=1"), ("cookie", b"b=\xff")]));
    let from_lines = check(HttpRequest { header_map: lines, ..http() }).expect("is well formed");
    assert_eq!(from_lines.headers.cookie_form(), CookieForm::Lines);
    assert_eq!(from_lines.headers.all("cookie").collect::<Vec<_>>(), [b"a=1".as_slice(), b"b=\xff"]);
}

#[test]
fn a_12_only_the_fields_of_the_request_count() {
    let headers = map(&[
        (":path", "/public/a"),
        (":authority", "evil.test"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-uri", "/public/a"),
        ("x-original-url", "/public/a"),
    ]);
    let head = check(HttpRequest { headers, ..http() }).expect("is well formed");
    assert_eq!(head.target.raw(), "/a?b=c");
    assert_eq!(head.authority.host().as_str(), "app.example.com");
}

#[test]
fn the_route_may_name_the_application() {
    let context_extensions = map(&[("gatepost.app", "wiki"), ("other", "x")]);
    let request = Some(Request { http: Some(http()), ..Request::default() });
    let attributes = AttributeContext { request, context_extensions, ..AttributeContext::default() };
    let outpost::Request { head, .. } = both(CheckRequest { attributes: Some(attributes) }).expect("is well formed");
    assert_eq!(head.application.as_deref(), Some("wiki"));
}
