//! How single members are read: absent, `null` and empty alike, and whole numbers also where they are written `1.0`.

use std::time::Duration;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serializer};

use super::secret::Secret;

/// Reads `json`. A failure is the path of the member that is missing or wrong, never its value, which may be a secret.
pub(in crate::outbound::authentik) fn read<'de, T: Deserialize<'de>>(
    json: impl Deserializer<'de>,
) -> Result<T, String> {
    serde_path_to_error::deserialize(json).map_err(|fault| {
        let path = fault.path().to_string();
        let missing = fault.inner().to_string();
        let missing = missing.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        match (path.as_str(), missing) {
            (".", Some(member)) => member.to_owned(),
            (path, Some(member)) => format!("{path}.{member}"),
            (path, None) => path.to_owned(),
        }
    })
}

/// The value, or its default for `null`.
pub(super) fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A switch that is on unless it is off.
pub(super) fn or_on<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(true))
}

pub(super) const fn on() -> bool {
    true
}

/// A text that is not empty.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// A secret that is not empty.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<Secret>::deserialize(deserializer)?.filter(|secret| *secret != Secret::from("")))
}

/// A whole number.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    match Number::deserialize(deserializer)? {
        Number::Whole(number) => Ok(number),
        Number::Decimal(number) => {
            // Whole numbers up to 2^53 are exact in a float; no page, key or interval is greater.
            let is_exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
            #[expect(clippy::cast_possible_truncation, reason = "it was checked to be whole and within 2^53")]
            let whole = number as i64;
            let other = || D::Error::invalid_value(Unexpected::Float(number), &"a whole number");
            is_exact.then_some(whole).ok_or_else(other)
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number")]
enum Number {
    Whole(i64),
    Decimal(f64),
}

/// A whole number, or 0 for `null`.
pub(super) fn whole_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] i64);
    Ok(Option::<Whole>::deserialize(deserializer)?.map_or(0, |Whole(number)| number))
}

/// A span in seconds, with a fraction.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(seconds) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    let other = |_| D::Error::invalid_value(Unexpected::Float(seconds), &"a number of seconds, 0 or more");
    Duration::try_from_secs_f64(seconds).map(Some).map_err(other)
}

/// The form that [`seconds`] reads.
#[expect(clippy::ref_option, reason = "this is how serde calls it")]
pub(super) fn write_seconds<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match span {
        Some(span) => serializer.serialize_some(&span.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}
