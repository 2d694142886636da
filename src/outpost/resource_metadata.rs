//! Metadata about an application as a protected resource (RFC 9728), for programs that look for its authorization server.

use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    CACHE_CONTROL, HeaderValue,
};

use super::answers;
use super::request_context::RequestContext;
use crate::domain::decision::{Page, Reason, Verdict};
use crate::domain::http::ClientKind;

/// For so many seconds clients may keep the document, and browsers the answer to a preflight.
const MAX_AGE: &str = "300";
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");
const METHODS: &str = "GET, HEAD";

/// The document: for every client, and for the scripts of every page, because it contains nothing secret and is the same for all.
pub(super) fn metadata(context: &RequestContext<'_>) -> (Verdict, Reason) {
    let Some((metadata, resource)) = context.application.resource_metadata.as_ref().zip(context.resource()) else {
        return answers::nowhere(context);
    };
    let mut page = if context.kind == ClientKind::Preflight {
        preflight()
    } else if matches!(context.request.head.method.as_str(), "GET" | "HEAD") {
        let mut page = Page::json(StatusCode::OK, "application/json", &metadata.document(&resource));
        page.add(CACHE_CONTROL, CACHE);
        page
    } else {
        return answers::method_not_allowed(context, METHODS);
    };
    page.add(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    (Verdict::Page(page), Reason::ResourceMetadata)
}

/// Clients send headers of their own, such as `MCP-Protocol-Version`, for which browsers ask first.
fn preflight() -> Page {
    let mut page = Page::empty(StatusCode::NO_CONTENT);
    page.add(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    page.add(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    page.add(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    page
}
