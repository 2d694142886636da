//! An event as a line.

use std::fmt::Write as _;

use crate::domain::audit::{AuditEvent, AuditLine, rfc3339};
use crate::ports::Clock;
use crate::telemetry::is_unprintable;

/// The event as a line of JSON, with the present time.
pub(super) fn line(event: &AuditEvent, clock: &dyn Clock) -> Vec<u8> {
    // Texts, numbers and lists can always be written as JSON.
    let text = serde_json::to_string(&AuditLine { time: &rfc3339(clock.unix_millis()), event }).unwrap_or_default();
    let mut line = String::with_capacity(text.len() + 1);
    // Outside of ASCII, these signs occur in texts only, where JSON allows the escape as well.
    for sign in text.chars() {
        if must_escape(sign) {
            let mut units = [0; 2];
            for unit in sign.encode_utf16(&mut units) {
                // Writing to a `String` cannot fail.
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(sign);
        }
    }
    line.push('\n');
    line.into_bytes()
}

/// What JSON leaves as it is, although it is more than a part of a text. JSON itself escapes the control characters of ASCII.
fn must_escape(sign: char) -> bool {
    !sign.is_ascii() && is_unprintable(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_for_every_reader() {
        for sign in ['\u{85}', '\u{9b}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}', '\u{feff}'] {
            assert!(must_escape(sign), "{sign:?}");
        }
        for sign in ['"', '\\', 'ä', '–', '日', '\u{1f600}'] {
            assert!(!must_escape(sign), "{sign:?}");
        }
    }
}
