//! What must hold for every answer: a second, slower implementation of the rules, from the request as Envoy sent it.

use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse};
use prost::Message as _;

use super::backend;
use super::test_outpost::session_values;

/// The identity headers.
pub(super) const IDENTITY: [&str; 17] = [
    "x-authentik-username",
    "x-authentik-groups",
    "x-authentik-entitlements",
    "x-authentik-email",
    "x-authentik-name",
    "x-authentik-uid",
    "x-authentik-jwt",
    "x-authentik-meta-jwks",
    "x-authentik-meta-outpost",
    "x-authentik-meta-provider",
    "x-authentik-meta-app",
    "x-authentik-meta-version",
    "x-auth-username",
    "x-auth-groups",
    "x-forwarded-email",
    "x-forwarded-preferred-username",
    "x-forwarded-user",
];
/// Answers of our own endpoints that are pages and not refusals.
const PAGES: [&str; 4] = ["ping", "signed_out", "sign_out_unconfirmed", "logout_by_provider"];

type Line = (String, Vec<u8>);

/// Fails unless `response` is a valid answer to `request`.
pub fn check(request: &CheckRequest, response: &CheckResponse) {
    let status = response.status.as_ref().expect("an answer without a status is an allow");
    assert!(response.encoded_len() <= 16 * 1024 + 3 * request.encoded_len(), "bounded by the question");
    match response.http_response.as_ref().expect("an empty answer is an allow") {
        HttpResponse::OkResponse(ok) => {
            assert_eq!(status.code, 0);
            let http = request.attributes.as_ref().and_then(|it| it.request.as_ref()).and_then(|it| it.http.as_ref());
            let http = http.expect("only an HTTP request passes");
            let signed_in = judge_allow(http, ok);
            backend::check(http, response, ok, signed_in);
        }
        HttpResponse::DeniedResponse(denied) => {
            assert_ne!(status.code, 0, "to Envoy a denial with code 0 is an allow");
            judge_denial(&status.message, denied);
        }
        HttpResponse::ErrorResponse(_) => panic!("no such answer is ours"),
    }
}

/// Checks an allow; returns whether the request passes with a user.
fn judge_allow(http: &HttpRequest, ok: &OkHttpResponse) -> bool {
    let incoming = lines(http);
    let presented = |value: &String| incoming.iter().any(|(name, line)| name == "cookie" && holds(line, value));
    let signed_in = session_values().iter().any(presented);
    let preflight =
        http.method == "OPTIONS" && incoming.iter().any(|(name, _)| name == "access-control-request-method");
    assert!(signed_in || preflight || is_public(http), "let through without a session: {http:?}");
    assert!(preflight || is_public(http) || !may_be_read_as_admin(&http.path), "nobody may pass here: {http:?}");

    let set: Vec<Line> = ok.headers.iter().map(header).collect();
    let upstream = upstream(&incoming, ok, &set);
    for (name, value) in &upstream {
        if IDENTITY.contains(&folded(name).as_str()) {
            assert!(signed_in, "a stranger's request carries {name}");
            let ours = set.iter().filter(|(set, _)| set == name).collect::<Vec<_>>();
            assert!(matches!(ours.as_slice(), [(_, only)] if only == value), "{name} is not ours");
            assert!(value != b"root" && value != b"0", "{name} is not the user's to choose");
        }
    }
    let joined_by_comma = http.header_map.as_ref().is_none_or(|map| map.headers.is_empty());
    for (_, line) in upstream.iter().filter(|(name, _)| name == "cookie") {
        refuse_own_cookies(line, joined_by_comma);
    }
    signed_in
}

/// Fails if a `cookie` line that an application receives contains one of our cookies.
pub(super) fn refuse_own_cookies(line: &[u8], joined_by_comma: bool) {
    let pairs = line.split(|byte| *byte == b';' || (joined_by_comma && *byte == b','));
    for name in pairs.filter_map(|pair| pair.split(|byte| *byte == b'=').next().filter(|it| it.len() < pair.len())) {
        let begin = name.iter().position(u8::is_ascii_graphic).unwrap_or(name.len());
        let name = &name[begin..];
        let ours = name.starts_with(b"__Host-gatepost-") || name.starts_with(b"__Secure-gatepost-");
        assert!(!ours, "a cookie of ours reaches the application: {}", String::from_utf8_lossy(line));
    }
}

/// The request as the application would receive it, by Envoy's rules: removals are applied last.
fn upstream(incoming: &[Line], ok: &OkHttpResponse, set: &[Line]) -> Vec<Line> {
    let overwritten = |name: &String| set.iter().any(|(set, _)| set == name);
    let removed = |name: &String| ok.headers_to_remove.iter().any(|gone| gone.eq_ignore_ascii_case(name));
    let kept = incoming.iter().filter(|(name, _)| !overwritten(name));
    kept.chain(set).filter(|(name, _)| !removed(name)).cloned().collect()
}

fn judge_denial(reason: &str, denied: &DeniedHttpResponse) {
    let http = denied.status.as_ref().expect("a denial has a status").code;
    assert!((200..600).contains(&http), "{http}");
    assert!(http >= 300 || PAGES.contains(&reason), "{http} for {reason}");
    let set: Vec<Line> = denied.headers.iter().map(header).collect();
    let location = set.iter().find(|(name, _)| name == "location");
    assert_eq!((300..400).contains(&http), location.is_some(), "a redirect leads somewhere, nothing else does");
    if let Some((_, address)) = location {
        judge_location(address);
    }
}

/// Fails unless a browser may be sent there: to us or to the provider.
pub(super) fn judge_location(address: &[u8]) {
    let address = std::str::from_utf8(address).expect("an address is text");
    let provider = address.starts_with("https://sso.example.com/authorize?")
        || address.starts_with("https://sso.example.com/end?");
    assert!(provider || is_ours(address), "{address}");
}

/// Whether an address leads to one of our applications, according to another parser and RFC 3986.
pub fn is_ours(address: &str) -> bool {
    let host_of = |host: &str| match host {
        "wiki.example.com" | "files.example.com" | "auth.corp.example.com" => true,
        host => host.strip_suffix(".corp.example.com").is_some_and(|below| !below.is_empty()),
    };
    let authority_of = |scheme: &str, authority: &str| match scheme {
        "https" => host_of(authority),
        "http" => authority == "demo.localhost:8080",
        _ => false,
    };
    let (split_scheme, rest) = address.split_once("://").unwrap_or_default();
    let split_authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // `http::Uri` does not handle the fragment; it stays in the browser.
    let uri: Option<http::Uri> = address.split('#').next().and_then(|address| address.parse().ok());
    let parsed = uri.is_some_and(|uri| {
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        authority_of(uri.scheme_str().unwrap_or_default(), authority)
    });
    parsed
        && authority_of(split_scheme, split_authority)
        && address.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'\\')
}

/// A header that we set: one line, in lower case.
pub(super) fn header(option: &HeaderValueOption) -> Line {
    let header = option.header.as_ref().expect("a header");
    let value = if header.raw_value.is_empty() { header.value.as_bytes() } else { &header.raw_value };
    let name = &header.key;
    let legal = name == ":path" || name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    assert!(legal, "{name}");
    assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) || name == "cookie", "{name}: {value:?}");
    (name.clone(), value.to_vec())
}

fn lines(http: &HttpRequest) -> Vec<Line> {
    let raw = http.header_map.as_ref().map(|map| map.headers.as_slice()).filter(|lines| !lines.is_empty());
    let Some(raw) = raw else {
        return http.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone().into_bytes())).collect();
    };
    let value = |line: &envoy_types::pb::envoy::config::core::v3::HeaderValue| {
        if line.raw_value.is_empty() { line.value.clone().into_bytes() } else { line.raw_value.clone() }
    };
    raw.iter().map(|line| (line.key.to_lowercase(), value(line))).collect()
}

/// The slow reference for public paths: nothing in the path that two readers could interpret differently.
pub(super) fn is_public(http: &HttpRequest) -> bool {
    let path = http.path.split('?').next().unwrap_or_default();
    let lower = path.to_ascii_lowercase();
    let is_dots = |segment: &str| matches!(segment.split(';').next().unwrap_or_default().trim_end(), "." | "..");
    let plain = !lower.contains("%2f") && !lower.contains("%5c");
    let plain = plain && !lower.replace("%20", " ").replace("%2e", ".").split('/').any(is_dots);
    let host = http.host.to_ascii_lowercase();
    plain
        && match host.strip_suffix(":443").unwrap_or(&host) {
            "wiki.example.com" | "files.example.com" => path.starts_with("/public/"),
            "open.corp.example.com" => true,
            "demo.localhost:8080" => path.starts_with("/app/public/"),
            _ => false,
        }
}

/// Whether a reader that decodes once or several times, in any order, could read a path under `/admin`.
pub(super) fn may_be_read_as_admin(path: &str) -> bool {
    let mut path = path.split('?').next().unwrap_or_default().as_bytes().to_vec();
    for _ in 0..5 {
        let cut = path.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
        if begins_with_admin(&path) || begins_with_admin(cut) {
            return true;
        }
        path = decoded(&path);
    }
    false
}

fn begins_with_admin(path: &[u8]) -> bool {
    let mut segments: Vec<Vec<u8>> = Vec::new();
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
        match name {
            b".." => drop(segments.pop()),
            name => {
                let end = name.iter().rposition(|byte| !matches!(byte, b'.' | b' ')).map_or(0, |last| last + 1);
                segments.extend(name.get(..end).filter(|name| !name.is_empty()).map(<[u8]>::to_ascii_lowercase));
            }
        }
    }
    segments.first().is_some_and(|first| first == b"admin")
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path;
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *byte == b'%').and_then(|two| std::str::from_utf8(two).ok());
        let octet = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        out.push(octet.unwrap_or(*byte));
        rest = if octet.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    out
}

pub(super) fn folded(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

pub(super) fn holds(line: &[u8], value: &str) -> bool {
    line.windows(value.len()).any(|window| window == value.as_bytes())
}
