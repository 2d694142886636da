//! The part of the request's body that a Check contains.

use crate::domain::http::HeaderLines;
use crate::outpost::RequestBody;

/// Envoy's header for a truncated body, sent when Envoy is configured to send bodies in part.
const PARTIAL_BODY: &str = "x-envoy-auth-partial-body";

/// What `bytes` are of the body: they are empty unless the route sets `with_request_body`.
pub(super) fn received(bytes: Vec<u8>, headers: &HeaderLines) -> RequestBody {
    let length = headers.text("content-length").and_then(|length| length.parse::<usize>().ok());
    let partial = headers.all(PARTIAL_BODY).any(|value| value != b"false");
    if bytes.is_empty() && length != Some(0) {
        RequestBody::Withheld
    } else if partial || length.is_some_and(|length| length != bytes.len()) {
        RequestBody::Cut
    } else {
        RequestBody::Whole(bytes)
    }
}
