//! The client's request in the domain's types: every protocol converts its messages to one [`RequestHead`]. Hosts and
//! paths are canonicalised here, once; later code never reads the raw text again.

mod accept;
mod client_kind;
mod client_network;
mod cookie_domain;
mod external_host;
mod headers;
mod host;
mod language;
mod limits;
mod networks;
mod odd_path;
mod prefix_match;
mod reader;
mod spelling;
mod target;

use std::net::IpAddr;

use ::http::{HeaderName, HeaderValue};

pub use client_kind::ClientKind;
pub use client_network::client_network;
pub use cookie_domain::{CookieDomain, CookieDomainFault};
pub(in crate::domain) use external_host::is_plain_path;
pub use external_host::{ExternalHost, ExternalHostFault};
pub use headers::{CookieForm, DoubledHeader, HeaderLines};
pub(in crate::domain) use host::parse_port;
pub use host::{Authority, Host, HostFault, Scheme, is_loopback_url};
pub use language::Language;
pub use limits::{Excess, RequestLimits};
pub use networks::Networks;
pub use odd_path::TargetFault;
pub use prefix_match::PrefixMatch;
pub use reader::Reader;
pub use spelling::{fold, folds_to};
pub use target::RequestTarget;

/// A header line to be set on a request or an answer. The value is opaque bytes without control characters, as a
/// `cookie` line may contain.
pub type Header = (HeaderName, HeaderValue);

/// The head of a request on which a decision is required.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// The method as sent: any RFC 9110 token, compared byte for byte.
    pub method: String,
    /// The scheme that the browser used; `None` where the protocol cannot know it (an HTTP listener behind a proxy),
    /// which then counts as the application's own.
    pub scheme: Option<Scheme>,
    /// Host and port of the address, from `:authority` or `Host`.
    pub authority: Authority,
    /// Path and query, canonicalised.
    pub target: RequestTarget,
    /// Header lines without pseudo headers.
    pub headers: HeaderLines,
    /// The client's address as the front proxy reports it.
    pub client: Option<IpAddr>,
    /// The application to which the front proxy gives the request, as the operator named it for this route: in
    /// `context_extensions["gatepost.app"]`, or in the path of a forward-auth request.
    pub application: Option<String>,
    /// The front proxy's id for this request (`x-request-id`), for the log.
    pub request_id: Option<String>,
}

/// Whether `text` is a token, as every method is (RFC 9110 section 5.6.2).
#[must_use]
pub fn is_token(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(legal)
}

impl RequestHead {
    /// The kind of client that sent this, which determines the answers that it can use.
    #[must_use]
    pub fn client_kind(&self) -> ClientKind {
        ClientKind::of(&self.method, &self.headers)
    }

    /// The reader of the answer to this request.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::of(&self.method, &self.headers)
    }
}
