//! What every call passes before tonic sees it: a bound on how many run, a deadline for its message, and a net
//! for panics. Whatever goes wrong here is a gRPC error, which Envoy treats as a denial.

use std::convert::Infallible;
use std::future::Future as _;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Request, Response};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service as _;
use tracing::error;

use super::limits::GrpcLimits;
use super::server::{Answer, Calls};
use super::streams;
use crate::telemetry::names;

/// The way into tonic's routes; one clone per call.
#[derive(Clone)]
pub(super) struct CallDoor {
    routes: Routes,
    calls: Calls,
    seats: Arc<Semaphore>,
    message_deadline: Duration,
}

impl CallDoor {
    pub(super) fn new(routes: Routes, calls: Calls, limits: &GrpcLimits) -> Self {
        Self {
            routes: routes.prepare(),
            calls,
            seats: Arc::new(Semaphore::new(limits.max_concurrent_calls.min(Semaphore::MAX_PERMITS))),
            message_deadline: limits.call_deadline,
        }
    }

    pub(super) fn call(self, request: Request<Incoming>) -> Answer {
        let is_bounded = request.uri().path().starts_with(self.calls.prefix);
        Box::pin(async move {
            let answer = self.answer(request, is_bounded).await;
            if is_bounded {
                streams::answered();
            }
            Ok(answer)
        })
    }

    async fn answer(mut self, request: Request<Incoming>, is_bounded: bool) -> Response<Body> {
        let door = self.calls.door;
        let seat = if is_bounded { Arc::clone(&self.seats).try_acquire_owned().map(Some) } else { Ok(None) };
        let Ok(_seat) = seat else {
            metrics::counter!(names::CALLS_SHED).increment(1);
            return refusal(Code::ResourceExhausted, "too many calls are running");
        };
        let deadline = is_bounded.then_some(self.message_deadline);
        let request = request.map(|body| Body::new(Punctual { body, deadline, late: None }));
        let call = AssertUnwindSafe(async move { self.routes.call(request).await });
        match call.catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => unreachable_infallible(never),
            Err(_) => {
                metrics::counter!(names::PANICS, "door" => door).increment(1);
                error!("a call ended in a panic; it was refused");
                refusal(Code::Internal, "internal error")
            }
        }
    }
}

fn unreachable_infallible(never: Infallible) -> Response<Body> {
    match never {}
}

fn refusal(code: Code, message: &str) -> Response<Body> {
    Status::new(code, message).into_http()
}

/// A request body that has to arrive in time once it lets us wait.
struct Punctual {
    body: Incoming,
    deadline: Option<Duration>,
    late: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Punctual {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let broken = |fault: hyper::Error| Status::cancelled(fault.to_string());
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let late = self.late.get_or_insert_with(|| Box::pin(sleep(deadline)));
        match late.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(Status::deadline_exceeded("the message did not arrive in time")))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
