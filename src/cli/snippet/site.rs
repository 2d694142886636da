//! What a front proxy has to know about one application. Hosts, paths and slugs are letters, digits and a few signs that mean
//! nothing in any syntax here; header names could be more, and are held to the same.

use std::cmp::Reverse;

use crate::domain::application::{Application, Mode};
use crate::domain::http::Scheme;

/// An application as a front proxy sees it.
#[derive(Debug)]
pub(super) struct Site<'a> {
    /// Its slug.
    pub(super) slug: &'a str,
    /// Whether browsers come over TLS.
    pub(super) is_https: bool,
    /// Its hosts.
    pub(super) host: Hosts<'a>,
    /// The port that browsers name or imply.
    pub(super) port: u16,
    /// Empty, or `/path` without a final slash.
    pub(super) path: &'a str,
    /// What the application gets from Gatepost alone, beside `cookie` and `authorization`.
    pub(super) headers: Vec<&'a str>,
    /// Every spelling of these, and of authentik's, which no client may send; in lower case.
    pub(super) owned: Vec<&'a str>,
}

/// Which hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hosts<'a> {
    One(&'a str),
    /// Everything below a domain.
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
            headers: application.headers.names().collect(),
            owned: application.headers.owned_spellings().collect(),
        }
    }

    /// A header name that some front proxy could read as something else.
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

    /// `https://host:port`, the scheme's own port left out.
    pub(super) fn origin(&self) -> String {
        let (scheme, own) = if self.is_https { ("https", 443) } else { ("http", 80) };
        let port = if self.port == own { String::new() } else { format!(":{}", self.port) };
        format!("{scheme}://{}{port}", self.pattern())
    }

    /// The headers, without the two of any request.
    pub(super) fn told(&self) -> impl Iterator<Item = &'a str> {
        self.headers.iter().copied().filter(|name| !matches!(*name, "cookie" | "authorization"))
    }

    /// The headers, then the two that come back as the application should see them.
    pub(super) fn copied(&self) -> impl Iterator<Item = &'a str> {
        self.told().chain(["cookie", "authorization"])
    }

    /// Spellings that clients may not send, beside authentik's; `authorization` is theirs until Gatepost has seen it.
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

/// The places of each site, in the order of their first.
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

/// Letters, digits, `-` and `_`, and none of these two in front: Caddy and YAML take a leading `-` for a sign of theirs.
fn is_plain(name: &str) -> bool {
    !name.starts_with(['-', '_'])
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
