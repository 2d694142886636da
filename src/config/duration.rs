//! Durations: `30s`, `5m`, `1h30m`, `2d`, and authentik's `hours=8;minutes=30`.

use std::time::Duration;

/// The longest duration that is accepted.
pub(super) const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);

/// The syntax that [`parse`] accepts.
pub(super) const PATTERN: &str = "^([0-9]{1,6}(ms|[smhd]))+$";
/// The syntax that [`parse_authentik`] accepts.
pub(super) const AUTHENTIK_PATTERN: &str =
    "^(weeks|days|hours|minutes|seconds)=[0-9]{1,6}(;(weeks|days|hours|minutes|seconds)=[0-9]{1,6})*$";

/// Parses numbers with units and adds them up.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let unit_end = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_end);
        let number = small(number)?;
        let part = match unit {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number * 60),
            "h" => Duration::from_secs(number * 3600),
            "d" => Duration::from_secs(number * 24 * 3600),
            _ => return None,
        };
        sum = sum.saturating_add(part);
        rest = behind;
    }
    (!text.is_empty()).then_some(sum)
}

/// The duration in the largest unit that holds it exactly, as [`parse`] reads it.
pub(super) fn written(duration: Duration) -> String {
    let (seconds, part) = (duration.as_secs(), duration.subsec_millis());
    let units = [("d", 24 * 3600), ("h", 3600), ("m", 60), ("s", 1)];
    let unit = units.into_iter().find(|(_, size)| part == 0 && seconds % size == 0);
    match unit {
        Some((_, _)) if seconds == 0 => "0s".to_owned(),
        Some((unit, size)) => format!("{}{unit}", seconds / size),
        None => format!("{}ms", duration.as_millis()),
    }
}

/// Parses authentik's notation of a duration.
pub(super) fn parse_authentik(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for part in text.split(';') {
        let (unit, number) = part.split_once('=')?;
        let seconds = match unit {
            "weeks" => 7 * 24 * 3600,
            "days" => 24 * 3600,
            "hours" => 3600,
            "minutes" => 60,
            "seconds" => 1,
            _ => return None,
        };
        sum = sum.saturating_add(Duration::from_secs(small(number)? * seconds));
    }
    Some(sum)
}

/// Parses one to six digits.
fn small(digits: &str) -> Option<u64> {
    let fits = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("8h", 28_800), ("1h30m", 5_400), ("2d", 172_800), ("0s", 0)]
        {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("1s500ms"), Some(Duration::from_millis(1500)));
        for text in ["", "30", "s", "1 h", "-1s", "1.5h", "1h30", "1w", "1000000s", "1H", "1h 30m", "٣s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for text in ["0s", "250ms", "1500ms", "1s", "90s", "30m", "90m", "8h", "2d"] {
            assert_eq!(parse(text).map(written).as_deref(), Some(text));
        }
    }

    #[test]
    fn authentik_writes_units_first() {
        for (text, seconds) in [("hours=8", 28_800), ("hours=8;minutes=30", 30_600), ("weeks=1;days=1", 691_200)] {
            assert_eq!(parse_authentik(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "hours", "hours=", "hours=-1", "hours=1;", "years=1", "hours=1.5", "8h"] {
            assert_eq!(parse_authentik(text), None, "{text}");
        }
    }
}
