//! Decides which keys recur soon enough to be cached. Caching an entry that is evicted before its second use costs more than
//! making it again, because its memory has left the processor's caches by then. So a key that occurs once is not cached yet.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::session::SessionKey;

/// The number of slots: about how many other keys may come in between.
const REMEMBERED: usize = 4096;

/// Remembers recently seen keys, each in the one slot that its hash determines.
pub(super) struct AdmissionFilter(Box<[AtomicU64]>);

impl AdmissionFilter {
    pub(super) fn new() -> Self {
        Self(std::iter::repeat_with(AtomicU64::default).take(REMEMBERED).collect())
    }

    /// Whether the key was seen recently; records it as seen.
    pub(super) fn has_seen(&self, key: &SessionKey) -> bool {
        // The keys are hashes already.
        let [a, b, rest @ ..] = key.as_bytes();
        let place = usize::from(u16::from_be_bytes([*a, *b])) % REMEMBERED;
        let mark = rest.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
        self.0.get(place).is_some_and(|seen| seen.swap(mark, Ordering::Relaxed) == mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::store::testing::key;

    #[test]
    fn who_comes_again_soon_is_known() {
        let admission_filter = AdmissionFilter::new();
        assert!(!admission_filter.has_seen(&key(0)));
        assert!(admission_filter.has_seen(&key(0)));
        let known = (1..1000).filter(|number| admission_filter.has_seen(&key(*number))).count();
        assert_eq!(known, 0);
        let known = (1..1000).filter(|number| admission_filter.has_seen(&key(*number))).count();
        assert!(known > 700, "{known}");
    }

    #[test]
    fn who_stays_away_long_is_forgotten() {
        let admission_filter = AdmissionFilter::new();
        for number in 0..20_000 {
            admission_filter.has_seen(&key(number));
        }
        let known = (0..100).filter(|number| admission_filter.has_seen(&key(*number))).count();
        assert!(known < 10, "{known}");
    }
}
