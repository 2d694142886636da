//! Routing: which application a request is for, and which of Gatepost's own endpoints.

use std::sync::Arc;

use super::request::Request;
use super::routed_request::{REFRESH_TIMEOUT, Route, RoutedRequest};
use super::services::Services;
use crate::domain::application::endpoints;

/// Finds the application and the endpoint that a request is for.
pub(super) fn route<'a>(services: &Services, request: &'a Request) -> RoutedRequest<'a> {
    let route = if let Some(excess) = services.limits.exceeded_by(&request.head) {
        Route::Excessive(excess)
    } else if endpoints::is_ping(&request.head.target) {
        Route::Probe
    } else {
        let applications = services.parts.applications.load();
        match applications.route(&request.head) {
            Ok((application, destination)) => Route::Application(Arc::clone(application), destination),
            Err(cause) => Route::Unrouted(cause),
        }
    };
    RoutedRequest { request, route, refresh_timeout: REFRESH_TIMEOUT, on_wait: || {} }
}
