//! The shape of the configuration: its sections, keys and kinds of values, from which the schema and the reference are printed.

use serde_json::Value as Json;

/// What may stand under a key.
pub(super) enum Kind {
    /// A single value: its name in the reference, its JSON Schema.
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
    pub(super) kind: Kind,
}

/// What happens when a key is not written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
    /// It may be missing, but not stand there without a value.
    Filled,
    /// This YAML text stands in for it.
    Default(String),
}

/// Doc comments as running text.
pub(super) fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
