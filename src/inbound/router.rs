//! A listener that two services share: the router takes the requests that are its own and hands the others on.

use std::net::IpAddr;

use async_trait::async_trait;
use http::Request;

use super::connections::Answer;
use crate::domain::http::{RequestTarget, Scheme};

/// The service that sees each request first.
#[async_trait]
pub trait Router: Send + Sync {
    /// Answers a request of its own protocol, from `peer`; hands any other on.
    async fn route(&self, request: Request<()>, peer: IpAddr) -> Routed;
}

/// What the router did with a request.
#[derive(Debug)]
pub enum Routed {
    /// The router answered it.
    Answered(Answer),
    /// The second service has to answer it.
    HandedOn(HandedOn),
}

/// A request for the second service.
#[derive(Debug)]
pub struct HandedOn {
    /// The request as it was received, or the request to `start` that a front proxy's redirect stands for.
    pub request: Request<()>,
    /// The request that a trusted front proxy redirected to `start`.
    pub redirected_from: Option<OriginalRequest>,
    /// The client's address, as a trusted front proxy reports it.
    pub client: Option<IpAddr>,
}

/// A request that a front proxy received, as the front proxy reports it.
#[derive(Debug, PartialEq, Eq)]
pub struct OriginalRequest {
    /// The scheme that the browser used.
    pub scheme: Scheme,
    /// Path and query.
    pub target: RequestTarget,
}

impl From<Request<()>> for HandedOn {
    /// A request that is handed on as it was received.
    fn from(request: Request<()>) -> Self {
        Self { request, redirected_from: None, client: None }
    }
}
