//! The rate limit of fetches that unauthenticated clients can cause (OC-24): a burst of five, then one every ten seconds.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

const BURST: NonZeroU32 = NonZeroU32::new(5).unwrap();
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts the fetches of one issuer's keys, in memory only.
#[derive(Debug)]
pub(super) struct FetchLimit(RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Instant>>);

impl FetchLimit {
    pub(super) fn new() -> Self {
        // Only an interval of zero is no quota.
        let quota = Quota::with_period(INTERVAL).unwrap_or(Quota::per_minute(BURST)).allow_burst(BURST);
        Self(RateLimiter::direct_with_clock(quota, RuntimeClock))
    }

    /// Counts a fetch; returns whether it may begin.
    pub(super) fn try_acquire(&self) -> bool {
        self.0.check().is_ok()
    }
}

/// The clock of the runtime, which tests can pause.
#[derive(Clone, Debug)]
struct RuntimeClock;

impl Clock for RuntimeClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn oc_24_a_burst_of_five_then_one_in_ten_seconds() {
        let limit = FetchLimit::new();
        let mut released = Vec::new();
        for second in 0..61 {
            if limit.try_acquire() {
                released.push(second);
            }
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(released, [0, 1, 2, 3, 4, 10, 20, 30, 40, 50, 60]);
        advance(Duration::from_secs(3600)).await;
        assert_eq!((0..20).filter(|_| limit.try_acquire()).count(), 5);
    }
}
