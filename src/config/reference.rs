//! The configuration reference in Markdown, generated from the declaration of the keys. `REFERENCE.md` is a copy; a test
//! checks that it is up to date.

use std::fmt::Write as _;

use super::outline::{Field, Outline, Presence, ValueType};
use super::raw::File;
use super::value::Value as _;

const HEAD: &str = include_str!("reference_head.md");

/// The reference as text.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    if let ValueType::Section(outline) = File::value_type() {
        for field in &outline.fields {
            section(&mut page, field.name, &field.doc, &field.value_type);
        }
    }
    page
}

/// Writes a heading and a table, and the same for every nested section.
fn section(page: &mut String, path: &str, doc: &str, value_type: &ValueType) {
    match value_type {
        ValueType::Section(outline) => {
            // Writing to a String cannot fail.
            let _ = write!(page, "\n## `{path}`\n\n{doc}\n");
            table(page, path, outline);
        }
        ValueType::List(item) => section(page, &format!("{path}[]"), doc, item),
        ValueType::One { .. } => {}
    }
}

fn table(page: &mut String, path: &str, outline: &Outline) {
    let (sections, keys): (Vec<&Field>, Vec<&Field>) =
        outline.fields.iter().partition(|field| is_section(&field.value_type));
    if !keys.is_empty() {
        page.push_str("\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n");
    }
    for field in keys {
        let default = match &field.presence {
            Presence::Required => "required".to_owned(),
            Presence::Optional | Presence::Filled => "none".to_owned(),
            Presence::Default(text) => format!("`{text}`"),
        };
        let doc = field.doc.replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {} | {default} | {doc} |", field.name, type_name(&field.value_type));
    }
    for field in sections {
        section(page, &format!("{path}.{}", field.name), &field.doc, &field.value_type);
    }
}

/// Whether it gets a table of its own.
fn is_section(value_type: &ValueType) -> bool {
    match value_type {
        ValueType::Section(_) => true,
        ValueType::List(item) => is_section(item),
        ValueType::One { .. } => false,
    }
}

fn type_name(value_type: &ValueType) -> String {
    match value_type {
        ValueType::One { name, .. } => name.clone(),
        ValueType::List(item) => format!("list of {}", type_name(item)),
        ValueType::Section(_) => "section".to_owned(),
    }
}
