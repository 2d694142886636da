//! One task per HTTP/2 stream. hyper waits without end for a peer that grants no window for an answer; a Check
//! whose answer is not taken in time is dropped here, which resets its stream and frees what it held.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::{Sleep, sleep};

tokio::task_local! {
    /// Whether the stream's Check has been answered, so that only sending is left. Never so for streams that
    /// may last (health watches, reflection).
    static ANSWERED: Cell<bool>;
}

/// Spawns hyper's streams.
#[derive(Clone, Copy)]
pub(super) struct Streams {
    /// How long a peer may take to receive an answer.
    pub(super) patience: Duration,
}

/// From now on this stream may not take much longer.
pub(super) fn answered() {
    // Outside of a stream (a test) there is nobody to tell.
    let _ = ANSWERED.try_with(|answered| answered.set(true));
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        tokio::spawn(ANSWERED.scope(Cell::new(false), until_unread(stream, self.patience)));
    }
}

/// Polls the stream; the clock is wound only where it still waits although it has been answered.
async fn until_unread<F: Future>(stream: F, patience: Duration) {
    let mut stream = pin!(stream);
    let mut late = pin!(None::<Sleep>);
    poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if late.is_none() && ANSWERED.try_with(Cell::get).unwrap_or(false) {
            late.set(Some(sleep(patience)));
        }
        late.as_mut().as_pin_mut().map_or(Poll::Pending, |late| late.poll(cx))
    })
    .await;
}
