//! Texts, secrets, paths, patterns.

use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;
use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::{Plain, Value, described, one, plain_type, read};
use crate::config::diagnostic::Location;
use crate::config::document::{Content, Node, Style};
use crate::config::expansion;
use crate::config::outline::ValueType;
use crate::config::reader::{Reader, Spanned};

pub(in crate::config) type Texts = Vec<Spanned<String>>;

/// The text of a single value; a number counts as the text that is written, because a client id may be one.
fn text(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Arc<str>> {
    if let Content::One { text, .. } = &node.content
        && matches!(plain_type(node), Plain::Text | Plain::Whole(_) | Plain::Number)
    {
        return Some(Arc::clone(text));
    }
    let problem = format!("a text is needed here, not {}", described(node));
    reader.fault(location, problem, "write a single value, in quotes if YAML could read it as another type");
    None
}

/// Text with its variables expanded; never empty.
fn expanded(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<String> {
    let text = text(node, location, reader)?;
    match expansion::expand(&text, reader.environment) {
        Ok(full) if full.is_empty() => {
            reader.fault(location, "it is empty", "give it a value, or remove the key");
            None
        }
        Ok(full) => {
            if full != *text {
                reader.with_variables.insert(Arc::clone(&location.key));
            }
            Some(full)
        }
        Err(fault) => {
            reader.fault(location, fault.to_string(), fault.help());
            None
        }
    }
}

fn text_schema() -> Json {
    json!({ "type": ["string", "number"], "minLength": 1 })
}

impl Value for String {
    fn value_type() -> ValueType {
        one("text", text_schema())
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        expanded(node, location, reader)
    }
}

impl Value for SecretString {
    fn value_type() -> ValueType {
        one("secret text", text_schema())
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let text = expanded(node, location, reader)?;
        // Only what stands in a file: a variable may have any value.
        if location.line > 0 && !reader.with_variables.contains(&location.key) && is_bare_variable(&text) {
            let problem = "it reads like a variable without braces, and is taken for the secret itself";
            reader.warn(location, problem, "write ${NAME}, unless the secret really begins with `$`");
        }
        Some(Self::from(text))
    }
}

/// Whether a text is `$NAME`, as a shell writes a variable.
fn is_bare_variable(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(expansion::is_name)
}

impl Value for PathBuf {
    fn value_type() -> ValueType {
        one("path", text_schema())
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        expanded(node, location, reader).map(Self::from)
    }
}

/// A text, number or boolean, as JSON writes it.
pub(in crate::config) struct Scalar(pub(in crate::config) String);

impl Value for Scalar {
    fn value_type() -> ValueType {
        one("text, number, true or false", json!({ "type": ["string", "number", "boolean"], "minLength": 1 }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        match plain_type(node) {
            Plain::Bool(truth) => Some(Self(truth.to_string())),
            Plain::Null | Plain::Whole(_) | Plain::Number | Plain::Text => expanded(node, location, reader).map(Self),
        }
    }
}

/// Patterns: a list, or one per line of a text as authentik writes them. Variables are not expanded: `$` is part of the
/// pattern syntax.
pub(in crate::config) struct Patterns(pub(in crate::config) Vec<Spanned<String>>);

impl Value for Patterns {
    fn value_type() -> ValueType {
        let pattern = json!({ "type": ["string", "number"] });
        let schema = json!({ "anyOf": [pattern, { "type": "array", "items": pattern }] });
        one("list of patterns, or text with one pattern per line", schema)
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let mut patterns = Vec::new();
        if let Content::List(items) = &node.content {
            for (index, item) in items.iter().enumerate() {
                let location = location.item(index, item.at.line, item.at.column);
                let pattern = read::<Pattern>(item, location, reader);
                patterns.extend(pattern.map(|Spanned { location, value: Pattern(value) }| Spanned { location, value }));
            }
            return Some(Self(patterns));
        }
        let lines = text(node, location, reader)?;
        let one_by_one = matches!(&node.content, Content::One { style: Style::Lines, .. });
        for (number, line) in lines.lines().map(str::trim_end).enumerate() {
            if !line.trim().is_empty() {
                let below = if one_by_one { number } else { 0 };
                let location = location.item(patterns.len(), location.line + below, location.column);
                patterns.push(Spanned { location, value: line.to_owned() });
            }
        }
        Some(Self(patterns))
    }
}

struct Pattern(String);

impl Value for Pattern {
    fn value_type() -> ValueType {
        one("pattern", json!({ "type": ["string", "number"] }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        text(node, location, reader).map(|text| Self(text.to_string()))
    }
}

/// Networks as a list in the file: a value with a colon needs quotes in YAML.
pub(in crate::config) fn written_networks(networks: &[IpNet]) -> String {
    let quoted = |network: &IpNet| match network {
        IpNet::V4(network) => network.to_string(),
        IpNet::V6(network) => format!("'{network}'"),
    };
    let items: Vec<String> = networks.iter().map(quoted).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document;

    #[test]
    fn networks_are_written_as_they_are_read() {
        for texts in [&["127.0.0.0/8", "::1/128"][..], &["fd00::/8"], &[]] {
            let networks: Vec<IpNet> = texts.iter().map(|text| text.parse().expect("is a network")).collect();
            let node = document::parse(&written_networks(&networks)).expect("is YAML");
            let Content::List(items) = &node.content else { panic!("is a list") };
            let read = items.iter().map(|item| {
                let Content::One { text, .. } = &item.content else { panic!("is a text") };
                text.to_string()
            });
            assert_eq!(read.collect::<Vec<_>>(), texts);
        }
    }
}
