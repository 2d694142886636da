//! Routing: which application a request is for, and which of Gatepost's own endpoints.

use super::request_body::RequestBody;
use super::routed_request::{REFRESH_PATIENCE, Route, RoutedRequest};
use super::services::Services;
use crate::domain::application::endpoints::{self, Destination};
use crate::domain::http::RequestHead;

/// Finds the application and the endpoint that a request is for.
pub(super) fn route<'a>(services: &'a Services, head: &'a RequestHead) -> RoutedRequest<'a> {
    let route = if let Some(excess) = services.limits.exceeded_by(head) {
        Route::Excessive(excess)
    } else if endpoints::is_ping(&head.target) {
        Route::Probe
    } else {
        match services.parts.applications.find(head) {
            Ok(application) => {
                let prefixes = services.parts.applications.prefixes();
                Route::Application(application, Destination::of(application, &head.target, prefixes))
            }
            Err(cause) => Route::Unrouted(cause),
        }
    };
    let body = RequestBody::Withheld;
    RoutedRequest { head, route, body, asked: None, patience: REFRESH_PATIENCE, on_wait: || {} }
}
