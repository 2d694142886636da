//! Lets the scripts of listed pages read why they were refused (Fetch standard, "CORS protocol"). An allowed request is the
//! application's to answer, so it gets none of these headers.

use http::StatusCode;
use http::header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue, VARY};

use super::request_context::RequestContext;
use crate::domain::application::endpoints::{Destination, Endpoint};
use crate::domain::decision::Verdict;

/// Adds the headers to a 401 or 403 about a request of the application, or of `start`, to which nginx sends such a request.
pub(super) fn share_refusal(verdict: &mut Verdict, context: &RequestContext<'_>, destination: Destination) {
    let origins = &context.application.cors_origins;
    let is_about_application = matches!(destination, Destination::Application | Destination::Endpoint(Endpoint::Start));
    let Verdict::Deny(page) = verdict else { return };
    if origins.is_empty()
        || !is_about_application
        || !matches!(page.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    {
        return;
    }
    page.add(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origins.of(&context.request.head.headers) {
        page.add(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        page.add(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}
