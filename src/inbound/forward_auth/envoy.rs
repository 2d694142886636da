//! Envoy's HTTP service: it sends the original request itself, with the prefix of our endpoint before its path.

use std::net::IpAddr;

use http::{HeaderMap, Method};

use super::fault::Fault;
use super::header_lines;
use crate::domain::http::{Authority, RequestHead, RequestTarget, Scheme};

const PROTO: &str = "x-forwarded-proto";
/// Headers that are read here, and so are not the client's.
const OWN: [&str; 3] = [PROTO, "x-forwarded-for", "host"];

/// Reads the original request; `rest` is the path and query after the prefix.
///
/// # Errors
/// See [`Fault`].
pub(super) fn read(
    method: &Method,
    headers: &HeaderMap,
    rest: &str,
    client: Option<IpAddr>,
) -> Result<RequestHead, Fault> {
    let host = header_lines::once(headers, "host")?;
    // `None` when Envoy is not configured to send it: the application's own scheme is used then.
    let scheme = match header_lines::at_most_once(headers, PROTO)? {
        Some(proto) => Some(Scheme::parse_forwarded(proto).ok_or(Fault::Scheme)?),
        None => None,
    };
    let client_lines = header_lines::of_client(headers, &OWN)?;
    let raw = if rest.is_empty() || rest.starts_with('?') { format!("/{rest}") } else { rest.to_owned() };
    Ok(RequestHead {
        method: method.as_str().to_owned(),
        scheme,
        authority: Authority::parse(host)?,
        target: RequestTarget::read(raw)?,
        request_id: client_lines.text("x-request-id").map(str::to_owned),
        headers: client_lines,
        client,
        application: None,
    })
}
