//! Backoff periods after failed refreshes, so that a failing provider is not called for every request. The cache is
//! bounded and evicts periods instead of growing; providers have their own circuit breaker as well.

use std::time::Duration;

use quick_cache::sync::Cache;

use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;

/// How many sessions' backoff periods are stored.
const MOST: usize = 65_536;

/// The sessions that are not refreshed for a while: the start and the end of each backoff period.
pub(super) struct Backoff(Cache<SessionKey, (Timestamp, Timestamp)>);

impl Default for Backoff {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Backoff {
    /// Whether this session is in its backoff period. A clock that was set back ends the period.
    pub(super) fn holds(&self, key: &SessionKey, now: Timestamp) -> bool {
        self.0.get(key).is_some_and(|(from, until)| from <= now && now < until)
    }

    /// Begins a backoff period of `span`.
    pub(super) fn begin(&self, key: SessionKey, now: Timestamp, span: Duration) {
        self.0.insert(key, (now, now.plus(span)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_2_a_pause_is_one_sessions_and_ends() {
        let (backoff, key) = (Backoff::default(), SessionKey::from_bytes([1; 32]));
        let at = Timestamp::from_unix;
        backoff.begin(key, at(100), Duration::from_secs(5));
        let held: Vec<u64> = (98..108).filter(|now| backoff.holds(&key, at(*now))).collect();
        assert_eq!(held, [100, 101, 102, 103, 104]);
        assert!(!backoff.holds(&SessionKey::from_bytes([2; 32]), at(100)));
    }
}
