//! Traefik and Caddy: the original request is in `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`; all four are required.

use std::net::IpAddr;

use http::HeaderMap;

use super::fault::Fault;
use super::header_lines;
use crate::domain::http::{Authority, RequestHead, RequestTarget, Scheme, is_token};

const METHOD: &str = "x-forwarded-method";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";
const URI: &str = "x-forwarded-uri";
/// Headers that are read here, and so are not the client's. `host` belongs to the forward-auth request itself.
const OWN: [&str; 6] = [METHOD, PROTO, HOST, URI, "x-forwarded-for", "host"];

/// Reads the original request.
///
/// # Errors
/// See [`Fault`].
pub(super) fn read(headers: &HeaderMap, client: Option<IpAddr>) -> Result<RequestHead, Fault> {
    let [method, proto, host, uri] = [METHOD, PROTO, HOST, URI].map(|name| header_lines::once(headers, name));
    let (method, proto, host, uri) = (method?, proto?, host?, uri?);
    let client_lines = header_lines::of_client(headers, &OWN)?;
    header_lines::refuse_contradiction(headers, "x-original-uri", uri)?;
    header_lines::refuse_contradiction(headers, "x-original-url", &format!("{proto}://{host}{uri}"))?;
    if !is_token(method) {
        return Err(Fault::Method);
    }
    Ok(RequestHead {
        method: method.to_owned(),
        scheme: Some(Scheme::parse_forwarded(proto).ok_or(Fault::Scheme)?),
        authority: Authority::parse(host)?,
        target: RequestTarget::read(uri.to_owned())?,
        request_id: client_lines.text("x-request-id").map(str::to_owned),
        headers: client_lines,
        client,
        application: None,
    })
}
