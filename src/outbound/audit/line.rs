//! An event as a line.

use crate::domain::audit::{AuditEvent, AuditLine, rfc3339};
use crate::ports::Clock;

/// The event as a line of JSON, with the present time.
pub(super) fn line(event: &AuditEvent, clock: &dyn Clock) -> Vec<u8> {
    // Texts, numbers and lists can always be written as JSON.
    let mut line = serde_json::to_vec(&AuditLine { time: &rfc3339(clock.unix_millis()), event }).unwrap_or_default();
    line.push(b'\n');
    line
}
