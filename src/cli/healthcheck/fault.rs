//! Why `gatepost healthcheck` failed.

use std::io;
use std::time::Duration;

use http::StatusCode;
use http::uri::Authority;
use thiserror::Error;

/// What is asked for.
pub(super) const PATH: &str = "/outpost.goauthentik.io/ping";
/// The time limit for all steps together.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Gatepost did not answer as it should.
#[derive(Debug, Error)]
pub(in crate::cli) enum Unhealthy {
    #[error("cannot reach Gatepost at {0}: {1}; is it running, and is this its `listen.metrics`?")]
    Unreachable(Authority, io::Error),
    #[error("{0} accepted the connection, but gave no answer to GET {PATH}: {1}; is this Gatepost's `listen.metrics`?")]
    NoAnswer(Authority, String),
    #[error("{0} gave no answer to GET {PATH} within {seconds} seconds", seconds = ANSWER_TIMEOUT.as_secs())]
    Late(Authority),
    #[error("{0} answered GET {PATH} with {1} instead of 204 No Content; is this Gatepost's `listen.metrics`?")]
    Status(Authority, StatusCode),
    #[error("cannot start: {0}")]
    System(io::Error),
}
