//! The `cookie` line of an answer. Envoy takes header values of a `CheckResponse` as text only: it never reads `raw_value`,
//! and an answer whose `value` is not UTF-8 does not decode and counts as no answer (seen alike on 1.36.4, 1.37.0, 1.38.3,
//! 1.39.3 and 1.40.0). So a cookie that is not UTF-8 cannot be sent, and the others must not be lost with it.

use std::time::Duration;

use tracing::warn;

use crate::domain::decision::AuditRecord;
use crate::telemetry::LogThrottle;

/// How long an application is not reported again.
const PERIOD: Duration = Duration::from_secs(60);
/// Characters of a cookie's name that are reported.
const LONGEST: usize = 80;

/// The part of a `cookie` line that Envoy can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Carried {
    pub(super) text: String,
    /// The names of the cookies that are missing from it.
    pub(super) left_out: Vec<String>,
}

/// Keeps every pair of a line that is UTF-8.
pub(super) fn carried(line: &[u8]) -> Carried {
    let mut carried = Carried { text: String::with_capacity(line.len()), left_out: Vec::new() };
    for pair in line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
        match std::str::from_utf8(pair) {
            Ok("") => {}
            Ok(pair) => {
                if !carried.text.is_empty() {
                    carried.text.push_str("; ");
                }
                carried.text.push_str(pair);
            }
            Err(_) => carried.left_out.push(name_of(pair)),
        }
    }
    carried
}

/// The name of a cookie, never its value: a pair without `=` is only a value, so its name is empty.
fn name_of(pair: &[u8]) -> String {
    let name = pair.iter().position(|byte| *byte == b'=').and_then(|end| pair.get(..end)).unwrap_or_default();
    String::from_utf8_lossy(name).chars().take(LONGEST).collect()
}

/// Logs cookies that were left out: once per minute and application, because it happens with every request.
pub(super) struct LeftOutCookiesLog(LogThrottle<Option<String>>);

impl LeftOutCookiesLog {
    pub(super) fn none() -> Self {
        Self(LogThrottle::new(PERIOD, usize::MAX))
    }

    /// Logs which cookies the application does not receive.
    pub(super) fn tell(&self, names: &[String], audit: &AuditRecord) {
        if names.is_empty() {
            return;
        }
        let application = audit.application.as_ref().map(ToString::to_string);
        if self.0.admit(application.clone()).is_some() {
            warn!(
                decision_id = audit.id,
                application = application.as_deref(),
                cookies = names.join(", "),
                help = "write these cookies in ASCII (RFC 6265 section 4.1.1), or in UTF-8",
                "cookies were left out of a request: Envoy takes header values that are UTF-8 only"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_pair_is_all_that_is_lost() {
        for (line, text, left_out) in [
            (&b"app=1; n=caf\xe9; z=2"[..], "app=1; z=2", &["n"][..]),
            (b"n=caf\xe9", "", &["n"]),
            (b"n=\xff;\xfe=1; a=caf\xc3\xa9;;b", "a=caf\u{e9}; b", &["n", "\u{fffd}"]),
            (b"secret\xe9; a=1", "a=1", &[""]),
            (b"a=1; b=2", "a=1; b=2", &[]),
            (b"", "", &[]),
        ] {
            let left_out = left_out.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(carried(line), Carried { text: text.to_owned(), left_out }, "{line:?}");
        }
    }

    #[test]
    fn a_name_is_told_in_part_if_need_be() {
        let line = [&b"x".repeat(500)[..], b"=\xff"].concat();
        assert_eq!(carried(&line).left_out, ["x".repeat(LONGEST)]);
    }
}
