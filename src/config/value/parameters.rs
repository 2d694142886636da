//! Texts by name: parameters of an authorization request, header lines, attributes.

use serde_json::json;

use super::{Value, one, read, section_entries};
use crate::config::diagnostic::Location;
use crate::config::document::Node;
use crate::config::outline::ValueType;
use crate::config::reader::{Reader, Spanned};

/// Each entry that is written soundly: its name where the key is, and its value.
pub(in crate::config) struct Parameters(pub(in crate::config) Vec<(Spanned<String>, Spanned<String>)>);

impl Value for Parameters {
    fn value_type() -> ValueType {
        let values = json!({ "type": ["string", "number"], "minLength": 1 });
        one("section of `<name>: <text>`", json!({ "type": "object", "additionalProperties": values }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let mut parameters: Vec<(Spanned<String>, Spanned<String>)> = Vec::new();
        for (key, node) in section_entries(node, location, reader)? {
            let name = key.text.as_deref().unwrap_or_default().to_owned();
            let at = location.inside_at(&name, key.at.line, key.at.column);
            let Some(value) = read::<String>(node, at.clone(), reader) else { continue };
            if parameters.iter().any(|(earlier, _)| earlier.value == name) {
                reader.fault(&at, "it occurs twice", "keep one of them");
            }
            parameters.push((Spanned { location: at, value: name }, value));
        }
        Some(Self(parameters))
    }
}
