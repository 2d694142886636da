//! Limits on concurrent calls. tower's `ConcurrencyLimit` holds its permit from before the message has arrived until the
//! response. Here a call has one permit while its message arrives and another while it runs, which it returns when it begins
//! to wait for a provider: a call whose message is still arriving uses no processor time, and a burst of them must not cause
//! other calls to be shed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status};

use super::deadline_body::DeadlineBody;
use super::inline_executor;
use crate::telemetry::names;

/// The limits that all calls of a listener share.
#[derive(Clone)]
pub(super) struct Admission {
    /// Calls whose message is arriving; further calls wait. Each permit is free again after the deadline at the latest.
    arriving: Arc<Semaphore>,
    /// Calls that run; further ones are shed.
    running: Arc<Semaphore>,
}

impl Admission {
    /// At most `most` calls whose message is arriving, and as many that run.
    pub(super) fn new(most: usize) -> Self {
        let bound = || Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { arriving: bound(), running: bound() }
    }

    /// A permit for the message of a call, if there is one now. Acquiring asynchronously consumes the task's cooperative budget: from
    /// the 129th of the calls that arrive together, each would be moved to a task of its own even though there is a permit.
    pub(super) fn try_admit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.arriving).try_acquire_owned().ok()
    }

    /// A permit for the message of a call, once there is one.
    pub(super) async fn admit(&self) -> Result<OwnedSemaphorePermit, Status> {
        // The semaphore is never closed.
        Arc::clone(&self.arriving).acquire_owned().await.map_err(|_| Status::internal("the port is closed"))
    }

    /// The body of a call that has this permit.
    pub(super) fn body(&self, body: DeadlineBody, permit: OwnedSemaphorePermit) -> CallBody {
        CallBody { body, _permit: permit, running: Some(Arc::clone(&self.running)) }
    }
}

/// The body of an admitted call. When it ends, which tonic waits for before it calls a unary method, the call takes a permit
/// to run; if there is none, the body ends with an error. tonic drops the body, and with it the message's permit, before it
/// calls the method.
pub struct CallBody {
    body: DeadlineBody,
    _permit: OwnedSemaphorePermit,
    /// `None` once the call runs.
    running: Option<Arc<Semaphore>>,
}

impl Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx)).transpose()?;
        // tonic does not poll again after trailers.
        if frame.as_ref().is_none_or(Frame::is_trailers)
            && let Some(running) = &self.running
        {
            let permit = Arc::clone(running).try_acquire_owned().map_err(|_| shed())?;
            inline_executor::hold_permit(permit);
            self.running = None;
        }
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        // Not before the permit to run is taken.
        self.running.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn shed() -> Status {
    metrics::counter!(names::CALLS_SHED).increment(1);
    Status::new(Code::ResourceExhausted, "too many calls are running")
}
