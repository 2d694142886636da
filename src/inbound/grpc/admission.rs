//! How many calls may be under way. tower's `ConcurrencyLimit` keeps its permit from before the message is there until the
//! response is. Here a call has a place while its message arrives and another while it runs, which it gives back when it begins to
//! wait for a provider: a call whose message is on its way uses no processor time, and a burst of them must not have others shed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status};

use super::deadline_body::DeadlineBody;
use super::inline_executor;
use crate::telemetry::names;

/// The bounds that all calls of a port share.
#[derive(Clone)]
pub(super) struct Admission {
    /// Messages that are arriving; more wait for their turn. Each place is free again after the deadline at the latest.
    arriving: Arc<Semaphore>,
    /// Calls that run; more are shed.
    running: Arc<Semaphore>,
}

impl Admission {
    /// At most so many calls whose message is arriving, and as many that run.
    pub(super) fn new(most: usize) -> Self {
        let bound = || Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { arriving: bound(), running: bound() }
    }

    /// The body of a call, once there is a place for its message.
    pub(super) async fn admit(&self, body: DeadlineBody) -> Result<CallBody, Status> {
        // Waiting counts against what a task may do in one go: from the 129th call on that arrives with others, each would be
        // sent to a task of its own even though there is a place.
        let place = match Arc::clone(&self.arriving).try_acquire_owned() {
            Ok(place) => place,
            // Never closed.
            Err(_) => {
                Arc::clone(&self.arriving).acquire_owned().await.map_err(|_| Status::internal("the port is closed"))?
            }
        };
        Ok(CallBody { body, _permit: place, running: Some(Arc::clone(&self.running)) })
    }
}

/// The body of an admitted call. When it has ended, which tonic waits for before it asks a unary method, the call takes its place
/// among those that run; if there is none, the body ends with an error. tonic drops the body, and with it the place of the
/// message, before it asks the method.
pub struct CallBody {
    body: DeadlineBody,
    _permit: OwnedSemaphorePermit,
    /// Until the call runs.
    running: Option<Arc<Semaphore>>,
}

impl Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx)).transpose()?;
        // tonic does not ask for more after trailers.
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
        // Not before the place among those that run is taken.
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
