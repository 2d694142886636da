//! Converts the value of a claim to the text of a header.

use std::borrow::Cow;

use serde_json::Value;
use thiserror::Error;

/// The separator between the items of a list: one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separator(char);

/// The text is not a separator.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a separator must be one ASCII character other than a letter or digit")]
pub struct BadSeparator;

impl Separator {
    /// The separator of lists in authentik.
    pub const BAR: Self = Self('|');

    /// Parses `text` as a separator. It must be a single character, because the beginning of a longer one could be at
    /// the end of an item, and the list would be read differently.
    ///
    /// # Errors
    /// When it is not a punctuation character of ASCII or a blank.
    pub fn parse(text: &str) -> Result<Self, BadSeparator> {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) if one == ' ' || one.is_ascii_punctuation() => Ok(Self(one)),
            _ => Err(BadSeparator),
        }
    }
}

/// Whether a header carries the text unchanged. Blanks at its ends are lost (RFC 9110 section 5.5), so that `admin `
/// would become another user.
#[must_use]
pub fn is_legal(text: &str) -> bool {
    // Nearly all text is of this kind.
    if let [first, .., last] = text.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    {
        return true;
    }
    !text.is_empty() && !text.contains(char::is_control) && text.trim() == text
}

/// Text unchanged, numbers and booleans as their JSON text; other types have no text.
pub(super) fn plain(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Joins a list to one value. An item that contains the separator is left out, because it would be read as two items,
/// of which the second could be chosen freely; so is an item that is not a legal value by itself.
pub(super) fn joined<'a>(items: impl Iterator<Item = Cow<'a, str>>, separator: Separator) -> String {
    let legal = |item: &Cow<'_, str>| is_legal(item) && !item.contains(separator.0);
    let mut joined = String::new();
    for item in items.filter(legal) {
        if !joined.is_empty() {
            joined.push(separator.0);
        }
        joined.push_str(&item);
    }
    joined
}

/// A list joined; any other value that has a text, unchanged.
pub(super) fn text(value: &Value, separator: Separator) -> Option<Cow<'_, str>> {
    match value {
        Value::Array(items) => Some(Cow::Owned(joined(items.iter().filter_map(plain), separator))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => plain(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_become_text() {
        for (value, expected) in [
            (json!("as | is"), Some("as | is")),
            (json!(7), Some("7")),
            (json!(-1.5), Some("-1.5")),
            (json!(true), Some("true")),
            (json!(["a", 7, false, null, {}, [], "b|c", " d", "e\t", "x\ny", "", "ü"]), Some("a|7|false|ü")),
            (json!([]), Some("")),
            (json!(null), None),
            (json!({ "a": 1 }), None),
        ] {
            assert_eq!(text(&value, Separator::BAR).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_separator_is_one_sign() {
        for text in [",", ";", "|", " ", "/"] {
            assert!(Separator::parse(text).is_ok(), "{text}");
        }
        for text in ["", ", ", "a", "0", "\t", "\n", "·"] {
            assert_eq!(Separator::parse(text), Err(BadSeparator), "{text:?}");
        }
        let comma = Separator::parse(",").expect("is a separator");
        assert_eq!(joined(["a|b", "c,d", "e"].map(Cow::Borrowed).into_iter(), comma), "a|b,e");
    }

    #[test]
    fn what_would_not_arrive_as_it_is_is_not_legal() {
        for text in ["", " a", "a ", "\u{a0}a", "a\u{85}b", "a\0b", "a\tb"] {
            assert!(!is_legal(text), "{text:?}");
        }
        assert!(is_legal("a b") && is_legal("Älice"));
    }
}
