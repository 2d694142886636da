//! Points in time in whole seconds, so that rules receive the time as a parameter.

use std::time::Duration;

/// Seconds since the Unix epoch, by the server's own clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// A point in time, `seconds` after the Unix epoch.
    #[must_use]
    pub const fn from_unix(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub const fn as_unix(self) -> u64 {
        self.0
    }

    /// This time plus `span`; the greatest time when that would overflow.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_secs()))
    }

    /// The time since `earlier`; zero when it lies in the future (a clock that was set back).
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

/// A span between `shortest` and `longest`, as far from the first as the random byte says, so that processes and sessions
/// that failed together do not retry together. The byte needs to vary, not to be secret.
#[must_use]
pub fn jittered(shortest: Duration, longest: Duration, random: u8) -> Duration {
    shortest + longest.saturating_sub(shortest) * u32::from(random) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_2_jitter_stays_between_the_shortest_and_the_longest() {
        let [shortest, longest] = [270, 330].map(Duration::from_secs);
        assert_eq!(jittered(shortest, longest, 0), shortest);
        assert_eq!(jittered(shortest, longest, u8::MAX), longest);
        let spans: Vec<_> = (0..=u8::MAX).map(|random| jittered(shortest, longest, random)).collect();
        assert!(spans.is_sorted_by(|one, next| one < next), "every byte counts");
    }
}
