//! nginx' `auth_request`: a GET whose `X-Original-URL` is the URL of the original request.

use std::net::IpAddr;

use http::HeaderMap;

use super::fault::Fault;
use super::header_lines;
use crate::domain::http::{Authority, RequestHead, RequestTarget, Scheme, is_token};

/// The header that names the original URL.
pub(super) const ORIGINAL_URL: &str = "x-original-url";
const ORIGINAL_METHOD: &str = "x-original-method";
/// Headers that are read here, and so are not the client's.
pub(super) const OWN: [&str; 4] = [ORIGINAL_URL, ORIGINAL_METHOD, "x-forwarded-for", "host"];
/// The method when nginx is not configured to send it. It is not a token, so it is never a page load or a preflight, and no
/// rule for a method matches it.
const UNKNOWN_METHOD: &str = "(unknown)";

/// Reads the original request.
///
/// # Errors
/// See [`Fault`].
pub(super) fn read(headers: &HeaderMap, client: Option<IpAddr>) -> Result<RequestHead, Fault> {
    let OriginalUrl { scheme, authority, target } = original_url(headers)?;
    let client_lines = header_lines::of_client(headers, &OWN)?;
    header_lines::refuse_contradiction(headers, "x-original-uri", target.raw())?;
    header_lines::refuse_contradiction(headers, "x-forwarded-uri", target.raw())?;
    let method = match header_lines::at_most_once(headers, ORIGINAL_METHOD)? {
        Some(method) if is_token(method) => method,
        Some(_) => return Err(Fault::Method),
        None => UNKNOWN_METHOD,
    };
    Ok(RequestHead {
        method: method.to_owned(),
        scheme: Some(scheme),
        authority,
        target,
        request_id: client_lines.text("x-request-id").map(str::to_owned),
        headers: client_lines,
        client,
        application: None,
    })
}

/// The parts of an absolute URL.
#[derive(Debug)]
pub(super) struct OriginalUrl {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    pub(super) target: RequestTarget,
}

/// The URL in the only `X-Original-URL`. It is split at its first `://` and the next slash: nothing is corrected, as
/// browsers' URL parsers do.
pub(super) fn original_url(headers: &HeaderMap) -> Result<OriginalUrl, Fault> {
    let url = header_lines::once(headers, ORIGINAL_URL)?;
    let (scheme, rest) = url.split_once("://").ok_or(Fault::NotAbsolute)?;
    let scheme = Scheme::parse_forwarded(scheme).ok_or(Fault::Scheme)?;
    let (authority, target) = rest.split_at(rest.find('/').ok_or(Fault::NotAbsolute)?);
    Ok(OriginalUrl { scheme, authority: Authority::parse(authority)?, target: RequestTarget::read(target.to_owned())? })
}
