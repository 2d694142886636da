//! What lies between the requests and the thread that writes.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use crate::telemetry::names;

/// A fault that lasts is logged once in this time.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// What waits for the writer.
pub(super) enum Message {
    /// A line, with its line break.
    Line(Vec<u8>),
    /// There is something else to do: see [`Requests`].
    Wake,
}

/// What the writer is asked for besides lines, and what it has to report.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) reopen: AtomicBool,
    pub(super) close: AtomicBool,
    /// Events that were not queued and are not reported in the stream yet.
    pub(super) lost: AtomicU64,
}

/// Why an event is missing, as the metric names it.
#[derive(Clone, Copy)]
pub(super) enum Loss {
    QueueFull,
    Shutdown,
}

impl Loss {
    pub(super) const ALL: [Self; 2] = [Self::QueueFull, Self::Shutdown];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Shutdown => "shutdown",
        }
    }

    pub(super) fn count(self, events: u64) {
        metrics::counter!(names::AUDIT_EVENTS_LOST, "cause" => self.as_str()).increment(events);
    }
}
