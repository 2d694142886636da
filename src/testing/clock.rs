//! A clock that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::time::Timestamp;
use crate::ports::Clock;

/// The time of a new [`ManualClock`], in seconds since the Unix epoch.
pub const NOW: u64 = 1_900_000_000;

/// A clock that stands still until a test sets it.
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock at [`NOW`].
    pub fn new() -> Arc<Self> {
        Self::at(NOW)
    }

    /// A clock at this time, in seconds since the Unix epoch.
    pub fn at(seconds: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seconds)))
    }

    /// Sets the time.
    pub fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Turns the clock back.
    pub fn turn_back(&self, seconds: u64) {
        self.0.fetch_sub(seconds, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::Relaxed))
    }
}
