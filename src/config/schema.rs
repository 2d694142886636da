//! The JSON Schema (draft 2020-12) that editors use. It accepts what the reader accepts by structure; rules about
//! combinations of values are not in it.

use serde_json::{Map, Value as Json, json};

use super::document::{self, Content, Node};
use super::outline::{Field, Outline, Presence, ValueType};
use super::raw::File;
use super::value::Value as _;

/// The schema as text.
#[must_use]
pub fn schema() -> String {
    let mut schema = of(&File::value_type());
    if let Json::Object(members) = &mut schema {
        members.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        members.insert("title".into(), "Gatepost configuration".into());
        // The applications have exactly one source.
        let only = |name: &str, kind: &str| json!({ "required": [name], "properties": { name: { "type": kind } } });
        members.insert("oneOf".into(), json!([only("applications", "array"), only("authentik", "object")]));
    }
    format!("{schema:#}\n")
}

fn of(value_type: &ValueType) -> Json {
    match value_type {
        ValueType::One { schema, .. } => schema.clone(),
        ValueType::List(item) => json!({ "type": "array", "items": of(item) }),
        ValueType::Section(outline) => of_section(outline),
    }
}

fn of_section(outline: &Outline) -> Json {
    let required: Vec<&str> =
        outline.fields.iter().filter(|field| field.presence == Presence::Required).map(|field| field.name).collect();
    let properties: Map<String, Json> =
        outline.fields.iter().map(|field| (field.name.to_owned(), of_field(field))).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let (Json::Object(members), false) = (&mut schema, required.is_empty()) {
        members.insert("required".into(), required.into());
    }
    schema
}

/// A key without a value counts as not written, unless the key is required or must have a value.
fn of_field(field: &Field) -> Json {
    let mut schema = match (&field.presence, of(&field.value_type)) {
        (Presence::Required | Presence::Filled, schema) => schema,
        (Presence::Optional | Presence::Default(_), schema) => json!({ "anyOf": [schema, { "type": "null" }] }),
    };
    if let Json::Object(members) = &mut schema {
        members.insert("description".into(), field.doc.clone().into());
        if let (Presence::Default(default), false) =
            (&field.presence, matches!(field.value_type, ValueType::Section(_)))
        {
            let default = document::parse(default).map_or(Json::Null, |node| as_json(&node));
            members.insert("default".into(), default);
        }
    }
    schema
}

/// A default as JSON; defaults are texts, booleans, whole numbers and lists of these.
fn as_json(node: &Node) -> Json {
    match &node.content {
        Content::One { text, .. } => match text.parse::<u64>() {
            Ok(number) => number.into(),
            Err(_) => text.parse::<bool>().map_or_else(|_| Json::from(&**text), Json::from),
        },
        Content::List(items) => items.iter().map(as_json).collect(),
        Content::Section(_) | Content::Unusable(_) => Json::Null,
    }
}
