//! Settings of applications that come from elsewhere, by slug.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Value, one, section_entries};
use crate::config::diagnostic::Location;
use crate::config::document::{Content, Key, Node};
use crate::config::outline::ValueType;
use crate::config::reader::Reader;

/// The keys of an application that the operator may set beside its source. Those that name the application, its addresses and
/// its client belong to the source.
pub(in crate::config) const OVERLAY_KEYS: [&str; 23] = [
    "access_token_validity",
    "additional_headers",
    "allow",
    "assertion",
    "authorization_parameters",
    "backend_allow",
    "basic",
    "bearer",
    "claim_headers",
    "cookie",
    "cors_origins",
    "email_verified",
    "end_session",
    "forward_parameters",
    "groups_claim",
    "headers",
    "intercept_header_auth",
    "jwt_headers",
    "pass_preflight",
    "response_mode",
    "scopes",
    "skip_networks",
    "skip_path_regex",
];

/// The settings of each application, by its slug. Their values are read together with those of the source.
#[derive(Clone, Default)]
pub(in crate::config) struct Overlays(pub(in crate::config) BTreeMap<String, Vec<(Key, Node)>>);

impl Value for Overlays {
    fn value_type() -> ValueType {
        let settings = json!({ "type": "object", "propertyNames": { "enum": OVERLAY_KEYS } });
        let schema = json!({ "type": "object", "additionalProperties": settings });
        one("section of `<slug>: <settings>`", schema)
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let mut overlays = BTreeMap::new();
        let mut sound = true;
        for (key, node) in section_entries(node, location, reader)? {
            let slug = key.text.as_deref().unwrap_or_default();
            let at = location.inside_at(slug, key.at.line, key.at.column);
            let Content::Section(settings) = &node.content else {
                reader.fault(&at, "settings of an application are needed here", "write `key: value` lines");
                sound = false;
                continue;
            };
            for (key, _) in settings {
                let name = key.text.as_deref().unwrap_or_default();
                if !OVERLAY_KEYS.contains(&name) {
                    let at = Location::new(&at.key, key.at.line, key.at.column);
                    let help =
                        format!("known keys: {}; authentik decides about everything else", OVERLAY_KEYS.join(", "));
                    reader.fault(&at, "there is no such key here", help);
                    sound = false;
                }
            }
            if overlays.insert(slug.to_owned(), settings.clone()).is_some() {
                reader.fault(&at, "the application occurs twice", "keep one of them");
                sound = false;
            }
        }
        sound.then_some(Self(overlays))
    }
}
