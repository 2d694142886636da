//! The audit stream of a process: the queue, and the thread that writes.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use tracing::warn;

use super::destination::Destination;
use super::fault::OpenFault;
use super::line::line;
use super::queue::{Loss, Message, REPORT_INTERVAL, Requests};
use super::settings::AuditSettings;
use super::writer::Writer;
use crate::domain::audit::AuditEvent;
use crate::ports::{AuditTrail, Clock};
use crate::telemetry::{LogThrottle, names};

/// The capacity of the queue in events; some megabytes.
const QUEUE: usize = 8192;

/// The audit stream of this process.
pub struct AuditLog {
    queue: SyncSender<Message>,
    requests: Arc<Requests>,
    writer: Thread,
    ended: Mutex<Receiver<()>>,
    clock: Arc<dyn Clock>,
    full: LogThrottle<()>,
}

impl AuditLog {
    /// Opens the file, or prepares the connection to the socket, and starts the writer. A socket on which no program listens yet is
    /// no fault.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(settings: &AuditSettings, clock: Arc<dyn Clock>) -> Result<Arc<Self>, OpenFault> {
        Self::with_queue(settings, clock, QUEUE)
    }

    pub(super) fn with_queue(
        settings: &AuditSettings,
        clock: Arc<dyn Clock>,
        capacity: usize,
    ) -> Result<Arc<Self>, OpenFault> {
        for loss in Loss::ALL {
            metrics::counter!(names::AUDIT_EVENTS_LOST, "cause" => loss.as_str()).absolute(0);
        }
        let (queue, messages) = sync_channel(capacity);
        let (running, ended) = sync_channel(0);
        let requests = Arc::new(Requests::default());
        let writer = Writer::new(Destination::open(settings)?, messages, Arc::clone(&requests), Arc::clone(&clock));
        let run = move || {
            writer.run();
            drop(running);
        };
        let writer = thread::Builder::new().name("audit".to_owned()).spawn(run)?.thread().clone();
        let full = LogThrottle::new(REPORT_INTERVAL, 1);
        Ok(Arc::new(Self { queue, requests, writer, ended: ended.into(), clock, full }))
    }

    /// Opens the file anew: it was renamed, and the lines from now on belong into another one. Has no effect on a socket.
    pub fn reopen(&self) {
        self.requests.reopen.store(true, Ordering::Release);
        self.wake();
    }

    /// Ends the stream: waits until all events so far are written, but no longer than `timeout`. Blocks.
    pub fn close(&self, timeout: Duration) {
        self.requests.close.store(true, Ordering::Release);
        self.wake();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
            warn!("the last events of the audit stream could not be written in time");
        }
    }

    /// Wakes the writer. With a full queue it has a message already, or it pauses after a fault.
    fn wake(&self) {
        let _ = self.queue.try_send(Message::Wake);
        self.writer.unpark();
    }
}

impl AuditTrail for AuditLog {
    fn record(&self, event: AuditEvent) {
        let line = line(&event, self.clock.as_ref());
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.requests.lost.fetch_add(1, Ordering::Relaxed);
            Loss::QueueFull.count(1);
            if let Some(more) = self.full.admit(()) {
                warn!(events = more + 1, "events are missing in the audit stream: its queue is full");
            }
        }
    }
}
