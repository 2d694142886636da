//! Types of values: how each one is read, and its JSON Schema. The two must accept the same; a test compares them.

mod address;
mod duration_field;
mod header_sets;
mod number;
mod overlays;
mod parameters;
mod text;

use serde_json::{Value as Json, json};

use super::diagnostic::Location;
use super::document::{Content, Key, Node, Style};
use super::outline::ValueType;
use super::reader::{Reader, Spanned};

pub(super) use address::{ListenAddress, MaybeAddress};
pub(super) use duration_field::{DurationField, DurationOrZero, Validity, written_span};
pub(super) use header_sets::HeaderSets;
pub(super) use number::{Count, Ratio, Size, written_count, written_size};
pub(super) use overlays::{Overlay, Overlays};
pub(super) use parameters::Parameters;
pub(super) use text::{Patterns, Scalar, Texts, written_networks};

/// A type that can be read from the file.
pub(super) trait Value: Sized {
    /// Its description for the schema and the reference.
    fn value_type() -> ValueType;

    /// Reads the value; on `None` a diagnostic has been recorded.
    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self>;
}

/// Reads one value; `None` when a diagnostic has been recorded.
pub(super) fn read<T: Value>(node: &Node, location: Location, reader: &mut Reader<'_>) -> Option<Spanned<T>> {
    if let Content::Unusable(why) = node.content {
        reader.fault(&location, why, "write the value itself");
        return None;
    }
    T::read(node, &location, reader).map(|value| Spanned { location, value })
}

/// The entries of a section; on `None` a diagnostic has been recorded.
pub(super) fn section_entries<'n>(
    node: &'n Node,
    location: &Location,
    reader: &mut Reader<'_>,
) -> Option<&'n [(Key, Node)]> {
    if let Content::Section(entries) = &node.content {
        return Some(entries);
    }
    reader.fault(location, format!("a section is needed here, not {}", described(node)), "write `key: value` lines");
    None
}

/// The kind of value that is written, for diagnostics; the value itself is never repeated.
fn described(node: &Node) -> &'static str {
    match (&node.content, plain_type(node)) {
        (Content::List(_), _) => "a list",
        (Content::Section(_), _) => "a section",
        (Content::Unusable(_), _) => "this",
        (Content::One { .. }, Plain::Null) => "nothing",
        (Content::One { .. }, Plain::Bool(_)) => "true or false",
        (Content::One { .. }, Plain::Whole(_) | Plain::Number) => "a number",
        (Content::One { .. }, Plain::Text) => "a text",
    }
}

/// The type of a value without quotes (YAML 1.2 core schema, section 10.3.2).
#[derive(Clone, Copy, PartialEq)]
enum Plain {
    Null,
    Bool(bool),
    Whole(u64),
    Number,
    Text,
}

fn plain_type(node: &Node) -> Plain {
    let Content::One { text, style: Style::Plain } = &node.content else { return Plain::Text };
    if node.is_null() {
        return Plain::Null;
    }
    match &**text {
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_or(Plain::Number, Plain::Whole);
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let radix = text.starts_with("0x") || text.starts_with("0o");
    if numeric && (radix || text.parse::<f64>().is_ok() || text.trim_start_matches(['+', '-']) == ".inf") {
        Plain::Number
    } else {
        Plain::Text
    }
}

fn one(name: &str, schema: Json) -> ValueType {
    ValueType::One { name: name.to_owned(), schema }
}

impl Value for bool {
    fn value_type() -> ValueType {
        one("true or false", json!({ "type": "boolean" }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        if let Plain::Bool(value) = plain_type(node) {
            return Some(value);
        }
        reader.fault(location, "true or false is needed here", "write true or false, without quotes");
        None
    }
}

impl<T: Value> Value for Vec<Spanned<T>> {
    fn value_type() -> ValueType {
        ValueType::List(Box::new(T::value_type()))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let Content::List(items) = &node.content else {
            reader.fault(location, format!("a list is needed here, not {}", described(node)), "write `- item` lines");
            return None;
        };
        let item =
            |(index, item): (usize, &Node)| read(item, location.item(index, item.at.line, item.at.column), reader);
        let sound: Self = items.iter().enumerate().filter_map(item).collect();
        // A list whose every item is faulty is not an empty list.
        (items.is_empty() || !sound.is_empty()).then_some(sound)
    }
}

/// One of a few words.
pub(super) trait Choice: Copy + 'static {
    /// Each word and its value.
    const CHOICES: &'static [(Self, &'static str)];
    /// Words that are no choice, and the one that is meant.
    const MEANT: &'static [(&'static str, &'static str)] = &[];
}

impl<T: Choice> Value for T {
    fn value_type() -> ValueType {
        let words: Vec<&str> = T::CHOICES.iter().map(|(_, word)| *word).collect();
        let name = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        one(&name, json!({ "enum": words }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let written = match &node.content {
            Content::One { text, .. } => Some(&**text),
            Content::List(_) | Content::Section(_) | Content::Unusable(_) => None,
        };
        let choice = T::CHOICES.iter().find(|(_, word)| Some(*word) == written).map(|(choice, _)| *choice);
        if choice.is_none() {
            let words: Vec<&str> = T::CHOICES.iter().map(|(_, word)| *word).collect();
            let meant = T::MEANT.iter().find(|(word, _)| Some(*word) == written);
            let help = match meant {
                Some((written, meant)) => format!("write {meant}, which {written} uses"),
                None => format!("write one of {}", words.join(", ")),
            };
            reader.fault(location, "it is not one of the accepted values", help);
        }
        choice
    }
}
