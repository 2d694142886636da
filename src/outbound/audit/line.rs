//! An event as a line.

use std::fmt::Write as _;

use crate::domain::audit::{AuditEvent, AuditLine, rfc3339};
use crate::ports::Clock;

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

/// Control characters that JSON leaves as they are, line separators, and marks that change the direction of writing: programs and
/// terminals take them for more than a part of a text.
fn must_escape(sign: char) -> bool {
    !sign.is_ascii()
        && (sign.is_control() || matches!(sign, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
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
