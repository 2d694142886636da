//! From a provider that authentik lists to an application: written as the configuration file would have it, and then read and
//! checked by the same code.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret as _;

use crate::config::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::config::digests::SettingDigests;
use crate::config::document::{Content, Key, Node};
use crate::config::duration;
use crate::config::expansion::{escape, expand};
use crate::config::raw;
use crate::config::reader::Reader;
use crate::config::resolved::applications;
use crate::config::value::{Choice as _, Overlay, Value as _};
use crate::domain::application::Application;
use crate::domain::application::endpoints::Prefixes;
use crate::domain::http::ExternalHost;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::policy::identity_headers::Budget;
use crate::domain::policy::{PatternFaultCause, PublicPaths};
use crate::outbound::authentik::{
    BrowserAddress, Endpoints, Hosts, Outpost, ProxyMode, ProxyOutpostConfig, ServerAddress, redirect_uri,
};
use crate::server::{ApplicationMapping, MappedApplication, OverlayTarget};

/// The settings that the operator gives to an application beside authentik.
type Settings = [(Key, Node)];

/// Makes applications of the providers that authentik lists.
#[derive(Clone)]
pub(in crate::config) struct ProviderMapping {
    host_browser: Option<BrowserAddress>,
    allows_plain_http: bool,
    prefixes: Prefixes,
    budget: Budget,
    /// The name of the file with the overlays, and the folder of files that they name.
    source: String,
    folder: PathBuf,
    overlays: BTreeMap<String, Overlay>,
}

impl fmt::Debug for ProviderMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overlays: Vec<&String> = self.overlays.keys().collect();
        f.debug_struct("ProviderMapping").field("overlays", &overlays).finish_non_exhaustive()
    }
}

impl ProviderMapping {
    pub(in crate::config) fn new(
        host: &ServerAddress,
        host_browser: Option<BrowserAddress>,
        prefixes: Prefixes,
        budget: Budget,
    ) -> Self {
        // The operator chose a network that he trusts, and everything else comes over it, too.
        let is_plain = |address: String| address.starts_with("http:");
        let allows_plain_http =
            is_plain(host.to_string()) || host_browser.as_ref().is_some_and(|host| is_plain(host.to_string()));
        let (source, folder, overlays) = (String::new(), PathBuf::new(), BTreeMap::new());
        Self { host_browser, allows_plain_http, prefixes, budget, source, folder, overlays }
    }

    /// With the operator's settings for single applications; on `None` diagnostics have been recorded.
    pub(in crate::config) fn with_overlays(
        mut self,
        overlays: BTreeMap<String, Overlay>,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        reader.source().clone_into(&mut self.source);
        self.folder = reader.resolve(Path::new(""));
        let mut is_sound = true;
        for (slug, mut overlay) in overlays {
            for (_, node) in &mut overlay.settings {
                // A variable that is not set is a fault that reading the value finds.
                expand_all(node, reader);
            }
            let (found, digests) = self.check(&overlay);
            is_sound &= found.faults.is_empty();
            reader.files.extend(found.files.iter().cloned());
            reader.digests.add_below(&format!("authentik.applications.{slug}"), digests);
            reader.add(found);
            self.overlays.insert(slug, overlay);
        }
        is_sound.then_some(self)
    }

    /// The diagnostics about an overlay that do not depend on the application to which it belongs, and the digests of the files that it
    /// names.
    fn check(&self, Overlay { external_host, settings }: &Overlay) -> (Diagnostics, SettingDigests) {
        let needs_backend = settings.iter().any(|(key, _)| key.text.as_deref() == Some("backend_allow"));
        let address = "https://application.invalid";
        // The path of a cookie has to be one of the application's, and a resource has to be on its host.
        let likely = || {
            let resource = text_at(settings, &["bearer", "resource_metadata", "resource"]);
            let origin =
                resource.and_then(|resource| ExternalHost::parse(resource).ok()).map(|resource| resource.origin());
            let path = text_at(settings, &["cookie", "path"]).unwrap_or_default();
            let likely = format!("{}{path}", origin.as_deref().unwrap_or(address));
            ExternalHost::parse(&likely).is_ok().then_some(likely)
        };
        let external = external_host.as_ref().map(|host| host.join("")).or_else(likely);
        let mut sample = vec![
            ("name", Node::text("sample")),
            ("external_host", Node::text(external.as_deref().unwrap_or(address))),
            ("issuer", Node::text(address)),
            ("client_id", Node::text("sample")),
            ("client_secret", Node::text("0123456789abcdef0123456789abcdef")),
        ];
        if needs_backend {
            sample.extend([("mode", Node::word("proxy")), ("internal_host", Node::text(address))]);
        }
        let (_, Diagnostics { mut faults, mut warnings, files }, digests) =
            self.read(&self.source, &Node::section(sample), settings);
        for diagnostics in [&mut faults, &mut warnings] {
            // Everything that the file contains has a line.
            diagnostics.retain(|diagnostic| diagnostic.line > 0);
        }
        (Diagnostics { faults, warnings, files }, digests)
    }

    fn read(
        &self,
        source: &str,
        node: &Node,
        overlay: &Settings,
    ) -> (Option<Application>, Diagnostics, SettingDigests) {
        let mut node = node.clone();
        if let Content::Section(entries) = &mut node.content {
            entries.retain(|(key, _)| overlay.iter().all(|(other, _)| other.text != key.text));
            entries.extend(overlay.iter().cloned());
        }
        let mut reader = Reader::new(source, &self.folder, &|_| None);
        reader.allows_plain_http = self.allows_plain_http;
        let location = Location::new("", 0, 0);
        let written = raw::Application::read(&node, &location, &mut reader);
        let application = written.and_then(|written| {
            applications::application(&written, &location, self.prefixes, self.budget, &mut reader)
        });
        let digests = std::mem::take(&mut reader.digests);
        (application, reader.into_diagnostics(), digests)
    }
}

impl ApplicationMapping for ProviderMapping {
    fn application(
        &self,
        outpost: &Outpost,
        provider: &ProxyOutpostConfig,
        overlay: Option<&str>,
    ) -> Result<MappedApplication, Vec<String>> {
        let source = format!("provider {:?} of authentik", provider.name);
        let hosts = Hosts::of(outpost, self.host_browser.as_ref());
        let endpoints = hosts.and_then(|hosts| hosts.endpoints(&provider.oidc_configuration));
        let endpoints = endpoints.map_err(|fault| vec![format!("{source}: {fault}")])?;
        let mut warnings = Vec::new();
        let node = application_node(provider, &endpoints, &mut |warning| warnings.push(format!("{source}: {warning}")));
        let settings = overlay.and_then(|slug| self.overlays.get(slug)).map_or(&[][..], |overlay| &overlay.settings);
        let (application, Diagnostics { faults, warnings: found, .. }, _) = self.read(&source, &node, settings);
        warnings.extend(found.iter().map(Diagnostic::to_string));
        match application.filter(|_| faults.is_empty()) {
            Some(mut application) => {
                if let Some(given) = &mut application.relying_party.endpoints {
                    given.backchannel_host = endpoints.backchannel_host;
                }
                Ok(MappedApplication { application, warnings })
            }
            None => Err(faults.iter().map(Diagnostic::to_string).collect()),
        }
    }

    fn overlays(&self) -> Vec<OverlayTarget> {
        let target = |(slug, overlay): (&String, &Overlay)| OverlayTarget {
            slug: slug.clone(),
            external_host: overlay.external_host.clone(),
        };
        self.overlays.iter().map(target).collect()
    }

    fn prefixes(&self) -> Prefixes {
        self.prefixes
    }
}

/// The application as the configuration file would have it.
fn application_node(provider: &ProxyOutpostConfig, endpoints: &Endpoints, warn: &mut dyn FnMut(String)) -> Node {
    let switch = |is_on: bool| Node::word(if is_on { "true" } else { "false" });
    let mut entries = vec![
        ("name", Node::text(&provider.assigned_application_name)),
        ("slug", Node::text(&provider.assigned_application_slug)),
        ("provider_name", Node::text(&provider.name)),
        ("external_host", Node::text(&provider.external_host)),
        ("issuer", Node::text(&endpoints.issuer)),
        ("authorization_endpoint", Node::text(endpoints.authorization.as_str())),
        ("token_endpoint", Node::text(endpoints.token.as_str())),
        ("jwks_uri", Node::text(endpoints.jwks.as_str())),
        ("userinfo_endpoint", Node::text(endpoints.user_info.as_str())),
        ("end_session_endpoint", Node::text(endpoints.end_session.as_str())),
        ("introspection_endpoint", Node::text(endpoints.introspection.as_str())),
        ("token_endpoint_auth_method", Node::word("client_secret_post")),
        ("id_token_signed_response_alg", Node::word(algorithm(provider))),
        ("scopes", Node::list(scopes(provider).into_iter().map(Node::text))),
        ("jwt_headers", switch(true)),
        ("redirect_uri", Node::text(&registered_redirect_uri(&provider.external_host))),
        ("post_logout_redirect_uri", Node::word("none")),
        ("intercept_header_auth", switch(provider.intercept_header_auth)),
    ];
    entries.extend(provider.client_id.as_deref().map(|id| ("client_id", Node::text(id))));
    let secret = provider.client_secret.as_ref().map(|secret| secret.as_secret().expose_secret());
    entries.extend(secret.map(|secret| ("client_secret", Node::text(secret))));
    entries.extend(mode(provider));
    entries.push(("skip_path_regex", Node::list(patterns(provider, warn).into_iter().map(Node::text))));
    if provider.intercept_header_auth {
        entries.push(("bearer", Node::section([("verify", Node::word("introspection"))])));
        entries.push(("basic", Node::section([])));
    }
    if let Some(validity) = provider.access_token_validity {
        // A token that ends at once is no reason for a session without an end of its own.
        let seconds = Duration::from_secs(validity.as_secs().max(1));
        entries.push(("access_token_validity", Node::text(&duration::written(seconds.min(duration::LONGEST)))));
    }
    entries.extend(basic_auth(provider, warn));
    Node::section(entries)
}

/// The mode, and the keys that belong to it; others have no effect, and authentik keeps their values when the mode changes.
fn mode(provider: &ProxyOutpostConfig) -> Vec<(&'static str, Node)> {
    match provider.mode {
        ProxyMode::ForwardSingle => vec![("mode", Node::word("forward_single"))],
        ProxyMode::ForwardDomain => {
            let domain = provider.cookie_domain.as_deref().map(|domain| domain.trim_start_matches('.'));
            let domain = domain.map(|domain| ("cookie_domain", Node::text(domain)));
            domain.into_iter().chain([("mode", Node::word("forward_domain"))]).collect()
        }
        ProxyMode::Proxy => {
            let mut entries = vec![("mode", Node::word("proxy"))];
            let backend = provider.internal_host.as_deref();
            entries.extend(backend.map(|host| ("internal_host", Node::text(host))));
            // The setting is refused where it has no effect.
            if backend.is_some_and(|host| host.starts_with("https:")) {
                let is_verified = if provider.internal_host_ssl_validation { "true" } else { "false" };
                entries.push(("internal_host_ssl_validation", Node::word(is_verified)));
            }
            entries
        }
    }
}

/// The algorithm of ID Tokens: authentik names exactly one.
fn algorithm(provider: &ProxyOutpostConfig) -> &str {
    let named = &provider.oidc_configuration.id_token_signing_alg_values_supported;
    let is_known = |name: &&String| SigningAlgorithm::CHOICES.iter().any(|(_, known)| *known == name.as_str());
    named.iter().find(is_known).or_else(|| named.first()).map_or("HS256", String::as_str)
}

/// `openid` is among the scopes of every sign-in by OpenID Connect, also where the mapping for it was removed.
fn scopes(provider: &ProxyOutpostConfig) -> Vec<&str> {
    let others = provider.scopes_to_request.iter().map(String::as_str).filter(|scope| *scope != "openid");
    std::iter::once("openid").chain(others).collect()
}

/// One of the two redirect URIs that authentik registers: the one below the external host. Its own rule leads out of an external
/// host with a path that has no slash at its end.
fn registered_redirect_uri(external_host: &str) -> String {
    let by_rule = redirect_uri(external_host);
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with(['/', '?']);
    if by_rule.strip_prefix(external_host.trim_end_matches('/')).is_some_and(is_below) {
        return by_rule;
    }
    format!("{external_host}?X-authentik-auth-callback=true")
}

/// The patterns of public paths, one a line. One that cannot be used opens nothing, and does not close the others.
fn patterns<'p>(provider: &'p ProxyOutpostConfig, warn: &mut dyn FnMut(String)) -> Vec<&'p str> {
    let lines = provider.skip_path_regex.as_deref().unwrap_or_default().lines().map(str::trim);
    let mut patterns = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        match PublicPaths::compile(&[line.to_owned()]) {
            Ok(_) => patterns.push(line),
            Err(faults) if faults.iter().any(|fault| fault.cause == PatternFaultCause::MatchesEmptyText) => {
                warn(format!(
                    "unauthenticated path {line:?} matches an empty text, and so every path, so it opens nothing; correct it in authentik, or write ^/ for all paths"
                ));
            }
            Err(_) => warn(format!(
                "unauthenticated path {line:?} is not a regular expression that can be used, so it opens nothing; correct it in authentik"
            )),
        }
    }
    patterns
}

fn basic_auth(provider: &ProxyOutpostConfig, warn: &mut dyn FnMut(String)) -> Vec<(&'static str, Node)> {
    let Some(password) = provider.basic_auth_password_attribute.as_deref().filter(|_| provider.basic_auth_enabled)
    else {
        if provider.basic_auth_enabled {
            warn("HTTP-Basic is on without a password key, so no credentials are sent to the application; set the key in authentik".to_owned());
        }
        return Vec::new();
    };
    let user = provider.basic_auth_user_attribute.as_deref();
    let user = user.map(|attribute| ("basic_auth_user_attribute", Node::text(attribute)));
    let fixed = [("basic_auth_enabled", Node::word("true")), ("basic_auth_password_attribute", Node::text(password))];
    user.into_iter().chain(fixed).collect()
}

/// The text at these nested keys of an overlay, such as `cookie.path`.
fn text_at<'o>(overlay: &'o [(Key, Node)], keys: &[&str]) -> Option<&'o str> {
    let (first, rest) = keys.split_first()?;
    let (_, node) = overlay.iter().find(|(key, _)| key.text.as_deref() == Some(*first))?;
    match &node.content {
        Content::Section(entries) => text_at(entries, rest),
        Content::One { text, .. } if rest.is_empty() => Some(text),
        Content::One { .. } | Content::List(_) | Content::Unusable(_) => None,
    }
}

/// Replaces the variables in all values: they are not known any more when the applications are made.
fn expand_all(node: &mut Node, reader: &Reader<'_>) {
    match &mut node.content {
        Content::One { text, .. } => {
            if let Ok(full) = expand(text, reader.environment) {
                *text = escape(&full).into();
            }
        }
        Content::List(items) => items.iter_mut().for_each(|item| expand_all(item, reader)),
        Content::Section(entries) => entries.iter_mut().for_each(|(_, node)| expand_all(node, reader)),
        Content::Unusable(_) => {}
    }
}

#[cfg(test)]
mod tests;
