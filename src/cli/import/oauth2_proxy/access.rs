//! Who has access: `email_domains`, `authenticated_emails_file`, `allowed_groups` and `allowed_roles`, all of which must agree with a
//! user, and the requests that need no sign-in.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::settings::{Setting, Settings};
use crate::cli::import::application::ImportedApplication;
use crate::cli::import::pattern::ported;
use crate::cli::import::report::Report;
use crate::cli::yaml::{Section, Value};

/// Restrictions that are not in the provider's claims.
const RESTRICTIONS: [&str; 13] = [
    "keycloak_groups",
    "google_groups",
    "gitlab_groups",
    "gitlab_projects",
    "github_org",
    "github_team",
    "github_repo",
    "github_token",
    "github_users",
    "bitbucket_team",
    "bitbucket_repository",
    "azure_tenant",
    "entra_id_allowed_tenants",
];

pub(super) fn translate(
    settings: &mut Settings,
    folder: &Path,
    application: &mut ImportedApplication,
    report: &mut Report,
) {
    for name in RESTRICTIONS {
        if let Some(setting) = settings.take(name) {
            application.close("a restriction of oauth2-proxy has no counterpart");
            report.remains(
                &setting.place,
                "it restricts access by the provider's own interface, so the application is closed",
                "write `allow` rules with a claim that says the same",
            );
        }
    }
    let mails = mail_conditions(settings, folder, application, report);
    let groups = group_conditions(settings, report, application);
    application.rules = mails.iter().flat_map(|mail| groups.iter().map(|group| group.joined(mail))).collect();
    public_paths(settings, application, report);
}

/// The conditions of one rule.
#[derive(Clone, Debug, Default)]
struct Condition {
    /// A key with its values.
    key: Option<(&'static str, Vec<String>)>,
    /// A claim with its values.
    claim: Option<(String, Vec<Value>)>,
    comment: Option<&'static str>,
}

impl Condition {
    fn joined(&self, other: &Self) -> Section {
        let mut rule = Section::default();
        for comment in [self.comment, other.comment].into_iter().flatten() {
            rule.comment(comment);
        }
        for (key, values) in [&self.key, &other.key].into_iter().flatten() {
            rule.set(key, values.iter().map(String::as_str).collect::<Value>());
        }
        let claims = [&self.claim, &other.claim].into_iter().flatten().map(|(claim, values)| {
            let mut condition = Section::of("claim", claim.as_str());
            condition.set("values", Value::List(values.clone()));
            condition
        });
        let claims: Vec<Section> = claims.collect();
        if !claims.is_empty() {
            rule.set("claims", claims.into_iter().collect::<Value>());
        }
        rule
    }
}

fn mail_conditions(
    settings: &mut Settings,
    folder: &Path,
    application: &mut ImportedApplication,
    report: &mut Report,
) -> Vec<Condition> {
    let unverified = settings.take_permission("insecure_oidc_allow_unverified_email");
    for name in ["oidc_email_claim", "user_id_claim"] {
        if let Some(setting) = settings.take(name).filter(|setting| setting.text() != Some("email")) {
            application.close("oauth2-proxy compares another claim than `email`");
            let help = "write `allow` rules with this claim in `claims`";
            report.remains(&setting.place, "the mail address is in another claim, so the application is closed", help);
        }
    }
    let mut conditions = Vec::new();
    if let Some(setting) = settings.take("email_domains") {
        let written: Vec<String> =
            setting.texts().unwrap_or_default().iter().map(|text| text.to_ascii_lowercase()).collect();
        if written.iter().any(|domain| domain == "*") {
            conditions.push(any_address(&setting, unverified.is_some(), report));
        } else {
            conditions.extend(domains(&setting, written, unverified.as_ref(), report));
        }
    }
    if let Some(setting) = settings.take("authenticated_emails_file") {
        match listed_addresses(&setting, folder) {
            Ok(addresses) if addresses.is_empty() => {}
            Ok(addresses) => conditions.push(Condition { key: Some(("emails", addresses)), ..Condition::default() }),
            Err(cause) => {
                let help = "list the addresses in `emails` of a rule, or import again where the file is";
                report.remains(&setting.place, format!("the addresses are not taken over: {cause}"), help);
            }
        }
    }
    if conditions.is_empty() {
        let help = "write `allow`";
        report.remains(&application.place, "no address passes `email_domains` and `authenticated_emails_file`", help);
    }
    conditions
}

/// Any address that the provider does not call unverified. No rule can say that the claim is not `false`, so it has to be there.
fn any_address(setting: &Setting, takes_unverified: bool, report: &mut Report) -> Condition {
    let problem =
        "`*` lets users pass about whom the provider does not say `email_verified`; here the claim is required";
    let help = "write `anyone: true` in place of the claim, if every user of the provider may pass";
    report.remains(&setting.place, problem, help);
    let values: &[bool] = if takes_unverified { &[true, false] } else { &[true] };
    let values = values.iter().map(|flag| Value::from(*flag)).collect();
    let comment =
        Some("oauth2-proxy refuses users without an address, and an address that the provider calls unverified.");
    Condition { claim: Some(("email_verified".to_owned(), values)), comment, ..Condition::default() }
}

fn domains(
    setting: &Setting,
    written: Vec<String>,
    unverified: Option<&Setting>,
    report: &mut Report,
) -> Option<Condition> {
    let (below, exact): (Vec<_>, Vec<_>) = written.into_iter().partition(|domain| domain.starts_with(['.', '*']));
    if !below.is_empty() {
        let help = "list each domain in `email_domains` of a rule";
        report.remains(&setting.place, format!("{below:?} stand for all domains below, which no rule can name"), help);
    }
    match unverified {
        Some(setting) => {
            let help = "write a rule with another claim, if an unverified address is to pass";
            report.remains(&setting.place, "an unverified address matches no rule", help);
        }
        None => report.dropped(
            &setting.place,
            "an address counts if the provider says `email_verified: true`; `email_verified: assumed` accepts one without the claim, as oauth2-proxy does",
        ),
    }
    (!exact.is_empty()).then(|| Condition { key: Some(("email_domains", exact)), ..Condition::default() })
}

/// The first column of the file (CSV with comments).
fn listed_addresses(setting: &Setting, folder: &Path) -> Result<Vec<String>, String> {
    let path: PathBuf = folder.join(setting.text().ok_or("it is no path")?);
    let text = fs::read_to_string(&path).map_err(|error| format!("{} cannot be read ({error})", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let addresses = lines.filter_map(|line| line.split(',').next()).map(|address| address.trim().trim_matches('"'));
    Ok(addresses.filter(|address| !address.is_empty()).map(str::to_ascii_lowercase).collect())
}

fn group_conditions(
    settings: &mut Settings,
    report: &mut Report,
    application: &mut ImportedApplication,
) -> Vec<Condition> {
    if let Some(setting) = settings.take("oidc_groups_claim").filter(|setting| setting.text() != Some("groups")) {
        if let Some(claim) = setting.text() {
            application.settings.set("groups_claim", Section::of("path", claim_path(claim)));
        } else {
            application.close("the claim with the groups is not known");
            report.remains(&setting.place, "it is no name of a claim", "write `groups_claim`");
        }
    }
    let (groups, roles) = (settings.take("allowed_groups"), settings.take("allowed_roles"));
    if groups.is_none() && roles.is_none() {
        return vec![Condition::default()];
    }
    let mut conditions = Vec::new();
    if let Some(setting) = groups {
        match setting.texts() {
            Some(texts) => {
                let texts = texts.into_iter().map(str::to_owned).collect();
                conditions.push(Condition { key: Some(("groups", texts)), ..Condition::default() });
            }
            None => report.remains(&setting.place, "it is no list of groups", "write `groups` in `allow`"),
        }
    }
    if let Some(setting) = roles {
        for role in setting.texts().unwrap_or_default() {
            // A role of a client is written with the client's name.
            let (path, role) = match role.split_once(':') {
                Some((client, role)) => (format!("/resource_access/{}/roles", pointer_token(client)), role),
                None => ("/realm_access/roles".to_owned(), role),
            };
            let claim = Some((path, vec![Value::from(role)]));
            conditions.push(Condition { claim, ..Condition::default() });
        }
        let help = "let Keycloak add the roles to the ID Token (mapper of the client scope `roles`)";
        report.remains(&setting.place, "roles are read from ID Token and UserInfo, not from the access token", help);
    }
    conditions
}

/// A claim as a setting names it: a name with slashes becomes a JSON Pointer (RFC 6901).
pub(super) fn claim_path(claim: &str) -> String {
    if claim.contains('/') { format!("/{}", pointer_token(claim)) } else { claim.to_owned() }
}

fn pointer_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn public_paths(settings: &mut Settings, application: &mut ImportedApplication, report: &mut Report) {
    const HELP: &str =
        "write `skip_path_regex`, which applies to every method, if these requests may pass without a sign-in";
    let routes = [settings.take("skip_auth_regex"), settings.take("skip_auth_routes")];
    for (setting, has_method) in routes.into_iter().zip([false, true]) {
        let Some(setting) = setting else { continue };
        let Some(patterns) = setting.texts() else {
            report.remains(&setting.place, "it is no list of expressions", HELP);
            continue;
        };
        for written in patterns {
            if has_method && written.contains('=') {
                report.remains(&setting.place, format!("{written:?} is for one method, or for all other paths"), HELP);
                continue;
            }
            match (ported(written), &application.cookie_domain) {
                (Err(cause), _) => report.remains(&setting.place, format!("{written:?}: {cause}"), HELP),
                (Ok(pattern), None) if Regex::new(&pattern).is_ok_and(|compiled| compiled.is_match("")) => {
                    let problem = format!("{written:?} matches the empty text, and so every path");
                    report.remains(
                        &setting.place,
                        problem,
                        "write `^/` into `skip_path_regex`, if every path is to be public",
                    );
                }
                (Ok(pattern), None) => application.public.push(pattern),
                (Ok(pattern), Some(_)) => match below_any_host(&pattern) {
                    Some(pattern) => application.public.push(pattern),
                    None => report.remains(&setting.place, format!("{written:?} could match a host, too"), HELP),
                },
            }
        }
    }
    if let Some(setting) = settings.take_permission("skip_auth_preflight") {
        application.pass_preflight = true;
        report.dropped(&setting.place, "CORS preflights pass; other OPTIONS requests need a sign-in");
    }
    if let Some(setting) = settings.take("trusted_ips") {
        let problem =
            "the front proxy decides which address of the client Gatepost sees, so these addresses are not taken over";
        let help = "write `skip_networks` once you know that it is the client's own (docs/applications.md, Addresses)";
        report.remains(&setting.place, problem, help);
    }
}

/// An expression about the path, for mode `forward_domain`, in which it sees the URL.
fn below_any_host(pattern: &str) -> Option<String> {
    // A repetition would make the slash before it optional, and what follows would match the end of a host.
    let is_about_path = |rest: &&str| !rest.contains('|') && !rest.starts_with(['?', '*', '{', '+']);
    let path = pattern.strip_prefix("^/").filter(is_about_path)?;
    Some(format!("^https://[^/?#]+/{path}"))
}
