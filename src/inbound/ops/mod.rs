//! Liveness, readiness, metrics and authentik's ping for the operator's infrastructure. On a port of its own, never reachable through the
//! public ones.

mod readiness;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use tower::ServiceExt as _;

use crate::domain::decision::COMMON_HEADERS;
use crate::inbound::connections::{
    self, Answer, Connection, Http1, HttpLimits, Listener, ReceivedBody, Stop, empty, refusal,
};
use crate::telemetry::{MetricsPage, names};

pub use readiness::{Latch, Readiness};

/// Serves `/livez`, `/readyz`, `/metrics`, and the ping of authentik's outpost.
pub struct OpsServer {
    readiness: Readiness,
    metrics: MetricsPage,
}

impl OpsServer {
    /// A server that answers from this readiness and these metrics.
    #[must_use]
    pub const fn new(readiness: Readiness, metrics: MetricsPage) -> Self {
        Self { readiness, metrics }
    }

    /// Serves until `stop` begins; returns how many connections had to be cut.
    pub async fn serve(self, listener: Listener, limits: HttpLimits, stop: Stop) -> usize {
        let http = Arc::new(Http1::new(listener.name(), limits, &COMMON_HEADERS));
        let routes = self.routes();
        let serve_one = |connection: Connection, stop| {
            let (routes, http) = (routes.clone(), Arc::clone(&http));
            let answer = move |request: Request<ReceivedBody>| {
                let answer = routes.clone().oneshot(request.map(|_| Body::empty()));
                async { without_length(answer.await.unwrap_or_else(|never| match never {})) }
            };
            async move { http.serve(connection, stop, |_| false, answer).await }
        };
        connections::serve(listener, stop, serve_one).await
    }

    fn routes(self) -> Router {
        Router::new()
            .route("/livez", get(alive))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .route("/outpost.goauthentik.io/ping", get(ping))
            .fallback(nothing)
            .method_not_allowed_fallback(nothing)
            .with_state(Arc::new(self))
    }
}

async fn alive() -> Answer {
    text(StatusCode::OK, "alive\n".to_owned())
}

async fn ready(State(ops): State<Arc<OpsServer>>) -> Answer {
    let missing = ops.readiness.missing();
    let (status, first) = if missing.is_empty() {
        (StatusCode::OK, "ready".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}", missing.join(", ")))
    };
    let lines = std::iter::once(first).chain(ops.readiness.notes());
    text(status, lines.map(|line| line + "\n").collect())
}

async fn metrics(State(ops): State<Arc<OpsServer>>) -> Answer {
    let is_ready = ops.readiness.missing().is_empty();
    ::metrics::gauge!(names::READY).set(if is_ready { 1.0 } else { 0.0 });
    let mut answer = text(StatusCode::OK, ops.metrics.render());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// The same answer as on the HTTP and HTTPS listeners.
async fn ping() -> Answer {
    empty(StatusCode::NO_CONTENT, &COMMON_HEADERS)
}

/// axum gives every answer a `content-length`; one with 204 must not have it (RFC 9110 section 8.6).
fn without_length(mut answer: Answer) -> Answer {
    if answer.status() == StatusCode::NO_CONTENT {
        answer.headers_mut().remove(CONTENT_LENGTH);
    }
    answer
}

async fn nothing(method: Method) -> Answer {
    if matches!(method, Method::GET | Method::HEAD) {
        return refusal(StatusCode::NOT_FOUND, &COMMON_HEADERS);
    }
    let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, &COMMON_HEADERS);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    answer
}

fn text(status: StatusCode, text: String) -> Answer {
    let mut answer = refusal(status, &COMMON_HEADERS);
    *answer.body_mut() = text.into();
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::install;

    #[tokio::test]
    async fn notes_follow_the_state_and_do_not_change_it() {
        let readiness = Readiness::default();
        let routes = OpsServer::new(readiness.clone(), install()).routes();
        let ask = async || {
            let request = Request::get("/readyz").body(Body::empty()).expect("is a request");
            let answer = routes.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("is whole");
            (status, String::from_utf8(body.to_vec()).expect("is a text"))
        };
        assert_eq!(ask().await, (200, "ready\n".to_owned()));
        readiness.note("store", Some("slow".to_owned()));
        readiness.note("authentik", Some("no answer for 2 h".to_owned()));
        let notes = "authentik: no answer for 2 h\nstore: slow\n";
        assert_eq!(ask().await, (200, format!("ready\n{notes}")));
        let latches = [readiness.hold("listeners"), readiness.hold("applications")];
        assert_eq!(ask().await, (503, format!("not ready: applications, listeners\n{notes}")));
        drop(latches);
        readiness.note("store", None);
        assert_eq!(ask().await, (200, "ready\nauthentik: no answer for 2 h\n".to_owned()));
    }
}
