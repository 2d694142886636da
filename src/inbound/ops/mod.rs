//! Liveness, readiness and metrics for the operator's infrastructure. On a port of its own, never reachable through the
//! public ones.

mod readiness;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use tower::ServiceExt as _;

use crate::domain::decision::COMMON_HEADERS;
use crate::inbound::connections::{self, Answer, Connection, Http1, HttpLimits, Listener, ReceivedBody, Stop, refusal};
use crate::telemetry::MetricsPage;

pub use readiness::{Latch, Readiness};

/// Serves `/livez`, `/readyz` and `/metrics`.
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
                async { answer.await.unwrap_or_else(|never| match never {}) }
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
    if missing.is_empty() {
        return text(StatusCode::OK, "ready\n".to_owned());
    }
    text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join(", ")))
}

async fn metrics(State(ops): State<Arc<OpsServer>>) -> Answer {
    let mut answer = text(StatusCode::OK, ops.metrics.render());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
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
