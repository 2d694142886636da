//! What the metadata announces about the provider itself.

use serde_json::{Map, Value};

use crate::outbound::finding::Finding;
use crate::outbound::provider::discovery::Discovered;

const PKCE: &str = "code_challenge_methods_supported";

/// The texts of a list in the metadata; `None` where there is no such list, which announces nothing.
pub(super) fn listed<'a>(members: &'a Map<String, Value>, name: &str) -> Option<Vec<&'a str>> {
    let Some(Value::Array(list)) = members.get(name) else { return None };
    Some(list.iter().filter_map(Value::as_str).collect())
}

/// A list as it is shown: values that are not longer than any that the standards define.
pub(super) fn shown(list: &[&str]) -> String {
    let short: Vec<&str> = list.iter().copied().filter(|value| value.len() <= 64).take(20).collect();
    format!("{short:?}")
}

/// `is_given`: the operator gives the endpoints, so nothing is announced.
pub(super) fn about(discovered: &Discovered, members: &Map<String, Value>, is_given: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for warning in &discovered.warnings {
        findings.push(Finding::warn("metadata", warning.as_str(), "correct the metadata of the provider"));
    }
    if is_given {
        return findings;
    }
    findings.push(match listed(members, PKCE) {
        Some(methods) if methods.contains(&"S256") => Finding::ok("pkce", format!("`{PKCE}` lists S256")),
        Some(methods) => {
            let text = format!("`{PKCE}` lists {} without S256, which Gatepost sends", shown(&methods));
            Finding::warn(
                "pkce",
                text,
                "a provider that ignores PKCE still works; enable S256 at the provider if it can",
            )
        }
        None => Finding::note(
            "pkce",
            format!("the metadata has no `{PKCE}`; Gatepost sends a challenge (S256) nevertheless"),
        ),
    });
    findings
}
