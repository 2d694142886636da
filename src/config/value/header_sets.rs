//! Sets of identity headers: one word, or a list of words.

use serde_json::json;

use super::{Choice, Value, one};
use crate::config::diagnostic::Location;
use crate::config::document::{Content, Node};
use crate::config::outline::ValueType;
use crate::config::reader::{Reader, Spanned};
use crate::domain::policy::identity_headers::HeaderSet;

/// The header sets that are sent; `none` for no set at all.
pub(in crate::config) struct HeaderSets(pub(in crate::config) Vec<Spanned<HeaderSet>>);

impl Choice for HeaderSet {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Authentik, "authentik"), (Self::Legacy, "legacy")];
}

impl Value for HeaderSets {
    fn value_type() -> ValueType {
        let list = json!({ "type": "array", "items": { "enum": ["authentik", "legacy"] } });
        let schema = json!({ "anyOf": [{ "enum": ["authentik", "legacy", "none"] }, list] });
        one("`authentik`, `legacy`, list of both, or `none`", schema)
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.content {
            Content::One { text, .. } if &**text == "none" => Some(Self(Vec::new())),
            Content::List(items) if items.is_empty() => {
                reader.fault(location, "the list is empty", "write `none`, or name a set");
                None
            }
            Content::List(_) => Vec::read(node, location, reader).map(Self),
            Content::One { .. } | Content::Section(_) | Content::Unusable(_) => {
                let help = "write authentik, legacy, a list of both, or none";
                let set = HeaderSet::CHOICES.iter().find(|(_, word)| is(node, word)).map(|(set, _)| *set);
                if set.is_none() {
                    reader.fault(location, "it is not one of the accepted values", help);
                }
                set.map(|value| Self(vec![Spanned { location: location.clone(), value }]))
            }
        }
    }
}

fn is(node: &Node, word: &str) -> bool {
    matches!(&node.content, Content::One { text, .. } if &**text == word)
}
