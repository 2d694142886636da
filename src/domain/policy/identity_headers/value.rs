//! From a claim's value to the text of a header.

use std::borrow::Cow;

use serde_json::Value;
use thiserror::Error;

/// What stands between the items of a list: one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separator(char);

/// The text is no separator.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a separator is one ASCII character, and neither letter nor digit")]
pub struct BadSeparator;

impl Separator {
    /// The separator of lists, as authentik has it.
    pub const BAR: Self = Self('|');

    /// Takes `text` as a separator. It is a single character, because the beginning of a longer one could stand at
    /// the end of an item, and the list would read as another one.
    ///
    /// # Errors
    /// When it is anything but a punctuation character of ASCII, or a blank.
    pub fn parse(text: &str) -> Result<Self, BadSeparator> {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) if one == ' ' || one.is_ascii_punctuation() => Ok(Self(one)),
            _ => Err(BadSeparator),
        }
    }
}

/// Whether a text arrives at an application as it is. Blanks at its ends do not (RFC 9110 section 5.5), and `admin `
/// would become somebody else.
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

/// Text as it is, numbers and booleans as their JSON text; nothing else has a text of its own.
pub(super) fn plain(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A list in one value. An item that holds the separator is left out, because it would read as two, and the second could
/// be anybody's; and so is one that is no legal value by itself.
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

/// A list joined, anything else that has a text as it is.
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
