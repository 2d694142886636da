//! The structure of the configuration: its sections, keys and types of values, from which the schema and the reference are
//! generated.

use serde_json::Value as Json;

/// The type of a key's value.
pub(super) enum ValueType {
    /// A single value: its name in the reference, and its JSON Schema.
    One { name: String, schema: Json },
    /// A section.
    Section(Outline),
    /// A list.
    List(Box<Self>),
}

/// A section's keys.
pub(super) struct Outline {
    pub(super) fields: Vec<Field>,
}

/// One key.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) doc: String,
    pub(super) presence: Presence,
    pub(super) value_type: ValueType,
}

/// What happens when a key is missing.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
    /// It may be missing, but must not be present without a value.
    Filled,
    /// It has this default, as YAML text.
    Default(String),
}

/// Joins the lines of doc comments to one text.
pub(super) fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
