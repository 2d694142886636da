//! Converts a `CheckRequest` to a [`Request`]. What is missing, repeated or not canonical is a [`RequestFault`] and is
//! denied; method, scheme, host and path come from their own fields, never from pseudo headers in the map.

use std::collections::HashMap;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::HeaderMap;
use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use prost::{DecodeError, Message as _};
use thiserror::Error;

use super::body;
use super::fast_decode::{self, CheckAttributes, is_field};
use crate::domain::http::{
    Authority, CookieForm, DoubledHeader, HeaderLines, HostFault, Reader, RequestHead, RequestTarget, Scheme,
    TargetFault, is_token,
};
use crate::outpost::Request;

/// Why a `CheckRequest` cannot be answered.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum RequestFault {
    #[error("the check request holds no http attributes; the filter must be an HTTP filter")]
    NotHttp,
    #[error("the method is empty or not a token")]
    Method,
    #[error("the scheme is neither http nor https")]
    Scheme,
    #[error(transparent)]
    Host(#[from] HostFault),
    #[error("`host` differs from the host of the request")]
    TwoHosts,
    #[error(transparent)]
    Target(#[from] TargetFault),
    #[error(transparent)]
    Doubled(#[from] DoubledHeader),
}

/// Reads a `CheckRequest` from its bytes: the usual ones in one pass, all others with the full decoder.
///
/// # Errors
/// When the bytes are not a `CheckRequest`; for the inner error see [`RequestFault`].
pub(super) fn read(message: &[u8]) -> Result<Result<Request, RequestFault>, DecodeError> {
    match fast_decode::scan(message) {
        Some(asked) => Ok(validate(asked, Vec::new())),
        None => CheckRequest::decode(message).map(read_decoded),
    }
}

/// The reader of the refusal of a `CheckRequest` that cannot be answered. It decodes the message again, because such messages are
/// rare.
pub(super) fn reader(message: &[u8]) -> Reader {
    if let Some(asked) = fast_decode::scan(message) {
        return Reader::of(asked.method, &asked.headers);
    }
    let attributes = CheckRequest::decode(message).ok().and_then(|request| request.attributes);
    let http = attributes.and_then(|attributes| attributes.request?.http).unwrap_or_default();
    Reader::of(&http.method, &header_lines(&http.headers, http.header_map.as_ref()))
}

/// Reads a decoded `CheckRequest`.
pub(super) fn read_decoded(request: CheckRequest) -> Result<Request, RequestFault> {
    let attributes = request.attributes.ok_or(RequestFault::NotHttp)?;
    let AttributeContext { source, request, context_extensions, .. } = attributes;
    let http = request.and_then(|request| request.http).ok_or(RequestFault::NotHttp)?;
    let HttpRequest { method, headers, header_map, path, host, scheme, body, raw_body, .. } = &http;
    let asked = CheckAttributes {
        method,
        scheme,
        host,
        path,
        headers: header_lines(headers, header_map.as_ref()),
        client: source.and_then(client_address),
        application: context_extensions.get(fast_decode::APPLICATION_EXTENSION).map(String::as_str),
    };
    validate(asked, if raw_body.is_empty() { body.as_bytes() } else { raw_body }.to_vec())
}

/// Validates the attributes and makes them canonical.
pub(super) fn validate(asked: CheckAttributes<'_>, body: Vec<u8>) -> Result<Request, RequestFault> {
    let CheckAttributes { method, scheme, host, path, headers, client, application } = asked;
    if !is_token(method) {
        return Err(RequestFault::Method);
    }
    let is_meant = |known: &Scheme| known.as_str().eq_ignore_ascii_case(scheme);
    let scheme = [Scheme::Https, Scheme::Http].into_iter().find(is_meant).ok_or(RequestFault::Scheme)?;
    let scheme = if forwards_https(&headers) { Scheme::Https } else { scheme };
    refuse_second_host(&headers, host)?;
    let body = body::received(body, &headers);
    let head = RequestHead {
        method: method.to_owned(),
        scheme: Some(scheme),
        authority: Authority::parse(host)?,
        target: RequestTarget::read(path.to_owned())?,
        client,
        application: application.map(str::to_owned),
        request_id: headers.text("x-request-id").map(str::to_owned),
        headers,
    };
    Ok(Request { body, ..Request::from(head) })
}

/// Reads both forms in which Envoy sends headers: every line with its raw bytes (`encode_raw_headers: true`), or a map with
/// repeated headers joined by commas.
fn header_lines(map: &HashMap<String, String>, raw: Option<&HeaderMap>) -> HeaderLines {
    match raw {
        Some(raw) if !raw.headers.is_empty() => {
            let lines = raw.headers.iter().filter(|line| is_field(&line.key)).map(|line| {
                let value = if line.raw_value.is_empty() { line.value.as_bytes() } else { &line.raw_value };
                (&line.key, value)
            });
            HeaderLines::new(lines, CookieForm::Lines)
        }
        _ => HeaderLines::new(map.iter().filter(|(name, _)| is_field(name)), CookieForm::CommaJoined),
    }
}

/// Whether `x-forwarded-proto` is https. Envoy sets that header itself, from its own connection, unless the operator makes
/// it trust the proxy in front (`xff_num_trusted_hops`, or `use_remote_address: false`). Over HTTP/1.1 Envoy derives the
/// scheme from it; over HTTP/2 it keeps the `:scheme` of the proxy's own connection, which is http where TLS ends at that
/// proxy. This function never turns https into http.
fn forwards_https(headers: &HeaderLines) -> bool {
    let mut lines = headers.all("x-forwarded-proto").peekable();
    let says_https =
        |line: &[u8]| std::str::from_utf8(line).ok().and_then(Scheme::parse_forwarded) == Some(Scheme::Https);
    lines.peek().is_some() && lines.all(says_https)
}

/// H-4: a `Host` line beside `:authority` must have the same value.
fn refuse_second_host(headers: &HeaderLines, host: &str) -> Result<(), RequestFault> {
    match headers.single("host")? {
        Some(line) if !line.eq_ignore_ascii_case(host.as_bytes()) => Err(RequestFault::TwoHosts),
        _ => Ok(()),
    }
}

fn client_address(peer: Peer) -> Option<IpAddr> {
    let Address::SocketAddress(socket) = peer.address?.address? else { return None };
    socket.address.parse().ok()
}

#[cfg(test)]
mod tests;
