//! The part of the request's body that a Check contains.

use crate::domain::http::HeaderLines;
use crate::outpost::RequestBody;

/// Envoy's header for a truncated body, sent when Envoy is configured to send bodies in part.
const PARTIAL_BODY: &str = "x-envoy-auth-partial-body";

/// The request's body in the Check: absent unless the route sets `with_request_body`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    Withheld,
    Whole(Vec<u8>),
    Cut,
}

impl Body {
    pub(super) fn of(bytes: Vec<u8>, headers: &HeaderLines) -> Self {
        let length = headers.text("content-length").and_then(|length| length.parse::<usize>().ok());
        let partial = headers.all(PARTIAL_BODY).any(|value| value != b"false");
        if bytes.is_empty() && length != Some(0) {
            Self::Withheld
        } else if partial || length.is_some_and(|length| length != bytes.len()) {
            Self::Cut
        } else {
            Self::Whole(bytes)
        }
    }

    pub(super) fn as_brought(&self) -> RequestBody<'_> {
        match self {
            Self::Withheld => RequestBody::Withheld,
            Self::Whole(bytes) => RequestBody::Whole(bytes),
            Self::Cut => RequestBody::Cut,
        }
    }
}
