//! What a front proxy gets to see. Only [`Verdict::Allow`] is a 2xx: to a front proxy every other 2xx would mean *allow*, too.

use http::header::{AUTHORIZATION, COOKIE, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};

use super::dialect::Dialect;
use crate::domain::decision::{Allow, COMMON_HEADERS, Decision, Reason, Verdict};
use crate::domain::http::HeaderLines;
use crate::inbound::connections::{Answer, empty};
use crate::inbound::http_response::{self, Recipient};

/// What refuses a request, Traefik, Caddy and HAProxy's script hand over whole, with every cookie. Even a page that answers what was
/// asked, such as the one after a sign-out, denies the request to the application.
const OTHERS: Recipient = Recipient { status: |_, status| Some(refusing(status)), passes_on: true };

/// nginx knows no redirect. After a 401 it goes on to `start`, which sets the cookies, or has a page to show when the provider
/// cannot be asked.
const NGINX: Recipient = Recipient { status: |_, status| Some(understood_by_nginx(status)), passes_on: false };

const ENVOY: Recipient = Recipient { status: |_, status| Some(understood_by_envoy(status)), passes_on: true };

/// What the front proxy gets to see; `client` are the header lines of the original request.
pub(super) fn render(dialect: Dialect, decision: Decision, client: &HeaderLines) -> Answer {
    let Decision { verdict, note } = decision;
    let reader = match dialect {
        Dialect::Nginx if matches!(verdict, Verdict::Deny(_)) && is_said_by_start(note.reason, client) => {
            return empty(StatusCode::UNAUTHORIZED, &COMMON_HEADERS);
        }
        Dialect::Nginx => &NGINX,
        Dialect::Envoy => &ENVOY,
        Dialect::Traefik | Dialect::Caddy => &OTHERS,
    };
    http_response::render(verdict, reader, |allow| allowed(allow, client).ok_or(StatusCode::INTERNAL_SERVER_ERROR))
}

/// What a browser gets to see that nginx sent on to the sign-in, where the visit cannot be told.
pub(super) fn to_browser(verdict: Verdict) -> Answer {
    http_response::render(verdict, &OTHERS, |_| Err(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Whether `start` has a page about it, which nginx shows: the provider cannot be asked for a sign-in, or nginx takes https for
/// plain http. Who presents a credential is not on the way to a sign-in.
fn is_said_by_start(reason: Reason, client: &HeaderLines) -> bool {
    let unavailable = reason == Reason::ProviderUnavailable && client.all("authorization").next().is_none();
    unavailable || reason == Reason::SchemeHidden
}

/// What the application is to see: all identity headers, those without a value empty, because nginx and Caddy would
/// pass on the client's own instead; `cookie` and `authorization` for the same reason. Nothing where only Envoy can be told.
fn allowed(allow: &Allow, client: &HeaderLines) -> Option<HeaderMap> {
    if allow.upstream().is_some() {
        return None;
    }
    let mut headers = HeaderMap::new();
    for name in [COOKIE, AUTHORIZATION] {
        let removed = allow.remove().any(|removed| removed == name);
        let value = if removed { Vec::new() } else { joined(client, name.as_str()) };
        headers.insert(name, HeaderValue::try_from(value).ok()?);
    }
    // Each name once: `extend` would add to the lines that are there.
    for name in allow.unset() {
        headers.insert(name, HeaderValue::from_static(""));
    }
    for (name, value) in allow.set() {
        headers.insert(name, value.clone());
    }
    // Of an answer that lets pass, front proxies keep one `Set-Cookie`, if any.
    if let Some(cookie) = allow.cookies().first() {
        headers.insert(SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(headers)
}

/// All lines of a header as one; only `cookie` may have several (RFC 9113 section 8.2.3).
fn joined(client: &HeaderLines, name: &str) -> Vec<u8> {
    client.all(name).collect::<Vec<_>>().join(b"; ".as_slice())
}

fn refusing(status: StatusCode) -> StatusCode {
    let refuses = status.is_client_error() || status.is_server_error();
    if refuses { status } else { StatusCode::FORBIDDEN }
}

/// To Envoy's HTTP service every 5xx is a fault of ours: it throws the page away, and with `failure_mode_allow` lets the request
/// pass (seen alike on 1.36.4, 1.37.0, 1.38.3, 1.39.3 and 1.40.0). A denial is one, whatever the operator set.
fn understood_by_envoy(status: StatusCode) -> StatusCode {
    if status.is_client_error() { status } else { StatusCode::FORBIDDEN }
}

/// nginx makes 500 of whatever is neither 401 nor 403; what is a fault stays one.
fn understood_by_nginx(status: StatusCode) -> StatusCode {
    match status {
        StatusCode::UNAUTHORIZED => status,
        status if status.is_server_error() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    }
}

#[cfg(test)]
mod tests;
