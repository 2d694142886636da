//! Latencies of answers: the median and the tail.

use std::time::Duration;

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

impl Latency {
    /// The exact percentiles of these durations.
    pub(super) fn of(mut answers: Vec<Duration>) -> Self {
        answers.sort_unstable();
        let at = |per_mille: usize| {
            let index = (answers.len() * per_mille / 1000).min(answers.len().saturating_sub(1));
            answers.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        Self { p50: at(500), p99: at(990), p999: at(999) }
    }
}
