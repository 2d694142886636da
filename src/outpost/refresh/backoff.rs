//! Pauses after renewals that failed, so that a provider in trouble is not asked for every request. They are forgotten rather
//! than kept without bound; providers have a circuit of their own besides.

use std::time::Duration;

use quick_cache::sync::Cache;

use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;

/// How many sessions' pauses are remembered.
const MOST: usize = 65_536;

/// Sessions that are not renewed for a while.
pub(super) struct Backoff(Cache<SessionKey, (Timestamp, Timestamp)>);

impl Default for Backoff {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Backoff {
    /// Whether a pause of this session is on. A clock that was set back ends it.
    pub(super) fn holds(&self, key: &SessionKey, now: Timestamp) -> bool {
        self.0.get(key).is_some_and(|(from, until)| from <= now && now < until)
    }

    /// Begins a pause.
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
