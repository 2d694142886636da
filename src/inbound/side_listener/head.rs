//! A direct visit becomes a request head.

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, Request};

use crate::domain::application::RESERVED_PREFIX;
use crate::domain::request::{Authority, CookieForm, HeaderLines, RequestHead, RequestTarget, Scheme};

/// A request as it arrived.
pub(super) struct Arrival {
    pub(super) request: Request<()>,
    pub(super) peer: IpAddr,
    /// `None` on plain HTTP: only the front proxy knows what the browser used.
    pub(super) scheme: Option<Scheme>,
}

/// A request that names no one host, or whose address cannot be made canonical.
pub(super) struct NotCanonical;

impl Arrival {
    /// The request in our own words.
    pub(super) fn into_head(self) -> Result<RequestHead, NotCanonical> {
        let Self { request, peer, scheme } = self;
        let uri = request.uri();
        // The absolute form is for proxies, which this is not; it could name another host than `Host` does.
        if uri.authority().is_some() {
            return Err(NotCanonical);
        }
        let target = uri.path_and_query().ok_or(NotCanonical)?.as_str().to_owned();
        let target = RequestTarget::parse(target).map_err(|_| NotCanonical)?;
        let authority = only_host(request.headers()).ok_or(NotCanonical)?;
        let headers = request.headers();
        let lines = headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
        let headers = HeaderLines::new(lines, CookieForm::Lines);
        Ok(RequestHead {
            method: request.method().as_str().to_owned(),
            scheme,
            authority,
            target,
            request_id: headers.text("x-request-id").map(str::to_owned),
            headers,
            client: Some(peer),
            application: None,
        })
    }
}

fn only_host(headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() { None } else { Authority::parse(host).ok() }
}

/// Whether this is the liveness probe, which needs no host.
pub(super) fn is_ping(request: &Request<()>) -> bool {
    let uri = request.uri();
    uri.authority().is_none() && uri.path().strip_prefix(RESERVED_PREFIX) == Some("ping")
}
