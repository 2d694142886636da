//! Messages beyond the size limit. Envoy shows the operator only its own 5xx, so the log names what was too long and which
//! settings apply: once a minute, because clients decide how often it happens.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

/// The minimum time between two log messages.
const PERIOD: Duration = Duration::from_secs(60);

/// The messages that have been logged.
pub(super) struct OversizedLog(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    reported: Option<Instant>,
    unreported: u64,
}

impl OversizedLog {
    pub(super) fn none() -> Self {
        Self(Mutex::default())
    }

    /// Logs that a message is longer than `most` bytes, with tonic's error text, unless that was logged less than [`PERIOD`]
    /// ago.
    pub(super) fn tell(&self, most: usize, words: &str) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(more_before) = recent.is_news(Instant::now()) {
            let help = "let Envoy send less of a request's body (`with_request_body.max_request_bytes`; only the route of \
                        backchannel_logout needs any), or raise `limits.grpc.max_message_size`";
            let fault = format!("more than the {most} of `limits.grpc.max_message_size`: {words}");
            warn!(fault, more_before, help, "a Check was refused because its message is too long");
        }
    }
}

impl Recent {
    /// How many were not logged since the last one that was, if this one is to be.
    fn is_news(&mut self, now: Instant) -> Option<u64> {
        if self.reported.is_some_and(|reported| now.duration_since(reported) < PERIOD) {
            self.unreported += 1;
            return None;
        }
        self.reported = Some(now);
        Some(std::mem::take(&mut self.unreported))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_minute_is_told_and_the_others_are_counted() {
        let (mut recent, begin) = (Recent::default(), Instant::now());
        let news: Vec<_> = (0..130).map(|second| recent.is_news(begin + Duration::from_secs(second))).collect();
        let news: Vec<_> =
            news.iter().enumerate().filter_map(|(second, news)| news.map(|more| (second, more))).collect();
        assert_eq!(news, [(0, 0), (60, 59), (120, 59)]);
    }
}
