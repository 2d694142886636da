//! The fast decoder of a `CheckRequest`: one pass over its bytes that copies only header lines. It knows the messages that
//! Envoy sends with every request. Unknown fields and everything ambiguous (repeated fields, bodies, metadata, groups,
//! malformed bytes) are left to the full decoder, so that only one decoder defines what is well formed.

use std::net::IpAddr;

use super::field_numbers::{
    address, attribute_context, check_request, header_map, header_value, http_request, map_entry, peer, request,
    socket_address, timestamp, tls_session,
};
use super::fields::{Value, fields, two_fields};
use crate::domain::http::{CookieForm, HeaderLines};

/// The context extension in which a route names its application.
pub(super) const APPLICATION_EXTENSION: &str = "gatepost.app";

/// A map with more headers is left to the full decoder, because repeated names are searched for linearly.
const MOST_MAPPED: usize = 128;

/// The attributes of a `CheckRequest` before validation.
#[derive(Debug)]
pub(super) struct CheckAttributes<'a> {
    pub(super) method: &'a str,
    pub(super) scheme: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: HeaderLines,
    pub(super) client: Option<IpAddr>,
    pub(super) application: Option<&'a str>,
}

/// Reads the message; `None` when the full decoder has to read it.
pub(super) fn scan(message: &[u8]) -> Option<CheckAttributes<'_>> {
    let mut attributes = None;
    for field in fields(message) {
        match field? {
            (check_request::ATTRIBUTES, Value::Bytes(value)) => once(&mut attributes, value)?,
            _ => return None,
        }
    }
    let (mut source, mut destination, mut request, mut application) = (None, None, None, None);
    for field in fields(attributes?) {
        match field? {
            (attribute_context::SOURCE, Value::Bytes(peer)) => once(&mut source, peer)?,
            (attribute_context::DESTINATION, Value::Bytes(peer)) => once(&mut destination, peer)?,
            (attribute_context::REQUEST, Value::Bytes(value)) => once(&mut request, value)?,
            (attribute_context::CONTEXT_EXTENSIONS, Value::Bytes(entry)) => {
                let (name, value) = pair(entry)?;
                if name == APPLICATION_EXTENSION {
                    once(&mut application, value)?;
                }
            }
            (attribute_context::METADATA_CONTEXT | attribute_context::ROUTE_METADATA_CONTEXT, Value::Bytes([])) => {}
            (attribute_context::TLS_SESSION, Value::Bytes(session)) => texts(session, &[tls_session::SNI])?,
            _ => return None,
        }
    }
    if let Some(destination) = destination {
        ip_address(destination)?;
    }
    let client = source.map_or(Some(""), ip_address)?;
    http(request?, client.parse().ok(), application)
}

fn http<'a>(message: &'a [u8], client: Option<IpAddr>, application: Option<&'a str>) -> Option<CheckAttributes<'a>> {
    let mut http = None;
    for field in fields(message) {
        match field? {
            (request::TIME, Value::Bytes(time)) => numbers(time, &[timestamp::SECONDS, timestamp::NANOS])?,
            (request::HTTP, Value::Bytes(value)) => once(&mut http, value)?,
            _ => return None,
        }
    }
    let (mut method, mut path, mut host, mut scheme) = (None, None, None, None);
    let (mut mapped, mut lines) = (HeaderLines::with_room(0, 0, CookieForm::CommaJoined), None);
    for field in fields(http?) {
        match field? {
            (http_request::METHOD, Value::Bytes(value)) => once(&mut method, text(value)?)?,
            (http_request::HEADERS, Value::Bytes(entry)) => map(&mut mapped, entry)?,
            (http_request::PATH, Value::Bytes(value)) => once(&mut path, text(value)?)?,
            (http_request::HOST, Value::Bytes(value)) => once(&mut host, text(value)?)?,
            (http_request::SCHEME, Value::Bytes(value)) => once(&mut scheme, text(value)?)?,
            (
                http_request::ID | http_request::QUERY | http_request::FRAGMENT | http_request::PROTOCOL,
                Value::Bytes(value),
            ) => text(value).map(drop)?,
            (http_request::SIZE, Value::Number) => {}
            (http_request::HEADER_MAP, Value::Bytes(value)) => once(&mut lines, value)?,
            _ => return None,
        }
    }
    let headers = match lines {
        Some(lines) if !lines.is_empty() => raw_lines(lines)?,
        _ => mapped,
    };
    let [method, path, host, scheme] = [method, path, host, scheme].map(Option::unwrap_or_default);
    Some(CheckAttributes { method, scheme, host, path, headers, client, application })
}

/// `encode_raw_headers: true`: every line with its raw bytes.
fn raw_lines(lines: &[u8]) -> Option<HeaderLines> {
    let room = (32, lines.len());
    let lines = fields(lines).map(|field| match field? {
        (header_map::HEADERS, Value::Bytes(line)) => raw_line(line),
        _ => None,
    });
    let lines = lines.filter(|line| line.is_none_or(|(name, _)| is_field(name)));
    HeaderLines::from_ascii_names(lines, room, CookieForm::Lines)
}

/// The name and the value of a line.
fn raw_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    // A name is checked together with those of the other lines, unless it is left out.
    if let Some((name, value)) = two_fields(line, header_value::KEY, header_value::RAW_VALUE)
        && (is_field(name) || text(name).is_some())
    {
        return Some((name, value));
    }
    let (mut name, mut value, mut raw) = (None, None, None);
    for field in fields(line) {
        match field? {
            (header_value::KEY, Value::Bytes(bytes)) => once(&mut name, text(bytes)?)?,
            (header_value::VALUE, Value::Bytes(bytes)) => once(&mut value, text(bytes)?)?,
            (header_value::RAW_VALUE, Value::Bytes(bytes)) => once(&mut raw, bytes)?,
            _ => return None,
        }
    }
    let raw = raw.unwrap_or_default();
    let name = name.unwrap_or_default();
    Some((name.as_bytes(), if raw.is_empty() { value.unwrap_or_default().as_bytes() } else { raw }))
}

/// The other form: a map, in which the last of two equal names would win, so a repeated name is left to the full decoder.
fn map(headers: &mut HeaderLines, entry: &[u8]) -> Option<()> {
    let (name, value) = pair(entry)?;
    if headers.names().count() >= MOST_MAPPED || headers.names().any(|other| other.eq_ignore_ascii_case(name)) {
        return None;
    }
    if is_field(name) {
        headers.push(name, value.as_bytes());
    }
    Some(())
}

/// Method, host and path come from their own fields, never from pseudo headers.
pub(super) fn is_field(name: impl AsRef<[u8]>) -> bool {
    !name.as_ref().starts_with(b":")
}

/// The IP address of a peer with a socket address; empty for any other peer.
fn ip_address(message: &[u8]) -> Option<&str> {
    let (mut address, mut socket, mut host) = (None, None, None);
    for field in fields(message) {
        match field? {
            (peer::ADDRESS, Value::Bytes(value)) => once(&mut address, value)?,
            (peer::SERVICE | peer::PRINCIPAL | peer::CERTIFICATE, Value::Bytes(value)) => text(value).map(drop)?,
            _ => return None,
        }
    }
    for field in fields(address.unwrap_or_default()) {
        match field? {
            (address::SOCKET_ADDRESS, Value::Bytes(value)) => once(&mut socket, value)?,
            _ => return None,
        }
    }
    for field in fields(socket.unwrap_or_default()) {
        match field? {
            (socket_address::PROTOCOL | socket_address::PORT_VALUE | socket_address::IPV4_COMPAT, Value::Number) => {}
            (socket_address::ADDRESS, Value::Bytes(value)) => once(&mut host, text(value)?)?,
            (
                socket_address::NAMED_PORT | socket_address::RESOLVER_NAME | socket_address::NETWORK_NAMESPACE_FILEPATH,
                Value::Bytes(value),
            ) => text(value).map(drop)?,
            _ => return None,
        }
    }
    Some(host.unwrap_or_default())
}

/// An entry of a map from text to text.
fn pair(entry: &[u8]) -> Option<(&str, &str)> {
    let (mut key, mut value) = (None, None);
    for field in fields(entry) {
        match field? {
            (map_entry::KEY, Value::Bytes(bytes)) => once(&mut key, text(bytes)?)?,
            (map_entry::VALUE, Value::Bytes(bytes)) => once(&mut value, text(bytes)?)?,
            _ => return None,
        }
    }
    Some((key.unwrap_or_default(), value.unwrap_or_default()))
}

/// Accepts a message that consists of these text fields only.
fn texts(message: &[u8], known: &[u32]) -> Option<()> {
    fields(message).try_for_each(|field| match field? {
        (number, Value::Bytes(bytes)) if known.contains(&number) => text(bytes).map(drop),
        _ => None,
    })
}

/// A message that consists of these number fields only.
fn numbers(message: &[u8], known: &[u32]) -> Option<()> {
    fields(message).try_for_each(|field| match field? {
        (number, Value::Number) if known.contains(&number) => Some(()),
        _ => None,
    })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Stores the value of a field that may occur once.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests;
