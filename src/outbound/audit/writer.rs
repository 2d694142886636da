//! The thread that writes the audit stream.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use tracing::{info, warn};

use super::destination::Destination;
use super::line::line;
use super::queue::{Loss, Message, REPORT_INTERVAL, Requests};
use crate::domain::audit::{AuditEvent, LossCause};
use crate::ports::Clock;
use crate::telemetry::LogThrottle;

/// The pauses between two attempts to write a line; each one is twice as long as the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Writes the lines of the queue in order, each until it is written.
pub(super) struct Writer {
    destination: Destination,
    messages: Receiver<Message>,
    requests: Arc<Requests>,
    clock: Arc<dyn Clock>,
    faults: LogThrottle<()>,
}

impl Writer {
    pub(super) fn new(
        destination: Destination,
        messages: Receiver<Message>,
        requests: Arc<Requests>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { destination, messages, requests, clock, faults: LogThrottle::new(REPORT_INTERVAL, 1) }
    }

    /// Runs until the stream is closed.
    pub(super) fn run(mut self) {
        while let Some(line) = self.next() {
            if !self.deliver(&line) {
                return self.give_up();
            }
        }
    }

    /// The next line; `None` when the stream is closed and all lines are written.
    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            self.reopen_if_asked();
            match self.messages.try_recv() {
                Ok(Message::Line(line)) => return Some(line),
                Ok(Message::Wake) => continue,
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            }
            // Only now are the events written that were queued before some were lost.
            if let count @ 1.. = self.requests.lost.swap(0, Ordering::Relaxed) {
                let lost = AuditEvent::EventsLost { count, cause: LossCause::QueueFull };
                return Some(line(&lost, self.clock.as_ref()));
            }
            if self.is_closed() {
                return None;
            }
            match self.messages.recv().ok()? {
                Message::Line(line) => return Some(line),
                Message::Wake => {}
            }
        }
    }

    /// Writes a line, however often it takes. Returns `false` if it could not be written before the stream was closed.
    fn deliver(&mut self, line: &[u8]) -> bool {
        let (mut pause, mut has_failed) = (FIRST_PAUSE, false);
        while let Err(fault) = self.destination.write(line) {
            has_failed = true;
            if self.is_closed() {
                return false;
            }
            if self.faults.admit(()).is_some() {
                warn!(%fault, "the audit stream cannot be written; events wait in its queue, and are lost when it is full");
            }
            thread::park_timeout(pause);
            pause = LONGEST_PAUSE.min(pause * 2);
            self.reopen_if_asked();
        }
        if has_failed {
            info!("the audit stream is written again");
        }
        true
    }

    /// Counts what can no longer be written: the present line and the queue.
    fn give_up(&self) {
        let queued = self.messages.try_iter().filter(|message| matches!(message, Message::Line(_))).count();
        let events = u64::try_from(queued).unwrap_or(u64::MAX).saturating_add(1);
        Loss::Shutdown.count(events);
        warn!(events, "events are missing in the audit stream: it could not be written before the end");
    }

    fn reopen_if_asked(&mut self) {
        if self.requests.reopen.swap(false, Ordering::Acquire)
            && let Destination::File(file) = &mut self.destination
        {
            match file.reopen() {
                Ok(()) => info!("the file of the audit stream was opened again"),
                Err(fault) => {
                    warn!(%fault, "the file of the audit stream cannot be opened again; the present one stays in use");
                }
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.requests.close.load(Ordering::Acquire)
    }
}
