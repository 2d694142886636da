//! A configuration without a file: four variables describe one application, or those of authentik's outpost say where the
//! applications come from. Everything else has its default.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::authentik;
use super::diagnostic::{Diagnostic, Diagnostics, Location};
use super::document::Node;
use super::expansion::Environment;
use super::loaded::Loaded;
use super::reader::Reader;
use super::understand::understand;

const EXTERNAL_HOST: &str = "GATEPOST_EXTERNAL_HOST";
const CLIENT_SECRET: &str = "GATEPOST_CLIENT_SECRET";
const CLIENT_SECRET_FILE: &str = "GATEPOST_CLIENT_SECRET_FILE";

/// Each variable and the key that it stands for.
const VARIABLES: [(&str, &str); 5] = [
    (EXTERNAL_HOST, "external_host"),
    ("GATEPOST_ISSUER", "issuer"),
    ("GATEPOST_CLIENT_ID", "client_id"),
    (CLIENT_SECRET, "client_secret"),
    (CLIENT_SECRET_FILE, "client_secret_file"),
];

/// The configuration from environment variables alone: authentik's, or a single application.
///
/// # Errors
/// All diagnostics; they name the variables.
pub fn load_environment(environment: Environment<'_>) -> Result<Loaded, Diagnostics> {
    match authentik::environment(environment)? {
        Some(outpost) => {
            let mut loaded = outpost.load(environment)?;
            loaded.warnings.extend(without_effect(environment));
            Ok(loaded)
        }
        None => one_application(environment),
    }
}

/// Warnings about the variables of a single application beside those of authentik's outpost.
fn without_effect(environment: Environment<'_>) -> impl Iterator<Item = Diagnostic> {
    let given = move |name: &str| environment(name).is_some_and(|value| !value.is_empty());
    VARIABLES.into_iter().filter(move |(name, _)| given(name)).map(|(name, _)| Diagnostic {
        source: "environment".into(),
        line: 0,
        column: 0,
        key: name.into(),
        problem: "it has no effect beside AUTHENTIK_HOST, with which authentik lists the applications".to_owned(),
        help: "remove one of the two".to_owned(),
    })
}

fn one_application(environment: Environment<'_>) -> Result<Loaded, Diagnostics> {
    let given = |name: &str| environment(name).filter(|value| !value.is_empty());
    let mut application: Vec<(&str, String)> =
        VARIABLES.iter().filter_map(|(name, key)| given(name).map(|value| (*key, value))).collect();
    if let Some(external_host) = given(EXTERNAL_HOST) {
        application.push(("name", host_of(&external_host).to_owned()));
    }
    let mut reader = Reader::new("environment", Path::new(""), environment);
    let missing: Vec<&str> =
        VARIABLES.iter().take(3).map(|(name, _)| *name).filter(|name| given(name).is_none()).collect();
    let secret_missing = given(CLIENT_SECRET).is_none() && given(CLIENT_SECRET_FILE).is_none();
    if missing.len() == 3 && secret_missing {
        let help = "give a file with --config, set the variables below for one application, or AUTHENTIK_HOST and AUTHENTIK_TOKEN in the place of authentik's outpost";
        reader.fault(&Location::new("configuration", 0, 0), "there is none", help);
    }
    for name in missing.iter().copied().chain(secret_missing.then_some(CLIENT_SECRET)) {
        reader.fault(&Location::new(name, 0, 0), "it is not set", help(name));
    }
    let complete = missing.is_empty() && !secret_missing;
    let loaded = if complete { understand(&section(application), reader) } else { reader.finish(None) };
    match loaded {
        Ok(Loaded { warnings, config, digests, files }) => {
            Ok(Loaded { warnings: renamed(warnings), config, digests, files })
        }
        Err(Diagnostics { faults, warnings, files }) => {
            Err(Diagnostics { faults: renamed(faults), warnings: renamed(warnings), files })
        }
    }
}

fn help(name: &str) -> String {
    let mut help = format!("set {name}");
    if name == CLIENT_SECRET {
        let _ = write!(help, " or {CLIENT_SECRET_FILE}");
    }
    help + ", or give a file with --config"
}

/// `wiki.example.com` of `https://wiki.example.com:8443/path`; it serves as the application's name.
fn host_of(external_host: &str) -> &str {
    let behind = external_host.split_once("://").map_or(external_host, |(_, behind)| behind);
    behind.split(['/', ':']).next().filter(|host| !host.is_empty()).unwrap_or(external_host)
}

/// The tree of a file with this one application.
fn section(application: Vec<(&str, String)>) -> Node {
    let application = Node::section(application.into_iter().map(|(name, value)| (name, Node::text(&value))));
    Node::section([("applications", Node::list([application]))])
}

/// Diagnostics whose keys are replaced by the variables that stand for them.
fn renamed(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let variable = |diagnostic: Diagnostic| {
        let key = diagnostic.key.strip_prefix("applications[0].").unwrap_or(&diagnostic.key);
        let name =
            VARIABLES.iter().find(|(_, of)| *of == key || matches!(key, "name" | "slug") && *of == "external_host");
        let key = name.map_or_else(|| Arc::clone(&diagnostic.key), |(name, _)| Arc::from(*name));
        Diagnostic { key, ..diagnostic }
    };
    diagnostics.into_iter().map(variable).collect()
}
