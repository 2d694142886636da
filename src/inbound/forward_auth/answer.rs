//! The response to a front proxy. Only [`Verdict::Allow`] is a 2xx: a front proxy would take every other 2xx for *allow* as
//! well.

use http::header::{AUTHORIZATION, COOKIE, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};

use super::dialect::Dialect;
use crate::domain::decision::{Allow, COMMON_HEADERS, Decision, Reason, Verdict};
use crate::domain::http::HeaderLines;
use crate::inbound::connections::{Answer, empty};
use crate::inbound::http_response::{self, Recipient};

/// Traefik, Caddy and HAProxy's script pass a refusal on to the browser as it is, with every cookie. Even a page that
/// answers the request itself, such as the one after a sign-out, has to deny the request to the application.
const OTHERS: Recipient = Recipient { status: |_, status| Some(refusing(status)), passes_on: true };

/// nginx does not pass redirects on. After a 401 it continues at `start`, which sets the cookies, or shows a page when the
/// provider is unavailable.
const NGINX: Recipient = Recipient { status: |_, status| Some(understood_by_nginx(status)), passes_on: false };

const ENVOY: Recipient = Recipient { status: |_, status| Some(understood_by_envoy(status)), passes_on: true };

/// Renders the response to the front proxy; `client` are the header lines of the original request.
pub(super) fn render(dialect: Dialect, decision: Decision, client: &HeaderLines) -> Answer {
    let Decision { verdict, audit } = decision;
    let reader = match dialect {
        Dialect::Nginx if matches!(verdict, Verdict::Deny(_)) && is_said_by_start(audit.reason, client) => {
            return empty(StatusCode::UNAUTHORIZED, &COMMON_HEADERS);
        }
        Dialect::Nginx => &NGINX,
        Dialect::Envoy => &ENVOY,
        Dialect::Traefik | Dialect::Caddy => &OTHERS,
    };
    http_response::render(verdict, reader, |allow| allowed(allow, client).ok_or(StatusCode::INTERNAL_SERVER_ERROR))
}

/// The response to a browser that nginx sent to the sign-in, when the original request is malformed.
pub(super) fn to_browser(verdict: Verdict) -> Answer {
    http_response::render(verdict, &OTHERS, |_| Err(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Whether nginx gets a 401 because `start` has a page for this reason: the provider is unavailable for a sign-in, nginx takes
/// https for plain http, or the session exceeded the limit on those of its user. A client that presents a credential is not about to sign in.
fn is_said_by_start(reason: Reason, client: &HeaderLines) -> bool {
    let unavailable = reason == Reason::ProviderUnavailable && client.all("authorization").next().is_none();
    unavailable || matches!(reason, Reason::SchemeHidden | Reason::SessionOverLimit)
}

/// The headers for the application: all identity headers, those without a value empty, because nginx and Caddy would
/// otherwise pass on the client's own; `cookie` and `authorization` for the same reason. `None` when the answer names a
/// backend, which only Envoy can receive.
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
    // `insert` keeps one line per name; `extend` would add to the existing lines.
    for name in allow.unset() {
        headers.insert(name, HeaderValue::from_static(""));
    }
    for (name, value) in allow.set() {
        headers.insert(name, value.clone());
    }
    // From an answer that allows the request, front proxies pass on at most one `Set-Cookie`.
    if let Some(cookie) = allow.cookies().first() {
        headers.insert(SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(headers)
}

/// All lines of a header joined to one; only `cookie` may have several (RFC 9113 section 8.2.3).
fn joined(client: &HeaderLines, name: &str) -> Vec<u8> {
    client.all(name).collect::<Vec<_>>().join(b"; ".as_slice())
}

fn refusing(status: StatusCode) -> StatusCode {
    let refuses = status.is_client_error() || status.is_server_error();
    if refuses { status } else { StatusCode::FORBIDDEN }
}

/// Envoy's HTTP service treats every 5xx as a failure of Gatepost: it discards the page, and with `failure_mode_allow` it
/// allows the request (seen alike on 1.36.4, 1.37.0, 1.38.3, 1.39.3 and 1.40.0). A 4xx is a denial with every
/// configuration.
fn understood_by_envoy(status: StatusCode) -> StatusCode {
    if status.is_client_error() { status } else { StatusCode::FORBIDDEN }
}

/// nginx turns every status other than 401 and 403 into a 500; a server error stays one.
fn understood_by_nginx(status: StatusCode) -> StatusCode {
    match status {
        StatusCode::UNAUTHORIZED => status,
        status if status.is_server_error() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    }
}

#[cfg(test)]
mod tests;
