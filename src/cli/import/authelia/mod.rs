//! `gatepost import authelia`: access control and session settings. Authelia is a provider itself: its users, passwords and second
//! factors do not become part of Gatepost, and can stay where they are, behind Authelia's own OpenID Connect.

mod access;
mod lifetime;
mod region;
mod rule;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::application::{ImportedApplication, Secret};
use super::arguments::Given;
use super::fault::ImportFault;
use super::node::Placed;
use super::report::{Place, Report};
use super::translation::{Translation, host_of, name_of, read};
use crate::cli::yaml::{Section, Value};
use crate::config::document;
use rule::{Policy, Rule};

/// Sections that set up Authelia itself.
const OWN: [(&str, &str); 20] = [
    ("authentication_backend", "users and passwords stay at the provider, which Authelia can be"),
    ("identity_providers", "register Gatepost as a client there, if Authelia is the provider"),
    ("identity_validation", "it belongs to the provider"),
    ("password_policy", "it belongs to the provider"),
    ("privacy_policy", "it belongs to the provider"),
    ("regulation", "it belongs to the provider"),
    ("totp", "second factors stay at the provider"),
    ("webauthn", "second factors stay at the provider"),
    ("duo_api", "second factors stay at the provider"),
    ("default_2fa_method", "second factors stay at the provider"),
    ("storage", "it belongs to the provider"),
    ("notifier", "it belongs to the provider"),
    ("ntp", "it belongs to the provider"),
    ("jwt_secret", "it belongs to the provider"),
    ("certificates_directory", "it belongs to the provider"),
    ("default_redirection_url", "a sign-in returns to the page that was asked for"),
    ("theme", "Gatepost has pages of its own (docs/pages.md)"),
    ("server", "the listeners of Gatepost are those of `listen`"),
    ("log", "Gatepost logs in its own format"),
    ("telemetry", "Gatepost has metrics of its own (docs/metrics.md)"),
];

/// Translates the file into one application for each host.
pub(super) fn translate(path: &Path, given: &Given) -> Result<Translation, ImportFault> {
    let text = read(path)?;
    let file: Arc<str> = path.display().to_string().into();
    let unusable = |line: String| ImportFault::Unusable(vec![format!("{file}:{line}")]);
    let root = document::parse(&text).map_err(|fault| {
        unusable(format!("{}: the file is not usable YAML: {}; {}", fault.at.line, fault.problem, fault.help))
    })?;
    let root = Placed::root(&file, &root);
    let Some(entries) = root.entries() else {
        return Err(unusable(
            " the file is no section, or a key occurs twice; name a configuration of Authelia".to_owned(),
        ));
    };
    let mut report = Report::default();
    let Some(access_control) = root.get("access_control") else {
        return Err(unusable(" there is no `access_control`; name the file that has it".to_owned()));
    };
    for (key, value) in &entries {
        let reason = OWN.iter().find(|(own, _)| own == key).map(|(_, reason)| *reason);
        match (reason, *key) {
            (Some(reason), _) => report.dropped(&value.place, reason),
            (None, "access_control" | "session" | "definitions") => {}
            (None, _) => report.dropped(&value.place, "it is not known here, and decides nothing about access"),
        }
    }
    let portals = portals(&root);
    let issuer = given.issuer.clone().or_else(|| portals.first().map(|url| url.trim_end_matches('/').to_owned()));
    let issuer =
        issuer.ok_or_else(|| unusable(" no `authelia_url` names the provider; name it with --issuer".to_owned()))?;
    let Some(client_id) = given.client_id.clone() else {
        return Err(unusable(
            " the client ID of Gatepost at the provider is needed; name it with --client-id".to_owned(),
        ));
    };
    let rules = rules(&access_control, &mut report);
    let session = lifetime::translate(root.get("session").as_ref(), &mut report);
    // Authelia sends the claim `groups` for this scope only.
    let mut settings = Section::of("scopes", ["openid", "profile", "email", "groups"].into_iter().collect::<Value>());
    settings.append(session.application);
    let shared = Shared { issuer, client_id, settings };
    let hosts = hosts(&rules, given, &portals, &mut report);
    let applications =
        hosts.values().map(|url| application(url, &shared, &rules, &Place::of_file(&file), &mut report)).collect();
    notes(&root.place, &rules, &shared, &portals, &mut report);
    Ok(Translation { applications, sections: session.sections, report })
}

/// What all applications share.
struct Shared {
    issuer: String,
    client_id: String,
    settings: Section,
}

fn application(url: &str, shared: &Shared, rules: &[Rule], place: &Place, report: &mut Report) -> ImportedApplication {
    let mut application = ImportedApplication {
        place: place.clone(),
        name: name_of(url),
        external_host: url.to_owned(),
        cookie_domain: None,
        issuer: shared.issuer.clone(),
        client_id: shared.client_id.clone(),
        secret: Secret::Variable("GATEPOST_CLIENT_SECRET"),
        settings: shared.settings.clone(),
        public: Vec::new(),
        pass_preflight: false,
        rules: Vec::new(),
        closed: None,
    };
    let name = name_without_port(host_of(url)).to_ascii_lowercase();
    access::translate(rules, &name, &mut application, report);
    application
}

/// The host as Authelia compares it: without port, and an IPv6 address without brackets.
fn name_without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// The addresses of Authelia's own pages.
fn portals(root: &Placed<'_>) -> Vec<String> {
    let cookies = root.get("session").and_then(|session| session.get("cookies"));
    let cookies = cookies.map(|cookies| cookies.one_or_more()).unwrap_or_default();
    cookies.iter().filter_map(|cookie| cookie.get("authelia_url")?.text().map(str::to_owned)).collect()
}

fn rules(access_control: &Placed<'_>, report: &mut Report) -> Vec<Rule> {
    let written = access_control.get("rules");
    let mut rules: Vec<Rule> = match written.as_ref().map(|written| (written, written.items())) {
        None => Vec::new(),
        Some((_, Some(items))) => items.iter().map(|item| Rule::read(item, report)).collect(),
        Some((written, None)) => vec![Rule::read(written, report)],
    };
    let default = access_control.get("default_policy");
    let policy = default.as_ref().map_or(Some(Policy::Deny), |default| default.text().and_then(Policy::parse));
    let place = default.map_or_else(|| access_control.place.clone(), |default| default.place);
    if policy.is_none() {
        report.remains(&place, "the policy is not known, and counts as `deny`", "write a rule without `paths`");
    }
    rules.push(Rule::default(place, policy.unwrap_or(Policy::Deny)));
    rules
}

/// The addresses of hosts that rules name, and those of the command line, without Authelia's own.
fn hosts(rules: &[Rule], given: &Given, portals: &[String], report: &mut Report) -> BTreeMap<String, String> {
    let named = rules.iter().flat_map(Rule::named_hosts).map(|host| (host.to_owned(), format!("https://{host}")));
    let mut hosts: BTreeMap<String, String> = named.collect();
    for portal in portals {
        hosts.remove(host_of(portal));
    }
    hosts.extend(given.hosts.iter().map(|url| (host_of(url).to_ascii_lowercase(), url.clone())));
    for rule in rules.iter().rev().skip(1).filter(|rule| rule.has_open_hosts()) {
        let problem =
            "the rule is about hosts that it does not name; only hosts that some rule names become applications";
        report.remains(&rule.place, problem, "name the others with --host");
    }
    hosts
}

/// What holds for the translation as a whole.
fn notes(place: &Place, rules: &[Rule], shared: &Shared, portals: &[String], report: &mut Report) {
    if rules.iter().any(|rule| rule.policy == Policy::TwoFactor) {
        let problem = "`two_factor` asks for the value `mfa` in the claim `amr`, which Authelia's ID Tokens have";
        report.dropped(place, problem);
    }
    for rule in rules.iter().filter(|rule| rule.allows_nothing()) {
        let problem = "an expression of the rule is no path with all that is below it, and allows nothing";
        report.remains(&rule.place, problem, "write a rule with `paths`, if that is enough");
    }
    let is_authelia = portals.iter().any(|portal| portal.trim_end_matches('/') == shared.issuer);
    if !is_authelia && rules.iter().any(|rule| !rule.subjects.is_empty()) {
        let problem = format!(
            "users and groups of the rules are those of {} here, by `preferred_username` and `groups`",
            shared.issuer
        );
        let help = "compare their names; no user may choose his `preferred_username` there";
        report.remains(place, problem, help);
    }
}
