//! The metadata about an application as a protected resource.

use url::Url;

use super::issuer;
use super::relying_party::scope_list;
use crate::config::raw::{Application, ResourceMetadata as Written};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::domain::application::Mode;
use crate::domain::application::resource_metadata::{Resource, ResourceIdentifier, ResourceMetadata};
use crate::domain::http::ExternalHost;
use crate::domain::oidc::credentials::AcceptedCredentials;
use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::relying_party::RelyingParty;

/// The parts of an application that metadata is about.
pub(super) struct About<'a> {
    pub(super) mode: &'a Mode,
    pub(super) external: &'a ExternalHost,
    pub(super) relying_party: &'a RelyingParty,
    pub(super) credentials: &'a AcceptedCredentials,
}

/// The metadata, if it is published; the outer `None` says that there were diagnostics.
#[expect(
    clippy::option_option,
    reason = "the outer `None` is a section that could not be read, the inner one a section that is not given"
)]
pub(super) fn resource_metadata(
    written: &Application,
    about: &About<'_>,
    reader: &mut Reader<'_>,
) -> Option<Option<ResourceMetadata>> {
    let Some(bearer) = written.bearer.given() else { return Some(None) };
    let Spanned { value: metadata, .. } = match &bearer.value.resource_metadata {
        Setting::Absent => return Some(None),
        Setting::Faulty => return None,
        Setting::Given(metadata) => metadata,
    };
    let resource = resource(metadata, about, reader);
    let authorization_servers = authorization_servers(metadata, written.issuer.given(), about, reader);
    let scopes = match &metadata.scopes_supported {
        Setting::Absent => about.credentials.bearer.as_ref().map(|rules| rules.scopes.clone()),
        Setting::Faulty => None,
        Setting::Given(scopes) => scope_list(scopes, reader),
    };
    let pages = [&metadata.resource_documentation, &metadata.resource_policy_uri, &metadata.resource_tos_uri];
    let [documentation, policy, tos] = pages.map(|page| self::page(page, reader));
    let name = metadata.resource_name.given().or(written.name.given())?.value.clone();
    let metadata = ResourceMetadata {
        resource: resource?,
        authorization_servers: authorization_servers?,
        scopes_supported: scopes?,
        resource_name: name,
        resource_documentation: documentation?,
        resource_policy_uri: policy?,
        resource_tos_uri: tos?,
    };
    // Without `intercept_header_auth`, `bearer` has no effect.
    Some(Some(metadata).filter(|_| about.credentials.intercept))
}

fn resource(written: &Written, about: &About<'_>, reader: &mut Reader<'_>) -> Option<Resource> {
    let (external, is_domain) = (about.external, matches!(about.mode, Mode::ForwardDomain(_)));
    let Spanned { location, value } = match &written.resource {
        Setting::Faulty => return None,
        Setting::Absent if is_domain => return Some(Resource::EachHost),
        Setting::Absent => {
            return Some(Resource::At(ResourceIdentifier::new(&external.origin(), external.path())));
        }
        Setting::Given(resource) => resource,
    };
    if is_domain {
        let problem = "in mode `forward_domain` each host is a resource of its own";
        reader.fault(location, problem, "remove it");
        return None;
    }
    let url =
        issuer::on_external_host(&Spanned { location: location.clone(), value: value.clone() }, external, reader)?;
    let (origin, path) = (external.origin(), url.path());
    let text = ResourceIdentifier::new(&origin, path);
    let is_plain = value.strip_prefix(&origin).is_some_and(|rest| rest == path || (rest.is_empty() && path == "/"));
    if !is_plain {
        let help = format!("write it like {}", text.as_str());
        reader.fault(location, "clients compare it byte for byte, and write it without query, dots and escapes", help);
        return None;
    }
    let path = if value.len() == origin.len() { "" } else { path };
    Some(Resource::At(ResourceIdentifier::new(&origin, path)))
}

fn authorization_servers(
    written: &Written,
    written_issuer: Option<&Spanned<String>>,
    about: &About<'_>,
    reader: &mut Reader<'_>,
) -> Option<Vec<String>> {
    let list = match &written.authorization_servers {
        Setting::Absent => return Some(TrustedIssuer::from(about.relying_party).all().collect()),
        Setting::Faulty => return None,
        Setting::Given(list) => list,
    };
    if list.value.is_empty() {
        reader.fault(&list.location, "the list has no items", "add one, or remove the key");
        return None;
    }
    let foreign: Vec<&str> = about
        .credentials
        .bearer
        .iter()
        .flat_map(|rules| &rules.issuers)
        .map(|foreign| foreign.issuer.as_str())
        .collect();
    // The issuer of an application of authentik is not written, and not known while its settings are checked.
    let is_written = written_issuer.is_some_and(|issuer| issuer.location.line > 0);
    let servers = list.value.iter().map(|server| {
        let is_known = !is_written || TrustedIssuer::from(about.relying_party).includes(&server.value);
        if !is_known && !foreign.contains(&server.value.as_str()) {
            let problem =
                "tokens of this issuer are not accepted: it is neither `issuer` nor listed in `bearer.issuers`";
            reader.fault(&server.location, problem, "correct it, or add it to `bearer.issuers`");
            return None;
        }
        issuer::issuer(server, reader)
    });
    servers.collect::<Vec<_>>().into_iter().collect()
}

/// The address of a page for people; the outer `None` says that there were diagnostics.
#[expect(
    clippy::option_option,
    reason = "the outer `None` is a setting that could not be read, the inner one a setting that is not given"
)]
fn page(setting: &Setting<String>, reader: &mut Reader<'_>) -> Option<Option<Url>> {
    let Spanned { location, value } = match setting {
        Setting::Absent => return Some(None),
        Setting::Faulty => return None,
        Setting::Given(written) => written,
    };
    let url = Url::parse(value).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    if url.is_none() {
        reader.fault(location, "it is not the address of a page", "write it like https://wiki.example.com/api");
    }
    url.map(Some)
}
