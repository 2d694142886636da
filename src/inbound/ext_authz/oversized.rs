//! Messages beyond the size limit. Envoy shows the operator only its own 5xx, so the log names what was too long and which
//! settings apply: once a minute, because clients decide how often it happens.

use std::time::Duration;

use tracing::warn;

use crate::telemetry::LogThrottle;

/// The minimum time between two log messages.
const PERIOD: Duration = Duration::from_secs(60);

/// Logs messages beyond the size limit.
pub(super) struct OversizedLog(LogThrottle<()>);

impl OversizedLog {
    pub(super) fn none() -> Self {
        Self(LogThrottle::new(PERIOD, 1))
    }

    /// Logs that a message is longer than `most` bytes, with tonic's error text, unless that was logged less than [`PERIOD`]
    /// ago.
    pub(super) fn tell(&self, most: usize, words: &str) {
        if let Some(more_before) = self.0.admit(()) {
            let help = "let Envoy send less of a request's body (`with_request_body.max_request_bytes`; only the route of \
                        backchannel_logout needs any), or raise `limits.grpc.max_message_size`";
            let fault = format!("more than the {most} of `limits.grpc.max_message_size`: {words}");
            warn!(fault, more_before, help, "a Check was refused because its message is too long");
        }
    }
}
