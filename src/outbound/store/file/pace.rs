//! Whether a read waits for the disk. As a rule it does not: the file lies in the memory of the operating system, and a
//! session is read in less time than it takes to hand the work to another thread. So reads are done where requests are
//! answered, until one took long; then, for a while, they are done on threads that may wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// No read that finds everything in memory takes so long, unless its thread is put aside meanwhile.
const LONG: Duration = Duration::from_millis(5);
/// How long the disk counts as slow after a read that took long: in so much time, requests wait for one read at the most.
const CAUTION: Duration = Duration::from_millis(100);

/// How reads went lately.
pub(super) struct Pace {
    /// Times are kept as microseconds from here on.
    origin: Instant,
    slow_until: AtomicU64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { origin: now(), slow_until: AtomicU64::new(0) }
    }

    /// Does a read that does not wait, as it seems; `None` when it would better be done elsewhere.
    pub(super) fn read<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        let began = now();
        if self.micros(began) < self.slow_until.load(Ordering::Relaxed) {
            return None;
        }
        let found = read();
        let ended = now();
        if ended.duration_since(began) >= LONG {
            self.slow_until.store(self.micros(ended + CAUTION), Ordering::Relaxed);
        }
        Some(found)
    }

    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.origin).as_micros()).unwrap_or(u64::MAX)
    }
}

#[expect(clippy::disallowed_methods, reason = "measures the disk; no rule depends on it")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_read_that_took_long_the_next_ones_are_done_elsewhere() {
        let pace = Pace::new();
        assert_eq!(pace.read(|| 1), Some(1));
        let long = || {
            let began = now();
            while began.elapsed() < LONG {
                std::hint::spin_loop();
            }
            2
        };
        assert_eq!(pace.read(long), Some(2));
        assert_eq!(pace.read(|| -> i32 { unreachable!("the disk is slow") }), None);
    }
}
