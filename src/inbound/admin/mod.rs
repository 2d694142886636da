//! What the operator's machinery asks: is it alive, is it ready, how is it doing. On a port of its own, never
//! reachable through the public ones.

mod readiness;

use std::sync::Arc;

use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;

use crate::domain::decision::COMMON_HEADERS;
use crate::inbound::connections::{self, Answer, Connection, Http1, HttpLimits, Listener, Stop, refusal};
use crate::telemetry::MetricsPage;

pub use readiness::{Latch, Readiness};

/// Serves `/livez`, `/readyz` and `/metrics`.
pub struct Admin {
    readiness: Readiness,
    metrics: MetricsPage,
}

impl Admin {
    /// Answers from these.
    #[must_use]
    pub const fn new(readiness: Readiness, metrics: MetricsPage) -> Self {
        Self { readiness, metrics }
    }

    /// Serves until told to stop; how many connections had to be cut.
    pub async fn serve(self, listener: Listener, limits: HttpLimits, stop: Stop) -> usize {
        let http = Arc::new(Http1::new(listener.name(), limits, &COMMON_HEADERS));
        let admin = Arc::new(self);
        let serve_one = |connection: Connection, stop| {
            let (admin, http) = (Arc::clone(&admin), Arc::clone(&http));
            async move { http.serve(connection, stop, |_| false, async |request| admin.answer(&request)).await }
        };
        connections::serve(listener, stop, serve_one).await
    }

    fn answer(&self, request: &Request<()>) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, &COMMON_HEADERS);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "alive\n".to_owned()),
            "/readyz" => self.ready(),
            "/metrics" => self.metrics(),
            _ => refusal(StatusCode::NOT_FOUND, &COMMON_HEADERS),
        }
    }

    fn ready(&self) -> Answer {
        let missing = self.readiness.missing();
        if missing.is_empty() {
            return text(StatusCode::OK, "ready\n".to_owned());
        }
        text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join(", ")))
    }

    fn metrics(&self) -> Answer {
        let mut answer = text(StatusCode::OK, self.metrics.render());
        let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        answer.headers_mut().insert(CONTENT_TYPE, kind);
        answer
    }
}

fn text(status: StatusCode, text: String) -> Answer {
    let mut answer = refusal(status, &COMMON_HEADERS);
    *answer.body_mut() = Full::new(Bytes::from(text));
    answer
}
