//! Decision to HTTP, total. Only [`Verdict::Allow`] is a 2xx: to a front proxy every other 2xx would mean *allow*, too.

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;

use super::dialect::Dialect;
use crate::domain::decision::{Allow, COMMON_HEADERS, Decision, Page, Reason, Redirect, Verdict};
use crate::domain::request::HeaderLines;
use crate::inbound::connections::{Answer, empty, refusal};

/// A value that cannot stand in a header. None of ours is one; if it were, nothing of the answer would be sent.
struct Unsendable;

/// What the front proxy gets to see; `client` are the header lines of the original request.
pub(super) fn render(dialect: Dialect, decision: Decision, client: &HeaderLines) -> Answer {
    let Decision { verdict, note } = decision;
    let rendered = match verdict {
        Verdict::Allow(allow) => allowed(&allow, client),
        // nginx knows no redirect. After a 401 it goes on to `start`, which sets the cookies, or has a page to show when
        // the provider cannot be asked.
        Verdict::Redirect(_) if dialect == Dialect::Nginx => Ok(empty(StatusCode::UNAUTHORIZED, COMMON_HEADERS)),
        Verdict::Deny(_) if dialect == Dialect::Nginx && is_said_by_start(note.reason, client) => {
            Ok(empty(StatusCode::UNAUTHORIZED, COMMON_HEADERS))
        }
        Verdict::Redirect(redirect) => moved(redirect),
        Verdict::Page(page) | Verdict::Deny(page) => denied(dialect, page),
    };
    rendered.unwrap_or_else(|Unsendable| refusal(StatusCode::INTERNAL_SERVER_ERROR, COMMON_HEADERS))
}

/// What a browser gets to see that nginx sent on to the sign-in, where the visit cannot be told.
pub(super) fn to_browser(verdict: Verdict) -> Answer {
    let rendered = match verdict {
        Verdict::Page(page) | Verdict::Deny(page) => denied(Dialect::Traefik, page),
        Verdict::Allow(_) | Verdict::Redirect(_) => Err(Unsendable),
    };
    rendered.unwrap_or_else(|Unsendable| refusal(StatusCode::INTERNAL_SERVER_ERROR, COMMON_HEADERS))
}

/// Whether `start` has a page about it, which nginx shows: the provider cannot be asked for a sign-in, or nginx takes https for
/// plain http. Who presents a credential is not on the way to a sign-in.
fn is_said_by_start(reason: Reason, client: &HeaderLines) -> bool {
    let unavailable = reason == Reason::ProviderUnavailable && client.all("authorization").next().is_none();
    unavailable || reason == Reason::SchemeHidden
}

/// What the application is to see: all identity headers, those without a value empty, because nginx and Caddy would
/// pass on the client's own instead; `cookie` and `authorization` for the same reason.
fn allowed(allow: &Allow, client: &HeaderLines) -> Result<Answer, Unsendable> {
    if allow.upstream().is_some() {
        return Err(Unsendable);
    }
    let mut answer = empty(StatusCode::OK, COMMON_HEADERS);
    let headers = answer.headers_mut();
    for name in [COOKIE, AUTHORIZATION] {
        let removed = allow.remove().any(|removed| *removed == name.as_str());
        let value = if removed { Vec::new() } else { joined(client, name.as_str()) };
        headers.insert(name, bytes(&value)?);
    }
    for name in allow.blank() {
        headers.insert(header_name(name)?, HeaderValue::from_static(""));
    }
    for (name, value) in allow.set() {
        headers.insert(header_name(name)?, bytes(value)?);
    }
    // Of an answer that lets pass, front proxies keep one `Set-Cookie`, if any.
    set_cookies(headers, allow.cookies().first().cloned())?;
    Ok(answer)
}

/// All lines of a header as one; only `cookie` may have several (RFC 9113 section 8.2.3).
fn joined(client: &HeaderLines, name: &str) -> Vec<u8> {
    client.all(name).collect::<Vec<_>>().join(b"; ".as_slice())
}

fn moved(redirect: Redirect) -> Result<Answer, Unsendable> {
    let status = StatusCode::from_u16(redirect.status).ok().filter(StatusCode::is_redirection).ok_or(Unsendable)?;
    let mut answer = empty(status, COMMON_HEADERS);
    answer.headers_mut().insert(LOCATION, text(redirect.location)?);
    set_cookies(answer.headers_mut(), redirect.cookies)?;
    Ok(answer)
}

/// Even a page that answers what was asked, such as the one after a sign-out, denies the request to the application. To Envoy's
/// HTTP service every 5xx is a fault of ours: it throws the page away, and with `failure_mode_allow` lets the request pass (seen
/// alike on 1.36.4, 1.37.0, 1.38.3, 1.39.3 and 1.40.0). A denial is one, whatever the operator set.
fn denied(dialect: Dialect, page: Page) -> Result<Answer, Unsendable> {
    let status = StatusCode::from_u16(page.status).map_err(|_| Unsendable)?;
    let refuses = status.is_client_error() || status.is_server_error();
    let status = match dialect {
        _ if !refuses => StatusCode::FORBIDDEN,
        Dialect::Nginx => understood_by_nginx(status),
        Dialect::Envoy if status.is_server_error() => StatusCode::FORBIDDEN,
        Dialect::Traefik | Dialect::Caddy | Dialect::Envoy => status,
    };
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in page.common_headers() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for (name, value) in page.headers {
        headers.append(header_name(&name)?, text(value)?);
    }
    if dialect != Dialect::Nginx {
        if !page.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
        }
        set_cookies(headers, page.cookies)?;
        *answer.body_mut() = Full::new(Bytes::from(page.body));
    }
    Ok(answer)
}

/// nginx makes 500 of whatever is neither 401 nor 403; what is a fault stays one.
fn understood_by_nginx(status: StatusCode) -> StatusCode {
    match status {
        StatusCode::UNAUTHORIZED => status,
        status if status.is_server_error() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    }
}

/// Every cookie: what refuses a request, Traefik, Caddy, HAProxy's script and Envoy hand over whole.
fn set_cookies(headers: &mut HeaderMap, cookies: impl IntoIterator<Item = String>) -> Result<(), Unsendable> {
    for cookie in cookies {
        headers.append(SET_COOKIE, text(cookie)?);
    }
    Ok(())
}

fn header_name(name: &str) -> Result<HeaderName, Unsendable> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| Unsendable)
}

fn text(value: String) -> Result<HeaderValue, Unsendable> {
    HeaderValue::try_from(value).map_err(|_| Unsendable)
}

fn bytes(value: &[u8]) -> Result<HeaderValue, Unsendable> {
    HeaderValue::from_bytes(value).map_err(|_| Unsendable)
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
