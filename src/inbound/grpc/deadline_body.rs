//! A request body with one deadline for all of it. `tower_http::timeout::TimeoutBody` restarts the timeout for every frame,
//! so that a message could be sent byte by byte for days; and it starts a timer even for a body that has already arrived.

use std::fmt::Display;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;

/// A body with a deadline, which counts from the first poll that has to wait.
#[derive(Debug)]
pub(super) struct DeadlineBody<B = Incoming> {
    body: B,
    deadline: Duration,
    late: Option<Pin<Box<Sleep>>>,
}

impl<B> DeadlineBody<B> {
    pub(super) const fn new(body: B, deadline: Duration) -> Self {
        Self { body, deadline, late: None }
    }
}

impl<B> Body for DeadlineBody<B>
where
    B: Body<Data = Bytes, Error: Display> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            // Not "cancelled": tonic would take that for the end of the body and call the method.
            let broken = |fault: B::Error| Status::aborted(fault.to_string());
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        let deadline = self.deadline;
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    use http::Request as HttpRequest;
    use http_body_util::StreamBody;
    use tonic::server::Grpc;
    use tonic::{Code, Request, Response};
    use tower::service_fn;

    use super::*;
    use crate::inbound::grpc::BytesCodec;

    #[tokio::test]
    async fn a_call_that_breaks_off_after_its_message_is_not_answered() {
        let asked = AtomicU32::new(0);
        let message = Bytes::from_static(b"\0\0\0\0\x03abc");
        let frames = futures_util::stream::iter([Ok(Frame::data(message)), Err(io::Error::other("broken off"))]);
        let body = DeadlineBody::new(StreamBody::new(frames), Duration::from_secs(60));
        let service = service_fn(|_: Request<Bytes>| {
            asked.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok(Response::new(Vec::new())))
        });
        let response = Grpc::new(BytesCodec).unary(service, HttpRequest::new(body)).await;
        let status = Status::from_header_map(response.headers());
        assert_eq!(status.map(|status| status.code()), Some(Code::Aborted));
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }
}
