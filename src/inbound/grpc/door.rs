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
use http::{HeaderMap, Request, Response};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service as _;
use tracing::error;

use super::call::{self, Reply};
use super::direct::Direct;
use super::limits::GrpcLimits;
use super::oversized::Oversized;
use super::server::Calls;
use super::streams;
use crate::telemetry::names;

/// The way to the call that is answered directly, and into tonic's routes for everything else.
pub(super) struct CallDoor<D> {
    direct: Option<D>,
    routes: Routes,
    calls: Calls,
    /// Places for messages that are arriving. They have a bound of their own: a call whose message is on its way uses no processor
    /// time, and a burst of them must not have others shed.
    arriving: Semaphore,
    seats: Arc<Semaphore>,
    message_deadline: Duration,
    max_message_bytes: usize,
    oversized: Oversized,
}

impl<D: Direct> CallDoor<D> {
    pub(super) fn new(direct: Option<D>, routes: Routes, calls: Calls, limits: &GrpcLimits) -> Self {
        let most = limits.max_concurrent_calls.min(Semaphore::MAX_PERMITS);
        Self {
            direct,
            routes: routes.prepare(),
            calls,
            arriving: Semaphore::new(most),
            seats: Arc::new(Semaphore::new(most)),
            message_deadline: limits.call_deadline,
            max_message_bytes: limits.max_message_bytes,
            oversized: Oversized::none(),
        }
    }

    /// Answers a call: always with a response, never with an error.
    pub(super) async fn call(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Reply>, Infallible> {
        let is_bounded = request.uri().path().starts_with(self.calls.prefix);
        let call =
            async { if is_bounded { self.bounded(request).await } else { Box::pin(self.routed(request, None)).await } };
        let answer = AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|_| {
            metrics::counter!(names::PANICS, "door" => self.calls.door).increment(1);
            error!("a call ended in a panic; it was refused");
            call::refuse(&Status::new(Code::Internal, "internal error"))
        });
        if is_bounded {
            streams::answered();
        }
        Ok(answer)
    }

    async fn bounded(&self, request: Request<Incoming>) -> Response<Reply> {
        match &self.direct {
            Some(direct) if request.uri().path() == D::PATH => self.directly(direct, request).await,
            Some(_) | None => match self.take_seat() {
                Ok(()) => Box::pin(self.routed(request, Some(self.message_deadline))).await,
                Err(status) => call::refuse(&status),
            },
        }
    }

    async fn directly(&self, direct: &D, request: Request<Incoming>) -> Response<Reply> {
        let (head, body) = request.into_parts();
        let message = match self.message(&head.headers, body).await {
            Ok(message) => message,
            Err(status) => return call::refuse(&status),
        };
        if let Err(status) = self.take_seat() {
            return call::refuse(&status);
        }
        let mut answer = call::begin();
        match direct.answer(&message, &head.headers, &mut answer).await {
            Ok(()) => call::finish(answer),
            Err(status) => call::refuse(&status),
        }
    }

    /// The message of a call, once it is whole. Each place is free again after the deadline at the latest.
    async fn message(&self, headers: &HeaderMap, body: Incoming) -> Result<Bytes, Status> {
        // Never closed.
        let _place = self.arriving.acquire().await.map_err(|_| Status::internal("the port is closed"))?;
        let body = Punctual { body, deadline: Some(self.message_deadline), late: None };
        let message = call::message(headers, body, self.max_message_bytes).await;
        if let Err(status) = &message
            && status.code() == Code::OutOfRange
        {
            self.oversized.tell(status.message());
        }
        message
    }

    fn take_seat(&self) -> Result<(), Status> {
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            metrics::counter!(names::CALLS_SHED).increment(1);
            return Err(Status::new(Code::ResourceExhausted, "too many calls are running"));
        };
        streams::take_seat(seat);
        Ok(())
    }

    async fn routed(&self, request: Request<Incoming>, deadline: Option<Duration>) -> Response<Reply> {
        let request = request.map(|body| Body::new(Punctual { body, deadline, late: None }));
        let Ok(response) = self.routes.clone().call(request).await;
        response.map(Reply::from)
    }
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
