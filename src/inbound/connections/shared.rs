//! A listener that two doors share: the first takes the requests that are its own and hands the others on.

use std::net::IpAddr;

use async_trait::async_trait;
use http::Request;

use super::http1::Answer;

/// The door that is asked first.
#[async_trait]
pub trait Router: Send + Sync {
    /// Answers a request that is its own, from `peer`; hands any other on.
    async fn route(&self, request: Request<()>, peer: IpAddr) -> Routed;
}

/// What the first door made of a request.
#[derive(Debug)]
pub enum Routed {
    /// It was the first door's.
    Answered(Answer),
    /// The request as the second door is to take it. What it could not see by itself stands in the request's extensions.
    HandedOn(Request<()>),
}
