//! The schema of the audit events: it is made from the types, and the document has the same.

use std::path::Path;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::*;

/// The JSON Schema (draft 2020-12) of a line. `time` stands beside the members of each event.
fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = serde_json::to_value(generator.into_root_schema_for::<AuditEvent>()).unwrap();
    schema["title"] = "Gatepost audit event".into();
    schema["description"] = "A line of the audit stream.".into();
    for event in schema["oneOf"].as_array_mut().unwrap() {
        let time = "When it happened: RFC 3339, UTC, with milliseconds.";
        event["properties"]["time"] = json!({ "type": "string", "format": "date-time", "description": time });
        event["required"].as_array_mut().unwrap().insert(0, "time".into());
        event["additionalProperties"] = false.into();
    }
    for (_, definition) in schema["$defs"].as_object_mut().unwrap() {
        if definition["type"] == "object" {
            definition["additionalProperties"] = false.into();
        }
    }
    without_null(&mut schema);
    format!("{schema:#}\n")
}

/// A member without a value is left out, so `null` never occurs.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get("type") {
                let [found, _] = types.as_slice() else { panic!("a type, or null: {types:?}") };
                let found = found.clone();
                members.insert("type".to_owned(), found);
            }
            if let Some(Value::Array(choices)) = members.get("anyOf") {
                let [Value::Object(found), _] = choices.as_slice() else { panic!("a schema, or null: {choices:?}") };
                let found = found.clone();
                members.remove("anyOf");
                members.extend(found);
            }
            members.values_mut().for_each(without_null);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_document_has_the_schema_of_the_events() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.schema.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, schema()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), schema(), "write it by BLESS=1 cargo test --lib audit");
}

#[test]
fn every_event_and_every_word_is_explained() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.md")).unwrap();
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let events = schema["oneOf"].as_array().unwrap();
    let events = events.iter().map(|event| event["properties"]["event"]["const"].as_str().unwrap());
    let definitions = schema["$defs"].as_object().unwrap().values();
    let words = definitions.filter_map(|definition| definition["oneOf"].as_array()).flatten();
    let words = words.map(|word| word["const"].as_str().unwrap());
    let all: Vec<&str> = events.chain(words).collect();
    assert!(all.len() > 30, "{all:?}");
    for word in all {
        assert!(page.contains(&format!("`{word}`")), "docs/audit.md does not explain `{word}`");
    }
}
