//! The rate limit of fetches that unauthenticated clients can cause (OC-24): a burst of five, then one every ten seconds.

use std::time::Duration;

use tokio::time::Instant;

const BURST: u32 = 5;
const INTERVAL: Duration = Duration::from_secs(10);

/// A token bucket, in memory only.
#[derive(Debug)]
pub(super) struct RateLimiter {
    left: u32,
    refilled: Instant,
}

impl RateLimiter {
    pub(super) const fn new(now: Instant) -> Self {
        Self { left: BURST, refilled: now }
    }

    /// Takes a token at `now`; returns whether there was one.
    pub(super) fn try_acquire(&mut self, now: Instant) -> bool {
        while self.left < BURST && now.duration_since(self.refilled) >= INTERVAL {
            self.left += 1;
            self.refilled += INTERVAL;
        }
        if self.left == BURST {
            self.refilled = now;
        }
        let released = self.left > 0;
        self.left = self.left.saturating_sub(1);
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oc_24_a_burst_of_five_then_one_in_ten_seconds() {
        let begin = Instant::now();
        let mut rate_limiter = RateLimiter::new(begin);
        let released: Vec<u64> =
            (0..61_u64).filter(|second| rate_limiter.try_acquire(begin + Duration::from_secs(*second))).collect();
        assert_eq!(released, [0, 1, 2, 3, 4, 10, 20, 30, 40, 50, 60]);
        let later = begin + Duration::from_secs(3600);
        assert_eq!((0..20).filter(|_| rate_limiter.try_acquire(later)).count(), 5);
    }
}
