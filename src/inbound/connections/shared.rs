//! A listener that two services share: the router takes the requests that are its own and hands the others on.

use std::net::IpAddr;

use async_trait::async_trait;
use http::Request;

use super::http1::Answer;

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
    /// The request for the second service. What that service cannot read from it is in the request's extensions.
    HandedOn(Request<()>),
}
