//! HTTP/1.1 with limits, for every plain HTTP listener (`docs/security.md`).

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Collected, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};
use tracing::{error, warn};

use super::bodies::{Bodies, GivenUp};
use super::drive::{ConnectionPolicy, Stop, attend};
use super::framing::{Framed, Framing};
use super::watch::{ConnectionActivity, Timeouts, Watched};
use crate::telemetry::{LogThrottle, names};

/// Limits of an HTTP/1.1 listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Time limit for a request's head, from its first byte.
    pub head_timeout: Duration,
    /// Time limit for a request's body.
    pub body_timeout: Duration,
    /// Time limit for an answer, and for the peer to read it.
    pub request_timeout: Duration,
    /// How long a connection may stay open without a request.
    pub idle_timeout: Duration,
    /// Header lines of one request.
    pub max_headers: usize,
    /// Bytes of a request's head.
    pub max_head_bytes: usize,
    /// Bytes of a request's body.
    pub max_body_bytes: usize,
    /// Requests of one listener whose bodies are arriving; when there is one more, the oldest is given up.
    pub max_waiting_bodies: usize,
}

impl HttpLimits {
    /// How long a protocol may take for its part of a response: a little less than the answer may take, so that it can still say
    /// so in words that its client reads.
    #[must_use]
    pub fn decision_timeout(&self) -> Duration {
        self.request_timeout.mul_f64(0.9)
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(15),
            max_headers: 64,
            max_head_bytes: 32 * 1024,
            max_body_bytes: 64 * 1024,
            max_waiting_bodies: 128,
        }
    }
}

/// Why a body was given up, as the metric names it.
const LATE: &str = "late";
const CROWDED: &str = "crowded";

/// The minimum time between two log messages about heads that are too large.
const OVERSIZED_HEADS_PERIOD: Duration = Duration::from_secs(60);

/// What became of a request's body.
#[derive(Clone, Debug)]
pub enum ReceivedBody {
    /// The body was read and discarded: the request can be handled without it.
    Discarded,
    /// The complete body.
    Whole(Bytes),
    /// The body is too long, or did not arrive in time or in full.
    Cut,
}

/// An HTTP response whose body is in memory.
pub type Answer = axum::response::Response;

/// Headers that every answer carries.
pub type CommonHeaders = &'static [(HeaderName, HeaderValue)];

/// Serves HTTP/1.1 connections of one listener.
pub struct Http1 {
    listener: &'static str,
    common: CommonHeaders,
    limits: HttpLimits,
    bodies: Bodies,
    oversized_heads: LogThrottle<()>,
    http: http1::Builder,
}

impl Http1 {
    /// A server for `listener`; the refusals that it creates itself carry the `common` headers.
    #[must_use]
    pub fn new(listener: &'static str, limits: HttpLimits, common: CommonHeaders) -> Self {
        let mut http = http1::Builder::new();
        // hyper's timer also runs while a connection is idle; the limit for the head is enforced by `ConnectionActivity`.
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.idle_timeout)
            .max_headers(limits.max_headers)
            // hyper refuses to work with less than 8 KiB of buffer.
            .max_buf_size(limits.max_head_bytes.max(8192))
            .max_header_size(limits.max_head_bytes)
            .half_close(false);
        // A counter that appears with its first event hides this event from `increase` and `rate`.
        for cause in [LATE, CROWDED] {
            metrics::counter!(names::BODIES_GIVEN_UP, "listener" => listener, "cause" => cause).absolute(0);
        }
        let bodies = Bodies::at_most(limits.max_waiting_bodies);
        let oversized_heads = LogThrottle::new(OVERSIZED_HEADS_PERIOD, 1);
        Self { listener, common, limits, bodies, oversized_heads, http }
    }

    /// Time limit for the TLS handshake.
    #[must_use]
    pub const fn handshake_timeout(&self) -> Duration {
        self.limits.head_timeout
    }

    /// Serves one connection; `handler` answers its requests. Bodies are read and discarded, except for requests that cannot
    /// be handled without one: `needs_body` decides this by path and query.
    pub async fn serve<S, N, H, Handled>(&self, stream: S, stop: Stop, needs_body: N, handler: H)
    where
        S: AsyncRead + AsyncWrite + Unpin,
        N: Fn(&str) -> bool,
        H: Fn(Request<ReceivedBody>) -> Handled,
        Handled: Future<Output = Answer>,
    {
        let (activity, framing) = (ConnectionActivity::new(), Framing::default());
        let watched = Watched::new(Framed { stream, framing: framing.clone() }, Arc::clone(&activity));
        let (needs_body, handler, seen) = (&needs_body, &handler, &framing);
        let answering = service_fn(move |request: Request<Incoming>| async move {
            Ok::<_, Infallible>(if seen.is_ambiguous() {
                self.refusal(StatusCode::BAD_REQUEST)
            } else {
                self.answer_in_time(request, needs_body, handler).await
            })
        });
        let catch_panic = CatchPanicLayer::custom(Panicked { listener: self.listener, common: self.common });
        let answering = ServiceBuilder::new().layer(catch_panic).service(answering);
        let service = hyper::service::service_fn(|request: Request<Incoming>| {
            let running = activity.request();
            let framing = framing.clone();
            async move {
                let mut answer = answering.oneshot(request).await?;
                if framing.is_ambiguous() || framing.has_body() {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                framing.answered();
                drop(running);
                Ok::<_, Infallible>(answer)
            }
        });
        let served = pin!(self.http.serve_connection(TokioIo::new(watched), service));
        let activity = Arc::clone(&activity);
        let timeouts = self.timeouts();
        let policy =
            ConnectionPolicy { listener: self.listener, activity, timeouts, age: Duration::MAX, grace: Duration::ZERO };
        let ended = attend(served, http1::Connection::graceful_shutdown, stop, policy).await;
        if ended.is_some_and(|fault| fault.is_parse_too_large()) {
            self.log_oversized_head();
        }
    }

    /// hyper answers by itself, with an empty body, so only the log can name the settings: once a minute, because clients decide
    /// how often it happens.
    fn log_oversized_head(&self) {
        if let Some(more_before) = self.oversized_heads.admit(()) {
            let HttpLimits { max_headers, max_head_bytes, .. } = self.limits;
            let fault = format!(
                "more than the {max_headers} header lines of `limits.http.max_headers`, or the {max_head_bytes} bytes of \
                 `limits.http.max_head_size`"
            );
            warn!(listener = self.listener, fault, more_before, "a request was refused (431): its head is too large");
        }
    }

    /// Waits for a body and counts the bodies that are given up.
    async fn with_body_permit<T>(&self, body: impl Future<Output = Result<T, StatusCode>>) -> Result<T, StatusCode> {
        let cause = match self.bodies.wait(body).await {
            Ok(Err(StatusCode::REQUEST_TIMEOUT)) => LATE,
            Err(GivenUp) => CROWDED,
            Ok(done) => return done,
        };
        metrics::counter!(names::BODIES_GIVEN_UP, "listener" => self.listener, "cause" => cause).increment(1);
        Err(if cause == LATE { StatusCode::REQUEST_TIMEOUT } else { StatusCode::SERVICE_UNAVAILABLE })
    }

    const fn timeouts(&self) -> Timeouts {
        Timeouts {
            opening: None,
            head: Some(self.limits.head_timeout),
            idle: Some(self.limits.idle_timeout),
            blocked: self.limits.request_timeout,
        }
    }

    fn refusal(&self, status: StatusCode) -> Answer {
        refusal(status, self.common)
    }

    async fn answer_in_time<N, H, Handled>(&self, request: Request<Incoming>, needs_body: &N, handler: &H) -> Answer
    where
        N: Fn(&str) -> bool,
        H: Fn(Request<ReceivedBody>) -> Handled,
        Handled: Future<Output = Answer>,
    {
        let (parts, body) = request.into_parts();
        // Few endpoints need a body; it is always read, so that the peer gets to see the answer.
        let body = self.with_body_permit(read(body, &self.limits)).await;
        let target = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
        let body = match body {
            body if needs_body(target) => body.map_or(ReceivedBody::Cut, ReceivedBody::Whole),
            Ok(_) => ReceivedBody::Discarded,
            Err(status) => return self.refusal(status),
        };
        // tower-http's timeout layer would answer without a body and without the common headers.
        let answer = timeout(self.limits.request_timeout, handler(Request::from_parts(parts, body))).await;
        answer.unwrap_or_else(|_| self.refusal(StatusCode::SERVICE_UNAVAILABLE))
    }
}

/// Reads the whole body. `RequestBodyTimeoutLayer` of tower-http restarts the timeout for each frame, and its size limit
/// answers without the common headers.
async fn read(body: Incoming, limits: &HttpLimits) -> Result<Bytes, StatusCode> {
    let body = Limited::new(body, limits.max_body_bytes).collect();
    let body = timeout(limits.body_timeout, body).await.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
    body.map(Collected::to_bytes).map_err(|fault| {
        let too_long = fault.is::<LengthLimitError>();
        if too_long { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST }
    })
}

/// The response to a panic. Not a closure: the compiler cannot prove that a future which holds one is `Send`.
#[derive(Clone, Copy)]
struct Panicked {
    listener: &'static str,
    common: CommonHeaders,
}

impl ResponseForPanic for Panicked {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send>) -> Answer {
        metrics::counter!(names::PANICS, "listener" => self.listener).increment(1);
        error!(
            listener = self.listener,
            panic = panic_message(panic.as_ref()),
            "a request ended in a panic; it was refused"
        );
        refusal(StatusCode::INTERNAL_SERVER_ERROR, self.common)
    }
}

/// The message of a panic, for the log.
#[must_use]
pub fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("of another type than a text")
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode, common: CommonHeaders) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    answer.headers_mut().extend(common.iter().cloned());
    answer
}

/// An answer whose body is the reason phrase of its status.
#[must_use]
pub fn refusal(status: StatusCode, common: CommonHeaders) -> Answer {
    let mut answer = empty(status, common);
    *answer.body_mut() = format!("{}\n", status.canonical_reason().unwrap_or("refused")).into();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read as _, Seek as _};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn answered(server: &Http1, header_lines: usize) -> String {
        let (mut client, stream) = tokio::io::duplex(64 * 1024);
        let (_phase, stop) = Stop::channel();
        let head = format!("GET / HTTP/1.1\r\n{}connection: close\r\n\r\n", "x: 1\r\n".repeat(header_lines - 1));
        client.write_all(head.as_bytes()).await.expect("is taken");
        let answer = async |_request| Answer::default();
        let mut text = String::new();
        let reading = client.read_to_string(&mut text);
        let ((), read) = tokio::join!(server.serve(stream, stop, |_| false, answer), reading);
        read.expect("answers");
        text
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_leaves_one_log_line_a_minute_with_the_setting() {
        let log = Arc::new(tempfile::tempfile().expect("a file"));
        std::sync::LazyLock::force(&crate::telemetry::SECOND_DISPATCHER);
        let subscriber = tracing_subscriber::fmt().with_writer(Arc::clone(&log)).with_ansi(false).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let server = Http1::new("http", HttpLimits::default(), &[]);
        assert!(answered(&server, 64).await.starts_with("HTTP/1.1 200 "));
        for _ in 0..3 {
            assert!(answered(&server, 65).await.starts_with("HTTP/1.1 431 "));
        }
        let mut text = String::new();
        let mut file: &File = &log;
        file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("is read");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("more than the 64 header lines of `limits.http.max_headers`"), "{text}");
    }
}
