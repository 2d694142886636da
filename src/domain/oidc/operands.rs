//! The values that a failed check compared, for the operator who has to fix the cause.

use std::fmt;

use serde_json::Value;

/// How many characters of an untrusted value are shown.
const MAX_CHARS: usize = 200;
/// How many members of an untrusted list are shown.
const MAX_MEMBERS: usize = 5;

/// The compared values as text, without secrets. Faults are distinguished by the check that failed: two faults of one
/// check are equal whatever their operands.
#[derive(Clone, Default)]
pub struct Operands(Option<Box<str>>);

impl Operands {
    /// No operands.
    pub const NONE: Self = Self(None);

    /// These operands.
    #[must_use]
    pub fn new(words: fmt::Arguments<'_>) -> Self {
        Self(Some(words.to_string().into()))
    }
}

impl PartialEq for Operands {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Operands {}

/// Formatted as `: ` and the text, to follow the name of the check.
impl fmt::Display for Operands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_deref().map_or(Ok(()), |words| write!(f, ": {words}"))
    }
}

impl fmt::Debug for Operands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("-"))
    }
}

/// An untrusted member for use in a message: a text is quoted, made printable and cut; for other values, the type is
/// shown.
pub struct Shown<'a>(pub Option<&'a Value>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            None => "missing",
            Some(Value::Null) => "null",
            Some(Value::String(text)) => return Quoted(text).fmt(f),
            Some(Value::Bool(_)) => "a boolean",
            Some(Value::Number(_)) => "a number",
            Some(Value::Array(_)) => "a list",
            Some(Value::Object(_)) => "an object",
        })
    }
}

/// An untrusted value that may be a list, of which the first members are shown.
pub struct ShownList<'a>(pub Option<&'a Value>);

impl fmt::Display for ShownList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Value::Array(list)) = self.0 else { return Shown(self.0).fmt(f) };
        let shown: Vec<String> = list.iter().take(MAX_MEMBERS).map(|value| Shown(Some(value)).to_string()).collect();
        let more = if list.len() > MAX_MEMBERS { ", …" } else { "" };
        write!(f, "[{}{more}]", shown.join(", "))
    }
}

/// An untrusted text, quoted, made printable and cut.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut: String = self.0.chars().take(MAX_CHARS).collect();
        let more = if cut.len() < self.0.len() { "…" } else { "" };
        write!(f, "{cut:?}{more}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_from_outside_are_printable_and_cut() {
        for (value, shown) in [
            (None, "missing"),
            (Some(json!(null)), "null"),
            (Some(json!(7)), "a number"),
            (Some(json!(["https://op.example"])), "a list"),
            (Some(json!("https://op.example/")), "\"https://op.example/\""),
            (Some(json!("a\r\n\u{1b}[2J")), "\"a\\r\\n\\u{1b}[2J\""),
        ] {
            assert_eq!(Shown(value.as_ref()).to_string(), shown);
        }
        let long = Quoted(&"x".repeat(10_000)).to_string();
        assert!(long.len() < 300 && long.ends_with("\"…"), "{long}");
    }

    #[test]
    fn lists_from_outside_show_their_first_members() {
        for (value, shown) in [
            (None, "missing"),
            (Some(json!("wiki")), "\"wiki\""),
            (Some(json!([])), "[]"),
            (Some(json!(["wiki", "a\r\n", 7])), "[\"wiki\", \"a\\r\\n\", a number]"),
            (Some(json!([1, 2, 3, 4, 5, 6])), "[a number, a number, a number, a number, a number, …]"),
        ] {
            assert_eq!(ShownList(value.as_ref()).to_string(), shown);
        }
    }

    #[test]
    fn faults_of_one_check_are_equal_and_say_different_things() {
        let operands = Operands::new(format_args!("it is {}", 1));
        assert_eq!(operands, Operands::NONE);
        assert_eq!((operands.to_string(), Operands::NONE.to_string()), (": it is 1".to_owned(), String::new()));
    }
}
