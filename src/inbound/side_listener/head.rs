//! Reads a browser's direct request.

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, Request as HttpRequest};

use crate::domain::http::{Authority, CookieForm, HeaderLines, Reader, RequestHead, RequestTarget, Scheme};
use crate::inbound::connections::Connection;
use crate::inbound::router::HandedOn;
use crate::outpost::Request;

/// What the connection tells about the sender of its requests.
#[derive(Clone, Copy)]
pub(super) struct ConnectInfo {
    pub(super) peer: IpAddr,
    /// The client's address; `None` behind a front proxy, whose address would stand for all its clients.
    pub(super) client: Option<IpAddr>,
    /// `None` on plain HTTP: only the front proxy knows the scheme that the browser used.
    pub(super) scheme: Option<Scheme>,
}

impl ConnectInfo {
    pub(super) fn of(connection: &Connection, scheme: Option<Scheme>) -> Self {
        Self { peer: connection.peer().ip(), client: connection.client(), scheme }
    }
}

/// The request does not name exactly one host, or its target cannot be made canonical; with the reader of the refusal.
pub(super) struct NotCanonical(pub(super) Reader);

/// Path and query in canonical form. The absolute form is refused: it is for forward proxies, which this is not, and it
/// could name another host than `Host`.
pub(super) fn target(request: &HttpRequest<()>) -> Option<RequestTarget> {
    let path_and_query = request.uri().path_and_query().filter(|_| request.uri().authority().is_none())?;
    RequestTarget::read(path_and_query.as_str().to_owned()).ok()
}

/// Reads a request without its body; `target` is what [`target`] made of it.
pub(super) fn read(
    handed_on: HandedOn,
    target: Option<RequestTarget>,
    connection: ConnectInfo,
) -> Result<Request, NotCanonical> {
    let HandedOn { request, redirected_from, client } = handed_on;
    let lines = request.headers().iter();
    let lines = lines.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    let headers = HeaderLines::new(lines, CookieForm::Lines);
    let method = request.method().as_str().to_owned();
    let Some((target, authority)) = target.zip(only_host(request.headers())) else {
        return Err(NotCanonical(Reader::of(&method, &headers)));
    };
    // Only the front proxy that redirected the browser knows the scheme, where one did.
    let scheme = redirected_from.as_ref().map(|original| original.scheme).or(connection.scheme);
    let request_id = headers.text("x-request-id").map(str::to_owned);
    let client = client.or(connection.client);
    let head = RequestHead { method, scheme, authority, target, headers, client, application: None, request_id };
    Ok(Request { redirected_from: redirected_from.map(|original| original.target), ..Request::from(head) })
}

fn only_host(headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() { None } else { Authority::parse(host).ok() }
}
