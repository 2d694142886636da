//! Limits log lines about what clients or every request can cause, so that they cannot fill the log.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Admits one log line for each key in a period, for a limited number of keys.
pub struct LogThrottle<K> {
    period: Duration,
    most: usize,
    recent: Mutex<Recent<K>>,
}

struct Recent<K> {
    /// When the current period began.
    since: Option<Instant>,
    logged: HashSet<K>,
    suppressed: u64,
}

impl<K: Eq + Hash> LogThrottle<K> {
    /// At most `most` keys in each `period`. A period begins with its first line.
    #[must_use]
    pub fn new(period: Duration, most: usize) -> Self {
        Self { period, most, recent: Mutex::new(Recent { since: None, logged: HashSet::new(), suppressed: 0 }) }
    }

    /// Each key once while the process runs, and at most `most` keys.
    #[must_use]
    pub fn once(most: usize) -> Self {
        Self::new(Duration::MAX, most)
    }

    /// Whether the line of `key` is to be logged now; if so, how many lines of all keys were suppressed since the last one.
    pub fn admit(&self, key: K) -> Option<u64> {
        self.admit_at(key, Instant::now())
    }

    fn admit_at(&self, key: K, now: Instant) -> Option<u64> {
        // No code that holds the lock panics.
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.since.is_none_or(|since| now.duration_since(since) >= self.period) {
            recent.since = Some(now);
            recent.logged.clear();
        }
        if recent.logged.len() < self.most && recent.logged.insert(key) {
            return Some(std::mem::take(&mut recent.suppressed));
        }
        recent.suppressed += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);

    #[test]
    fn one_line_a_period_is_logged_and_the_others_are_counted() {
        let (throttle, begin) = (LogThrottle::new(PERIOD, 1), Instant::now());
        let lines = (0..130).map(|second| throttle.admit_at((), begin + Duration::from_secs(second)));
        let logged: Vec<_> =
            lines.enumerate().filter_map(|(second, line)| line.map(|suppressed| (second, suppressed))).collect();
        assert_eq!(logged, [(0, 0), (60, 59), (120, 59)]);
    }

    #[test]
    fn each_key_is_logged_once_a_period_up_to_a_number_of_keys() {
        let (throttle, begin) = (LogThrottle::new(PERIOD, 32), Instant::now());
        assert!(throttle.admit_at(0, begin).is_some() && throttle.admit_at(1, begin).is_some());
        assert!(throttle.admit_at(0, begin).is_none());
        assert_eq!((0..256).filter(|key| throttle.admit_at(*key, begin).is_some()).count(), 30);
        assert!(throttle.admit_at(0, begin + PERIOD).is_some());
    }

    #[test]
    fn without_a_period_a_key_is_logged_once() {
        let (throttle, begin) = (LogThrottle::once(2), Instant::now());
        assert!(throttle.admit_at("a", begin).is_some());
        assert!(throttle.admit_at("a", begin + 1000 * PERIOD).is_none());
    }
}
