//! Converts a browser's direct request to a request head.

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, Request};

use crate::domain::http::{Authority, ClientKind, CookieForm, HeaderLines, RequestHead, RequestTarget, Scheme};

/// A request as it was received.
pub(super) struct IncomingRequest {
    pub(super) request: Request<()>,
    pub(super) peer: IpAddr,
    /// The client's address; `None` behind a front proxy, whose address would stand for all its clients.
    pub(super) client: Option<IpAddr>,
    /// `None` on plain HTTP: only the front proxy knows the scheme that the browser used.
    pub(super) scheme: Option<Scheme>,
}

/// The request does not name exactly one host, or its target cannot be made canonical; with the kind of client that sent it.
pub(super) struct NotCanonical(pub(super) ClientKind);

impl IncomingRequest {
    /// Path and query in canonical form. The absolute form is refused: it is for forward proxies, which this is not, and it
    /// could name another host than `Host`.
    pub(super) fn target(&self) -> Option<RequestTarget> {
        let uri = self.request.uri();
        let path_and_query = uri.path_and_query().filter(|_| uri.authority().is_none())?;
        RequestTarget::read(path_and_query.as_str().to_owned()).ok()
    }

    /// Converts the request to a request head.
    pub(super) fn into_head(self) -> Result<RequestHead, NotCanonical> {
        let lines = self.request.headers().iter();
        let lines = lines.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
        let headers = HeaderLines::new(lines, CookieForm::Lines);
        let named = self.target().zip(only_host(self.request.headers()));
        let (target, authority) =
            named.ok_or_else(|| NotCanonical(ClientKind::of(self.request.method().as_str(), &headers)))?;
        Ok(RequestHead {
            method: self.request.method().as_str().to_owned(),
            // A router before this one may know it from a trusted front proxy.
            scheme: self.request.extensions().get().copied().or(self.scheme),
            authority,
            target,
            request_id: headers.text("x-request-id").map(str::to_owned),
            headers,
            client: self.client,
            application: None,
        })
    }
}

fn only_host(headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() { None } else { Authority::parse(host).ok() }
}
