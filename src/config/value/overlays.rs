//! Settings of applications that come from elsewhere, by slug and external host.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Value, one, read, section_entries};
use crate::config::diagnostic::Location;
use crate::config::document::{Content, Key, Node};
use crate::config::outline::ValueType;
use crate::config::reader::{Reader, Spanned};
use crate::config::section::{help_with_unknown, printable};
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

/// Settings that decide who gets in, or that hand on tokens. A slug alone does not hold them to their application: it can be changed at
/// the source.
const ACCESS_KEYS: [&str; 12] = [
    "allow",
    "backend_allow",
    "basic",
    "bearer",
    "claim_headers",
    "email_verified",
    "groups_claim",
    "intercept_header_auth",
    "jwt_headers",
    "pass_preflight",
    "skip_networks",
    "skip_path_regex",
];

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
        for (key, node) in section_entries(node, location, reader)? {
            let slug = key.text.as_deref().unwrap_or_default();
            let at = location.inside_at(slug, key.at.line, key.at.column);
            let Content::Section(settings) = &node.content else {
                reader.fault(&at, "settings of an application are needed here", "write `key: value` lines");
                continue;
            };
            let overlay = Overlay::read(settings, &at, reader);
            let has_same_host = |(_, other): &(&String, &Overlay)| {
                overlay.external_host.is_some() && other.external_host == overlay.external_host
            };
            if let Some((other, _)) = overlays.iter().find(has_same_host) {
                let problem = format!("`{other}` has the same `external_host`");
                reader.fault(&at, problem, "write all settings of an application below one slug");
            }
            if overlays.insert(slug.to_owned(), overlay).is_some() {
                reader.fault(&at, "the application occurs twice", "keep one of them");
            }
        }
        // The faults above refuse the file; what else is wrong in it is reported with them.
        Some(Self(overlays))
    }
}

impl Overlay {
    /// What can be read; diagnostics are recorded about the rest.
    fn read(entries: &[(Key, Node)], location: &Location, reader: &mut Reader<'_>) -> Self {
        let mut overlay = Self::default();
        let mut names_host = false;
        for (key, node) in entries {
            let name = key.text.as_deref().unwrap_or_default();
            if name == EXTERNAL_HOST {
                let at = location.inside_at(name, key.at.line, key.at.column);
                overlay.external_host = external_host(node, at, reader);
                names_host = true;
            } else if OVERLAY_KEYS.contains(&name) {
                overlay.settings.push((key.clone(), node.clone()));
            } else {
                let at = location.inside_at(&printable(name), key.at.line, key.at.column);
                let known: Vec<&'static str> = OVERLAY_KEYS.into_iter().chain([EXTERNAL_HOST]).collect();
                let help = format!("{}; authentik decides about everything else", help_with_unknown(name, &known));
                reader.fault(&at, "there is no such key here", help);
            }
        }
        let decides = |(key, _): &&(Key, Node)| ACCESS_KEYS.iter().any(|name| key.text.as_deref() == Some(name));
        let deciding = overlay.settings.iter().find(decides).filter(|_| !names_host);
        if let Some((key, _)) = deciding {
            let name = key.text.as_deref().unwrap_or_default();
            let problem = format!(
                "`{name}` decides who gets in or what an application learns, and a slug can be changed in authentik"
            );
            let help = format!("add `{EXTERNAL_HOST}: https://…`, the external host of the application's provider");
            reader.fault(&location.inside_at(name, key.at.line, key.at.column), problem, help);
        }
        overlay
    }
}

fn external_host(node: &Node, location: Location, reader: &mut Reader<'_>) -> Option<ExternalHost> {
    let Spanned { location, value } = read::<String>(node, location, reader)?;
    let parsed = ExternalHost::parse(&value);
    parsed
        .map_err(|fault| reader.fault(&location, fault.to_string(), "write it as the provider has it in authentik"))
        .ok()
}
