//! Times as audit events write them.

use ::time::OffsetDateTime;

/// A time in milliseconds since the Unix epoch, as RFC 3339 writes it: UTC, with milliseconds.
#[must_use]
pub fn rfc3339(unix_millis: u64) -> String {
    let seconds = i64::try_from(unix_millis / 1000).unwrap_or(i64::MAX);
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, (hour, minute, second)) = (at.date(), at.to_hms());
    let (year, month, day, millis) = (date.year(), u8::from(date.month()), date.day(), unix_millis % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_for_milliseconds() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_979_702_007, "2026-11-29T19:15:02.007Z"),
            (951_782_400_120, "2000-02-29T00:00:00.120Z"),
        ] {
            assert_eq!(rfc3339(millis), text);
        }
    }
}
