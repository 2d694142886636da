//! A request as the browser sent it, in the same form for all protocols.

use crate::domain::http::{RequestHead, RequestTarget};

/// A request: its head, and what the protocol provided of its body.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method, address and header lines.
    pub head: RequestHead,
    /// The body, which only a few of Gatepost's own endpoints need.
    pub body: RequestBody,
    /// The target of the request that a front proxy redirected to `start`, where the front proxy reports it.
    pub redirected_from: Option<RequestTarget>,
    /// Whether a redirect that answers the request reaches the browser. nginx takes it for "not signed in", and sends the browser
    /// to `start` itself.
    pub passes_redirects_on: bool,
}

impl From<RequestHead> for Request {
    /// A request whose body the protocol does not provide.
    fn from(head: RequestHead) -> Self {
        Self { head, body: RequestBody::Withheld, redirected_from: None, passes_redirects_on: true }
    }
}

/// The part of a request's body that the protocol provided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// The protocol provides no body: the front proxy does not send it.
    Withheld,
    /// The whole body.
    Whole(Vec<u8>),
    /// The body exceeds the limit or did not arrive in full.
    Cut,
}
