//! Any request of a front proxy to the side listener: a line with method and target, then header lines.

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use gatepost::inbound::connections::Answer;
use gatepost::inbound::forward_auth::Dialect;
use gatepost::inbound::router::Routed;
use http::header::HeaderName;
use http::{Method, Request, Uri};

use super::oracle::{IDENTITY, holds, is_public, judge_location, may_be_read_as_admin, refuse_own_cookies};
use super::test_outpost::{TestOutpost, session_values};

const PREFIX: &str = "/outpost.goauthentik.io/";

/// Sends the request; the answer is checked by a second implementation that reads the same bytes.
pub fn run(input: &[u8]) {
    let Some(request) = request(input) else { return };
    match TestOutpost::new().forward_auth(request.clone()) {
        Routed::HandedOn(handed_on) => judge_handed_on(&request, &handed_on.request),
        Routed::Answered(answer) => judge_answer(&request, &answer),
    }
}

/// The request, as far as hyper would accept it.
fn request(input: &[u8]) -> Option<Request<()>> {
    let mut lines = input.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (method, target) = first.split_once(' ')?;
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    *request.uri_mut() = target.parse::<Uri>().ok()?;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = http::HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}

/// A request that is handed on is unchanged, or is a sign-in whose return address the outpost is going to validate.
fn judge_handed_on(request: &Request<()>, handed_on: &Request<()>) {
    assert!(!is_question(request), "a question is answered: {request:?}");
    if handed_on.uri() != request.uri() {
        assert!(request.uri().path().ends_with("/outpost.goauthentik.io/start"), "{request:?}");
        assert_eq!(handed_on.uri().path(), request.uri().path());
        assert_eq!(handed_on.headers().get_all("host").iter().count(), 1);
    }
    assert_eq!(handed_on.method(), request.method());
}

fn is_question(request: &Request<()>) -> bool {
    let path = request.uri().path();
    let named = Dialect::ALL.map(|(_, name)| format!("{PREFIX}auth/{name}"));
    request.uri().authority().is_none() && named.iter().any(|name| name == path)
}

fn judge_answer(request: &Request<()>, answer: &Answer) {
    let status = answer.status().as_u16();
    let cookies = answer.headers().get_all("set-cookie").iter().count();
    assert!(status != 200 || cookies <= 1, "of an answer that lets pass, front proxies keep one cookie");
    assert!([200, 302, 303, 400, 401, 403, 404, 405, 414, 421, 431, 503, 508].contains(&status), "{status}");
    assert_eq!((300..400).contains(&status), answer.headers().contains_key("location"));
    if let Some(location) = answer.headers().get("location") {
        judge_location(location.as_bytes());
    }
    if status == 200 {
        judge_allow(request, answer);
    }
    let said: usize = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let asked: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    assert!(said <= 8 * 1024 + 4 * (asked + request.uri().to_string().len()), "bounded by the question");
}

fn judge_allow(request: &Request<()>, answer: &Answer) {
    let original = original(request).unwrap_or_else(|| panic!("let through without an original request: {request:?}"));
    assert!(!original.host.starts_with("files."), "mode proxy is Envoy's alone: {request:?}");
    let presented =
        |value: &String| request.headers().get_all("cookie").iter().any(|line| holds(line.as_bytes(), value));
    let signed_in = session_values().iter().any(presented);
    let preflight = original.method == "OPTIONS" && request.headers().contains_key("access-control-request-method");
    assert!(signed_in || preflight || is_public(&original), "let through without a session: {request:?}");
    let is_forbidden = !preflight && !is_public(&original) && may_be_read_as_admin(&original.path);
    assert!(!is_forbidden, "nobody may pass here: {request:?}");
    for name in IDENTITY {
        let values: Vec<_> = answer.headers().get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "the client's own {name} would pass");
        assert!(signed_in || values[0].is_empty(), "a stranger is given {name}");
    }
    let cookie = answer.headers().get("cookie").expect("the cookies of the application");
    refuse_own_cookies(cookie.as_bytes(), false);
    let authorization = answer.headers().get("authorization").expect("what the application is to see");
    assert!(authorization.is_empty() || request.headers().get("authorization") == Some(authorization));
}

/// The slow reference: the only value of each header that the front proxy sets.
fn original(request: &Request<()>) -> Option<HttpRequest> {
    let one = |name: &str| {
        let mut values = request.headers().get_all(name).iter();
        let value = values.next().filter(|_| values.next().is_none())?;
        String::from_utf8(value.as_bytes().to_vec()).ok()
    };
    let target = request.uri().path_and_query()?.as_str();
    let below = target.strip_prefix(PREFIX)?;
    let rest = below.strip_prefix("auth").and_then(|rest| rest.strip_prefix(['/', '?']))?;
    let (dialect, rest) = Dialect::ALL.iter().find_map(|(dialect, name)| Some((dialect, rest.strip_prefix(name)?)))?;
    let (method, host, path) = match dialect {
        Dialect::Envoy => {
            let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
            (request.method().to_string(), one("host")?, path)
        }
        Dialect::Nginx => {
            let url = one("x-original-url")?;
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
            let slash = rest.find('/')?;
            (one("x-original-method").unwrap_or_default(), rest[..slash].to_owned(), rest[slash..].to_owned())
        }
        Dialect::Traefik | Dialect::Caddy => {
            (one("x-forwarded-method")?, one("x-forwarded-host")?, one("x-forwarded-uri")?)
        }
    };
    let header_map = Some(HeaderMap { headers: vec![HeaderValue::default()] });
    Some(HttpRequest { method, host, path, header_map, ..HttpRequest::default() })
}
