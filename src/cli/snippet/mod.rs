//! The configuration of a front proxy for the operator's own applications: the shipped files with host names, addresses and
//! header names filled in. Values that could have another meaning in the front proxy's syntax are refused.

mod address;
mod caddy;
mod envoy;
mod fault;
mod front_proxy;
mod haproxy;
mod kubernetes;
mod nginx;
mod traefik;

pub use address::{BadListenerAddress, ListenerAddress};
pub use fault::NoSnippet;
pub use front_proxy::{FrontProxy, UnknownFrontProxy};

use crate::domain::application::registry::Applications;
use crate::domain::application::{Application, Mode};
use site::Site;

/// The parameters of a snippet.
#[derive(Clone, Debug)]
pub struct SnippetArgs<'a> {
    /// The front proxy.
    pub front_proxy: FrontProxy,
    /// All applications.
    pub applications: &'a Applications,
    /// The slug of the only application to include; `None` for all.
    pub only: Option<&'a str>,
    /// The address at which the front proxy reaches Gatepost over HTTP.
    pub http: ListenerAddress,
    /// The address at which the front proxy reaches Gatepost over gRPC.
    pub grpc: ListenerAddress,
    /// The forward-auth dialects that are enabled.
    pub dialects: Vec<&'static str>,
}

/// Prints the snippet.
///
/// # Errors
/// See [`NoSnippet`].
pub fn snippet(wanted: &SnippetArgs<'_>) -> Result<String, NoSnippet> {
    let front_proxy = wanted.front_proxy;
    let (proxied, forwarded): (Vec<_>, Vec<_>) = chosen(wanted)?.into_iter().partition(|chosen| is_proxied(chosen));
    let missing = if front_proxy.takes_backends() { Vec::new() } else { proxied.clone() };
    if let (Some(application), true) = (missing.first(), forwarded.is_empty()) {
        return Err(NoSnippet::ModeProxy(application.slug.to_string()));
    }
    let places = places(&forwarded);
    if front_proxy.dialect().is_some() {
        refuse_odd_headers(&places)?;
    }
    let text = match front_proxy {
        FrontProxy::Nginx => nginx::print(&places, &wanted.http),
        FrontProxy::Traefik => traefik::print(&places, &wanted.http),
        FrontProxy::Caddy => caddy::print(&places, &wanted.http),
        FrontProxy::Haproxy => haproxy::print(&places, &wanted.http),
        FrontProxy::HaproxyScript => haproxy::SCRIPT.to_owned(),
        FrontProxy::Envoy => envoy::print(&places, !proxied.is_empty(), &wanted.grpc),
        FrontProxy::Istio => kubernetes::istio(&places, &wanted.grpc),
        FrontProxy::EnvoyGateway => kubernetes::envoy_gateway(&places, &wanted.grpc),
    };
    Ok(notes(wanted, &missing) + &text)
}

fn chosen<'a>(wanted: &SnippetArgs<'a>) -> Result<Vec<&'a Application>, NoSnippet> {
    let is_meant = |application: &&Application| wanted.only.is_none_or(|slug| application.slug.as_str() == slug);
    let chosen: Vec<_> = wanted.applications.iter().map(AsRef::as_ref).filter(is_meant).collect();
    match wanted.only {
        Some(slug) if chosen.is_empty() => Err(NoSnippet::UnknownApplication(slug.to_owned())),
        _ => Ok(chosen),
    }
}

fn is_proxied(application: &Application) -> bool {
    matches!(application.mode, Mode::Proxy(_))
}

/// The applications' sites, in the order in which a request's application is looked for.
fn places<'a>(applications: &[&'a Application]) -> Vec<Site<'a>> {
    let mut places: Vec<Site<'_>> = applications.iter().map(|application| Site::of(application)).collect();
    places.sort_by_key(Site::rank);
    places
}

/// Over HTTP the front proxy's file has to name each header; over gRPC Gatepost's answer does.
fn refuse_odd_headers(places: &[Site<'_>]) -> Result<(), NoSnippet> {
    match places.iter().find_map(|place| Some((place.slug, place.odd_header()?))) {
        Some((slug, name)) => Err(NoSnippet::HeaderName { application: slug.to_owned(), name: name.to_owned() }),
        None => Ok(()),
    }
}

/// Comments about steps outside of the file; every syntax here begins comments with `#`.
fn notes(wanted: &SnippetArgs<'_>, missing: &[&Application]) -> String {
    let missing = template::each(missing, |application| {
        format!("# `{}` is omitted: only Envoy supports `mode: proxy`.\n", application.slug)
    });
    let unanswered = wanted.front_proxy.dialect().filter(|dialect| !wanted.dialects.contains(dialect));
    let unanswered = template::each(unanswered, |dialect| {
        format!(
            "# gatepost.yaml does not accept these subrequests yet. Add this section, with the addresses of your front proxies:\n\
             # forward_auth: {{ dialects: [{dialect}], trusted_proxies: [127.0.0.1] }}\n"
        )
    });
    missing + &unanswered
}

mod site;
mod template;
#[cfg(test)]
mod tests;
