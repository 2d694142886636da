//! What a Check holds of the request's body.

use crate::domain::http::HeaderLines;
use crate::outpost::RequestBody;

/// What Envoy says of a body that it cut, where it was told to hand bodies over in part.
const PARTIAL_BODY: &str = "x-envoy-auth-partial-body";

/// What the Check holds of the request's body: nothing, unless the route says `with_request_body`.
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
