//! What a front proxy has to know about one application. Hosts, paths and slugs consist of letters, digits and a few
//! characters without special meaning in any syntax here; header names could contain more, and are restricted in the same
//! way.

use std::cmp::Reverse;

use crate::domain::application::{Application, Mode};
use crate::domain::http::Scheme;

/// An application as a front proxy sees it.
#[derive(Debug)]
pub(super) struct Site<'a> {
    /// The slug.
    pub(super) slug: &'a str,
    /// Whether browsers use TLS.
    pub(super) is_https: bool,
    /// The hosts.
    pub(super) host: Hosts<'a>,
    /// The port in the browser's URL, explicit or implied.
    pub(super) port: u16,
    /// Empty, or `/path` without a final slash.
    pub(super) path: &'a str,
    /// The path of the metadata about it as a protected resource, which is not below its own path.
    pub(super) metadata: Option<String>,
    /// The headers that only Gatepost may set, beside `cookie` and `authorization`.
    pub(super) headers: Vec<&'a str>,
    /// Every spelling of these and of authentik's headers, which clients must not send; in lower case.
    pub(super) owned: Vec<&'a str>,
}

/// The hosts of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hosts<'a> {
    One(&'a str),
    /// All hosts below a domain.
    Below(&'a str),
}

impl<'a> Site<'a> {
    pub(super) fn of(application: &'a Application) -> Self {
        let external = &application.external;
        Self {
            slug: application.slug.as_str(),
            is_https: external.scheme() == Scheme::Https,
            host: match &application.mode {
                Mode::ForwardDomain(domain) => Hosts::Below(domain.as_str()),
                Mode::ForwardSingle | Mode::Proxy(_) => Hosts::One(external.host().as_str()),
            },
            port: external.port(),
            path: external.path(),
            metadata: application.resource_metadata.as_ref().map(|metadata| metadata.resource.metadata_path()),
            headers: application.headers.names().collect(),
            owned: application.headers.owned_spellings().collect(),
        }
    }

    /// A header name that some front proxy could interpret differently.
    pub(super) fn odd_header(&self) -> Option<&'a str> {
        self.headers.iter().copied().find(|name| !is_plain(name))
    }

    /// The host, with `*.` before a domain.
    pub(super) fn pattern(&self) -> String {
        match self.host {
            Hosts::One(host) => host.to_owned(),
            Hosts::Below(domain) => format!("*.{domain}"),
        }
    }

    /// `https://host:port`, without the scheme's default port.
    pub(super) fn origin(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        let port = if self.has_default_port() { String::new() } else { format!(":{}", self.port) };
        format!("{scheme}://{}{port}", self.pattern())
    }

    /// What `Host` says of a request for this application, before its path: the host without a port only where this is the scheme's
    /// own, because another application may be at another port of the host.
    pub(super) fn authorities(&self, host: &str) -> Vec<String> {
        let with_port = format!("{host}:{}", self.port);
        if self.has_default_port() { vec![host.to_owned(), with_port] } else { vec![with_port] }
    }

    const fn has_default_port(&self) -> bool {
        self.port == if self.is_https { 443 } else { 80 }
    }

    /// The headers without `cookie` and `authorization`, which any request may have.
    pub(super) fn told(&self) -> impl Iterator<Item = &'a str> {
        self.headers.iter().copied().filter(|name| !matches!(*name, "cookie" | "authorization"))
    }

    /// The headers to copy from Gatepost's answer: [`Site::told`], and the two that it returns as the application should see
    /// them.
    pub(super) fn copied(&self) -> impl Iterator<Item = &'a str> {
        self.told().chain(["cookie", "authorization"])
    }

    /// Spellings that clients must not send, beside authentik's. `authorization` is not among them: Gatepost reads the
    /// client's own.
    pub(super) fn further_owned(&self) -> impl Iterator<Item = &'a str> {
        self.owned.iter().copied().filter(|name| {
            let folded = name.replace(['_', '.'], "-");
            !folded.starts_with("x-authentik-") && folded != "authorization" && is_plain(&folded)
        })
    }

    /// The order in which Gatepost looks for a request's application: hosts before domains, the longest domain and the
    /// longest path first.
    pub(super) fn rank(&self) -> Reverse<(bool, usize, usize)> {
        match self.host {
            Hosts::One(_) => Reverse((true, 0, self.path.len())),
            Hosts::Below(domain) => Reverse((false, domain.len(), self.path.len())),
        }
    }

    /// Whether two applications share what a front proxy calls a site: scheme, hosts and port.
    pub(super) fn is_beside(&self, other: &Site<'_>) -> bool {
        (self.is_https, self.host, self.port) == (other.is_https, other.host, other.port)
    }
}

/// The applications of each site, in the order of the sites' first application.
pub(super) fn sites<'p, 'a>(places: &'p [Site<'a>]) -> Vec<Vec<&'p Site<'a>>> {
    let mut sites: Vec<Vec<&Site<'_>>> = Vec::new();
    for place in places {
        match sites.iter_mut().find(|site| site.iter().any(|other| other.is_beside(place))) {
            Some(site) => site.push(place),
            None => sites.push(vec![place]),
        }
    }
    sites
}

/// Letters, digits, `-` and `_`, but neither `-` nor `_` at the start: a leading `-` has a meaning in Caddy's syntax and in
/// YAML.
fn is_plain(name: &str) -> bool {
    !name.starts_with(['-', '_'])
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
