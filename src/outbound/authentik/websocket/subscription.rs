//! What the WebSocket reports, each in a queue of its own: no refresh delays the end of a session.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::dial::Dial;
use super::reports::Reports;
use super::settings::WebSocketSettings;
use super::state::WebSocketState;
use super::task::keep_connected;
use crate::telemetry::LogThrottle;

/// The number of ended sessions that were not received yet; more wait at authentik.
const QUEUED_SESSION_ENDS: usize = 4096;
/// The log has one line for each kind of skipped message in this time.
const SKIPPED_PERIOD: Duration = Duration::from_secs(3600);
const SKIPPED_KINDS: usize = 8;

/// What the WebSocket reports.
#[derive(Debug)]
pub struct Subscription {
    /// When to read the applications anew.
    pub updates: Updates,
    /// Sessions that ended.
    pub session_ends: SessionEnds,
    /// The state of the WebSocket.
    pub state: watch::Receiver<WebSocketState>,
    /// The connection itself.
    pub task: WebSocketTask,
}

/// Keeps the WebSocket open; it closes when this value is dropped.
#[derive(Debug)]
pub struct WebSocketTask(JoinHandle<()>);

impl Drop for WebSocketTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The requests to read the applications anew. All that come while one waits, or while a refresh is under way, are one more.
#[derive(Debug)]
pub struct Updates {
    triggers: Arc<Notify>,
    delay: Duration,
    due: Option<Instant>,
}

impl Updates {
    /// Waits until an update is due. May be cancelled: nothing is lost.
    pub async fn next(&mut self) {
        let due = if let Some(due) = self.due {
            due
        } else {
            self.triggers.notified().await;
            *self.due.insert(Instant::now() + self.delay)
        };
        sleep_until(due).await;
        self.due = None;
        // What came since the first trigger is covered by the refresh that begins now.
        let _ = self.triggers.notified().now_or_never();
    }
}

/// The sessions that ended at authentik.
#[derive(Debug)]
pub struct SessionEnds(mpsc::Receiver<String>);

impl SessionEnds {
    /// A queue, and where its sessions are reported.
    #[must_use]
    pub fn channel() -> (mpsc::Sender<String>, Self) {
        let (reported, ended) = mpsc::channel(QUEUED_SESSION_ENDS);
        (reported, Self(ended))
    }

    /// The claim `sid` of the next session that ended, in all applications; `None` when the task was dropped. May be cancelled:
    /// nothing is lost.
    pub async fn next(&mut self) -> Option<String> {
        self.0.recv().await
    }
}

/// Starts the task that keeps a WebSocket open.
pub(super) fn subscription(
    dial: impl Dial,
    hello: String,
    delay: Duration,
    settings: WebSocketSettings,
) -> Subscription {
    let triggers = Arc::new(Notify::new());
    let (session_ends, ended) = SessionEnds::channel();
    let (sender, state) = watch::channel(WebSocketState::Connecting);
    let skipped = LogThrottle::new(SKIPPED_PERIOD, SKIPPED_KINDS);
    let reports = Reports { triggers: Arc::clone(&triggers), session_ends, state: sender, skipped };
    let task = tokio::spawn(keep_connected(dial, hello, settings, reports));
    Subscription {
        updates: Updates { triggers, delay, due: None },
        session_ends: ended,
        state,
        task: WebSocketTask(task),
    }
}
