//! `CheckRequest` to [`RequestHead`], once. What is missing, doubled or not canonical has a name and is denied;
//! method, scheme, host and path come from their own fields, never from pseudo headers in the map.

use std::collections::HashMap;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::HeaderMap;
use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use thiserror::Error;

use crate::domain::request::{
    Authority, CookieForm, DoubledHeader, HeaderLines, HostFault, RequestHead, RequestTarget, Scheme, TargetFault,
    is_token,
};
use crate::outpost::RequestBody;

/// What Envoy says of a body that it cut, where it was told to hand bodies over in part.
const PARTIAL_BODY: &str = "x-envoy-auth-partial-body";
/// The context extension by which a route names its application.
const APPLICATION_EXTENSION: &str = "gatepost.app";

/// Why a `CheckRequest` is no question that can be answered.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum RequestFault {
    #[error("the check request holds no http attributes; the filter must be an HTTP filter")]
    NotHttp,
    #[error("the method is empty or no token")]
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

/// Reads a `CheckRequest`; nothing is copied but what has to be made canonical.
///
/// # Errors
/// See [`RequestFault`].
pub(super) fn read(request: CheckRequest) -> Result<(RequestHead, Body), RequestFault> {
    let attributes = request.attributes.ok_or(RequestFault::NotHttp)?;
    let AttributeContext { source, request, context_extensions, .. } = attributes;
    let http = request.and_then(|request| request.http).ok_or(RequestFault::NotHttp)?;
    let HttpRequest { method, headers, header_map, path, host, scheme, body, raw_body, .. } = http;
    if !is_token(&method) {
        return Err(RequestFault::Method);
    }
    let scheme = Scheme::parse(&scheme.to_ascii_lowercase()).ok_or(RequestFault::Scheme)?;
    let headers = header_lines(headers, header_map);
    refuse_second_host(&headers, &host)?;
    let body = Body::of(if raw_body.is_empty() { body.into_bytes() } else { raw_body }, &headers);
    let head = RequestHead {
        method,
        scheme: Some(scheme),
        authority: Authority::parse(&host)?,
        target: RequestTarget::parse(path)?,
        client: source.and_then(client_address),
        application: application(context_extensions),
        request_id: headers.text("x-request-id").map(str::to_owned),
        headers,
    };
    Ok((head, body))
}

/// What the Check holds of the request's body: nothing, unless the route says `with_request_body`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    Withheld,
    Whole(Vec<u8>),
    Cut,
}

impl Body {
    fn of(bytes: Vec<u8>, headers: &HeaderLines) -> Self {
        let length = headers.text("content-length").and_then(|length| length.parse::<usize>().ok());
        let partial = headers.all(PARTIAL_BODY).any(|value| value != b"false");
        if bytes.is_empty() && length != Some(0) {
            Self::Withheld
        } else if partial || length.is_some_and(|length| length != bytes.len()) {
            Self::Cut
        } else {
            Self::Whole(bytes)
        }
    }

    pub(super) fn as_brought(&self) -> RequestBody<'_> {
        match self {
            Self::Withheld => RequestBody::Withheld,
            Self::Whole(bytes) => RequestBody::Whole(bytes),
            Self::Cut => RequestBody::Cut,
        }
    }
}

/// Both forms in which Envoy sends headers: every line with its raw bytes (`encode_raw_headers: true`), or a map
/// with repeated headers joined by commas.
fn header_lines(map: HashMap<String, String>, raw: Option<HeaderMap>) -> HeaderLines {
    let is_field = |name: &str| !name.starts_with(':');
    match raw {
        Some(raw) if !raw.headers.is_empty() => {
            let lines = raw.headers.into_iter().filter(|line| is_field(&line.key)).map(|line| {
                let value = if line.raw_value.is_empty() { line.value.into_bytes() } else { line.raw_value };
                (line.key, value)
            });
            HeaderLines::new(lines, CookieForm::Lines)
        }
        _ => {
            let lines =
                map.into_iter().filter(|(name, _)| is_field(name)).map(|(name, value)| (name, value.into_bytes()));
            HeaderLines::new(lines, CookieForm::CommaJoined)
        }
    }
}

/// H4: a `Host` line beside `:authority` must say the same.
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

fn application(mut extensions: HashMap<String, String>) -> Option<String> {
    extensions.remove(APPLICATION_EXTENSION)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
