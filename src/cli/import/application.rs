//! An application as it is translated. Whether it lets anybody in is decided in one place: [`ImportedApplication::to_section`].

use super::report::Place;
use crate::cli::yaml::{Section, Value};

/// An address that no provider can verify, because the domain does not exist (RFC 6761 section 6.4).
pub(super) const NO_ADDRESS: &str = "closed@import.invalid";

/// Where the client secret will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    /// A public client has none.
    None,
    /// In this environment variable.
    Variable(&'static str),
    /// In this file.
    File(String),
}

/// An application as it is translated.
#[derive(Clone, Debug)]
pub(super) struct ImportedApplication {
    /// Where it comes from.
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) external_host: String,
    /// The domain whose hosts are all protected by one sign-in.
    pub(super) cookie_domain: Option<String>,
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) secret: Secret,
    /// Further settings, which decide nothing about access.
    pub(super) settings: Section,
    /// Regular expressions of public paths.
    pub(super) public: Vec<String>,
    pub(super) pass_preflight: bool,
    /// The access rules. Without any, nobody has access.
    pub(super) rules: Vec<Section>,
    /// Why nobody has access, if the rules of the other program cannot be translated.
    pub(super) closed: Option<&'static str>,
}

impl ImportedApplication {
    /// Denies everything: a rule that cannot be translated could deny what the others allow.
    pub(super) fn close(&mut self, reason: &'static str) {
        self.closed.get_or_insert(reason);
    }

    /// The section. `is_checked`: for a check on this machine, where the secret is not in its file yet.
    pub(super) fn to_section(&self, is_checked: bool) -> Section {
        let mut section = Section::of("name", self.name.as_str());
        section.set("external_host", self.external_host.as_str());
        if let Some(domain) = &self.cookie_domain {
            section.set("mode", "forward_domain");
            section.set("cookie_domain", domain.as_str());
        }
        section.set("issuer", self.issuer.as_str());
        section.set("client_id", self.client_id.as_str());
        match &self.secret {
            Secret::None => section.set("token_endpoint_auth_method", "none"),
            Secret::File(_) if is_checked => section.set("client_secret", Value::Word("${CHECKED}".to_owned())),
            Secret::Variable(name) => section.set("client_secret", Value::Word(format!("${{{name}}}"))),
            Secret::File(path) => section.set("client_secret_file", path.as_str()),
        }
        section.append(self.settings.clone());
        let reason = self.closed.or(self.rules.is_empty().then_some("no rule lets anybody in"));
        let mut rules = self.rules.clone();
        if let Some(reason) = reason {
            section.comment(&format!("Closed: {reason}."));
            rules = vec![closed_rule()];
        } else {
            if !self.public.is_empty() {
                section.set("skip_path_regex", self.public.iter().map(String::as_str).map(pattern).collect::<Value>());
            }
            if self.pass_preflight {
                section.set("pass_preflight", true);
            }
        }
        section.set("allow", rules.into_iter().collect::<Value>());
        section
    }
}

/// Variables are not replaced in a pattern, so nothing is escaped for them.
fn pattern(text: &str) -> Value {
    Value::Word(serde_json::Value::from(text).to_string())
}

/// A rule that matches no user.
pub(super) fn closed_rule() -> Section {
    let mut rule = Section::default();
    rule.comment("Matches no user: the domain `.invalid` does not exist. Write the intended rule in its place.");
    rule.set("emails", [NO_ADDRESS].into_iter().collect::<Value>());
    rule
}
