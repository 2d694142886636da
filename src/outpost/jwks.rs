//! The public keys with which applications verify the assertions that Gatepost signs (RFC 7517).

use http::StatusCode;

use super::answers;
use super::errors::Outcome;
use super::request_context::RequestContext;
use super::services::Services;
use crate::domain::decision::{Page, Reason, Verdict};

/// `jwks.json`: a document for everybody; it contains nothing secret, and applications ask without a session.
pub(super) fn jwks(services: &Services, context: &RequestContext<'_>) -> Outcome {
    if context.application.headers.assertion().is_none() {
        return Ok(answers::nowhere(context));
    }
    if !matches!(context.request.head.method.as_str(), "GET" | "HEAD") {
        return Ok(answers::method_not_allowed(context, "GET, HEAD"));
    }
    let keys = services.signing_keys.published(services.parts.clock.now())?;
    let page = Page::json(StatusCode::OK, "application/jwk-set+json", &keys);
    Ok((Verdict::Page(page), Reason::KeysPublished))
}
