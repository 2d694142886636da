//! The sources of settings: the configuration file (TOML), variables `OAUTH2_PROXY_…`, and the alpha configuration (YAML), whose keys
//! are translated to those of the configuration file.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settings::{Given, Settings};
use crate::cli::import::node::Placed;
use crate::cli::import::report::Place;
use crate::config::document;

/// The alpha configuration's keys of a provider.
const ALPHA: [(&str, &str); 33] = [
    ("clientID", "client_id"),
    ("clientSecret", "client_secret"),
    ("clientSecretFile", "client_secret_file"),
    ("provider", "provider"),
    ("id", "provider_id"),
    ("name", "provider_display_name"),
    ("caFiles", "provider_ca_files"),
    ("useSystemTrustStore", "use_system_trust_store"),
    ("loginURL", "login_url"),
    ("redeemURL", "redeem_url"),
    ("profileURL", "profile_url"),
    ("skipClaimsFromProfileURL", "skip_claims_from_profile_url"),
    ("resource", "resource"),
    ("validateURL", "validate_url"),
    ("scope", "scope"),
    ("allowedGroups", "allowed_groups"),
    ("code_challenge_method", "code_challenge_method"),
    ("backendLogoutURL", "backend_logout_url"),
    ("authRequestResponseMode", "auth-request-response-mode"),
    ("keycloakConfig.roles", "allowed_roles"),
    ("oidcConfig.issuerURL", "oidc_issuer_url"),
    ("oidcConfig.insecureAllowUnverifiedEmail", "insecure_oidc_allow_unverified_email"),
    ("oidcConfig.insecureSkipIssuerVerification", "insecure_oidc_skip_issuer_verification"),
    ("oidcConfig.insecureSkipNonce", "insecure_oidc_skip_nonce"),
    ("oidcConfig.skipDiscovery", "skip_oidc_discovery"),
    ("oidcConfig.jwksURL", "oidc_jwks_url"),
    ("oidcConfig.emailClaim", "oidc_email_claim"),
    ("oidcConfig.groupsClaim", "oidc_groups_claim"),
    ("oidcConfig.audienceClaims", "oidc_audience_claims"),
    ("oidcConfig.extraAudiences", "oidc_extra_audiences"),
    ("oidcConfig.enabledSigningAlgs", "oidc_enabled_signing_algs"),
    ("googleConfig.group", "google_groups"),
    ("gitlabConfig.group", "gitlab_groups"),
];

/// Reads a configuration file.
pub(super) fn read_toml(file: &Arc<str>, text: &str, settings: &mut Settings) -> Result<(), String> {
    let line = |offset: usize| text.get(..offset).map_or(0, |before| before.matches('\n').count() + 1);
    let table = DeTable::parse(text).map_err(|fault| {
        let at = fault.span().map_or(0, |span| line(span.start));
        format!("{file}:{at}: the file is not usable TOML: {}; correct it, or name another", fault.message())
    })?;
    for (key, value) in table.get_ref() {
        let place = Place { file: Arc::clone(file), line: line(key.span().start), key: key.get_ref().to_string() };
        settings.add(key.get_ref(), place, given(value));
    }
    Ok(())
}

fn given(value: &Spanned<DeValue<'_>>) -> Given {
    let Some(items) = value.get_ref().as_array() else { return single(value).map_or(Given::Other, Given::One) };
    let texts: Option<Vec<String>> = items.iter().map(single).collect();
    texts.map_or(Given::Other, Given::List)
}

fn single(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Reads variables, a line `NAME=value` for each. Variables of other programs are left alone.
pub(super) fn read_environment(file: &Arc<str>, text: &str, settings: &mut Settings) -> Result<(), String> {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(format!(
                "{file}:{number}: the line is not of the form NAME=value; correct it, or name another file"
            ));
        };
        let Some(key) = name.trim().strip_prefix("OAUTH2_PROXY_") else { continue };
        if value.contains(" #") {
            return Err(format!(
                "{file}:{number}: some programs read `#` after a value as a comment, others as a part of it; remove it"
            ));
        }
        let place = Place { file: Arc::clone(file), line: number, key: name.trim().to_owned() };
        settings.add(&key.to_ascii_lowercase(), place, Given::One(unquoted(value.trim()).to_owned()));
    }
    Ok(())
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// Reads an alpha configuration. Keys that are not known here keep their own path as name.
pub(super) fn read_alpha(file: &Arc<str>, text: &str, settings: &mut Settings) -> Result<(), String> {
    let root = document::parse(text).map_err(|fault| {
        format!("{file}:{}: the file is not usable YAML: {}; {}", fault.at.line, fault.problem, fault.help)
    })?;
    let root = Placed::root(file, &root);
    let Some(entries) = root.entries() else {
        return Err(format!("{file}: the file is no section, or a key occurs twice; name the alpha configuration"));
    };
    for (key, value) in entries {
        match (key, value.items().as_deref()) {
            ("providers", Some([provider])) => read_provider(provider, "", settings),
            ("injectRequestHeaders" | "injectResponseHeaders", _) => settings.add_header_injection(key, &value),
            _ => settings.add(key, value.place.clone(), Given::Other),
        }
    }
    Ok(())
}

fn read_provider(section: &Placed<'_>, path: &str, settings: &mut Settings) {
    let Some(entries) = section.entries() else {
        return settings.add("providers", section.place.clone(), Given::Other);
    };
    for (key, value) in entries {
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let known = ALPHA.iter().find(|(alpha, _)| *alpha == path).map(|(_, name)| *name);
        match known {
            Some(name) => settings.add(name, value.place.clone(), given_node(&value)),
            None if value.entries().is_some() => read_provider(&value, &path, settings),
            None => settings.add(&format!("providers[0].{path}"), value.place.clone(), Given::Other),
        }
    }
}

fn given_node(value: &Placed<'_>) -> Given {
    match (value.text(), value.texts()) {
        (Some(text), _) => Given::One(text.to_owned()),
        (None, Some(list)) => Given::List(list.into_iter().map(str::to_owned).collect()),
        (None, None) => Given::Other,
    }
}

impl Settings {
    /// Headers from claims: a list of `name=claim` under the key's own name.
    fn add_header_injection(&mut self, key: &str, value: &Placed<'_>) {
        let headers: Option<Vec<String>> = value.items().unwrap_or_default().iter().map(injected_header).collect();
        self.add(key, value.place.clone(), headers.map_or(Given::Other, Given::List));
    }
}

/// `name=claim` of a header with one claim as its value.
fn injected_header(header: &Placed<'_>) -> Option<String> {
    let name = header.get("name")?;
    let values = header.get("values")?.items()?;
    let [value] = &values[..] else { return None };
    // Since version 7.14 below `claimSource`.
    let source = value.get("claimSource").unwrap_or_else(|| value.clone());
    let prefix = source.get("prefix");
    let is_plain = source.get("basicAuthPassword").is_none()
        && prefix.as_ref().is_none_or(|prefix| prefix.text() == Some("Bearer "));
    let claim = source.get("claim")?;
    is_plain.then(|| Some(format!("{}={}", name.text()?, claim.text()?)))?
}
