//! Settings of applications that come from elsewhere, by slug and external host.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Value, one, read, section_entries};
use crate::config::diagnostic::Location;
use crate::config::document::{Content, Key, Node};
use crate::config::outline::ValueType;
use crate::config::reader::{Reader, Spanned};
use crate::domain::http::ExternalHost;

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

/// The key that names the application by its address, beside the slug.
const EXTERNAL_HOST: &str = "external_host";

/// Settings that decide who gets in. A slug alone does not hold them to their application: it can be changed at the source.
const ACCESS_KEYS: [&str; 4] = ["allow", "basic", "bearer", "intercept_header_auth"];

/// The settings of each application, by its slug. Their values are read together with those of the source.
#[derive(Clone, Default)]
pub(in crate::config) struct Overlays(pub(in crate::config) BTreeMap<String, Overlay>);

/// The settings of one application.
#[derive(Clone, Default)]
pub(in crate::config) struct Overlay {
    /// The application's address, whatever its slug.
    pub(in crate::config) external_host: Option<ExternalHost>,
    /// The settings.
    pub(in crate::config) settings: Vec<(Key, Node)>,
}

impl Value for Overlays {
    fn value_type() -> ValueType {
        let keys: Vec<&str> = OVERLAY_KEYS.into_iter().chain([EXTERNAL_HOST]).collect();
        let needs_host = |key: &str| (key.to_owned(), json!([EXTERNAL_HOST]));
        let settings = json!({
            "type": "object",
            "propertyNames": { "enum": keys },
            "dependentRequired": ACCESS_KEYS.into_iter().map(needs_host).collect::<serde_json::Map<_, _>>(),
        });
        let schema = json!({ "type": "object", "additionalProperties": settings });
        one("section of `<slug>: <settings>`", schema)
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let mut overlays: BTreeMap<String, Overlay> = BTreeMap::new();
        let mut sound = true;
        for (key, node) in section_entries(node, location, reader)? {
            let slug = key.text.as_deref().unwrap_or_default();
            let at = location.inside_at(slug, key.at.line, key.at.column);
            let Content::Section(settings) = &node.content else {
                reader.fault(&at, "settings of an application are needed here", "write `key: value` lines");
                sound = false;
                continue;
            };
            let Some(overlay) = Overlay::read(settings, &at, reader) else {
                sound = false;
                continue;
            };
            let has_same_host = |(_, other): &(&String, &Overlay)| {
                overlay.external_host.is_some() && other.external_host == overlay.external_host
            };
            if let Some((other, _)) = overlays.iter().find(has_same_host) {
                let problem = format!("`{other}` has the same `external_host`");
                reader.fault(&at, problem, "write all settings of an application below one slug");
                sound = false;
            }
            if overlays.insert(slug.to_owned(), overlay).is_some() {
                reader.fault(&at, "the application occurs twice", "keep one of them");
                sound = false;
            }
        }
        sound.then_some(Self(overlays))
    }
}

impl Overlay {
    fn read(entries: &[(Key, Node)], location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let mut overlay = Self::default();
        let mut sound = true;
        for (key, node) in entries {
            let name = key.text.as_deref().unwrap_or_default();
            if name == EXTERNAL_HOST {
                let at = location.inside_at(name, key.at.line, key.at.column);
                overlay.external_host = external_host(node, at, reader);
                sound &= overlay.external_host.is_some();
            } else if OVERLAY_KEYS.contains(&name) {
                overlay.settings.push((key.clone(), node.clone()));
            } else {
                let at = Location::new(&location.key, key.at.line, key.at.column);
                let known = OVERLAY_KEYS.join(", ");
                let help = format!("known keys: {EXTERNAL_HOST}, {known}; authentik decides about everything else");
                reader.fault(&at, "there is no such key here", help);
                sound = false;
            }
        }
        let decides = |(key, _): &&(Key, Node)| ACCESS_KEYS.iter().any(|name| key.text.as_deref() == Some(name));
        let deciding = overlay.settings.iter().find(decides).filter(|_| overlay.external_host.is_none() && sound);
        if let Some((key, _)) = deciding {
            let name = key.text.as_deref().unwrap_or_default();
            let problem = format!(
                "`{name}` decides who gets in, and would be lost with the slug, which can be changed in authentik"
            );
            let help = format!("add `{EXTERNAL_HOST}: https://…`, the external host of the application's provider");
            reader.fault(&location.inside_at(name, key.at.line, key.at.column), problem, help);
            sound = false;
        }
        sound.then_some(overlay)
    }
}

fn external_host(node: &Node, location: Location, reader: &mut Reader<'_>) -> Option<ExternalHost> {
    let Spanned { location, value } = read::<String>(node, location, reader)?;
    let parsed = ExternalHost::parse(&value);
    parsed
        .map_err(|fault| reader.fault(&location, fault.to_string(), "write it as the provider has it in authentik"))
        .ok()
}
