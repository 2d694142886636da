//! All applications of the outpost, and the one that owns a request: by exact host, else by the longest parent
//! domain, then by the longest path prefix.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use url::Url;

use super::endpoints::{Destination, Endpoint, Prefixes};
use super::resource_metadata::{Resource, WELL_KNOWN};
use super::{Application, Mode};
use crate::domain::http::{CookieDomain, Host, PrefixMatch, RequestHead, Scheme};

/// All applications of the outpost.
#[derive(Clone, Debug, Default)]
pub struct Applications {
    all: Vec<Arc<Application>>,
    /// By external host; for one host, the longest path prefix first.
    by_host: HashMap<Host, Vec<Arc<Application>>>,
    /// By parent domain, the longest domain first.
    by_domain: Vec<(CookieDomain, Arc<Application>)>,
    reserved: Vec<ReservedAddress>,
    prefixes: Prefixes,
}

/// The address of an application that is not served: no broader application may answer there in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedAddress {
    host: Host,
    /// Without a slash at the end; empty for the whole host.
    path: String,
}

impl ReservedAddress {
    /// The address in a text that may not be usable as an external host, such as one with plain http; `None` without a host.
    #[must_use]
    pub fn of(external_host: &str) -> Option<Self> {
        let url = Url::parse(external_host.trim()).ok()?;
        let host = Host::parse(url.host_str()?).ok()?;
        Some(Self { host, path: url.path().trim_end_matches('/').to_owned() })
    }

    /// Whether it takes precedence over the application that would answer `head` otherwise.
    fn covers(&self, head: &RequestHead, instead: &Application) -> bool {
        let is_more_precise = instead.external.host() == &self.host && instead.external.path().len() >= self.path.len();
        head.authority.host() == &self.host
            && !is_more_precise
            && !matches!(head.target.match_prefix(&self.path), PrefixMatch::Never)
    }
}

/// The present applications, which are replaced as a whole: a request keeps the ones with which it began.
#[derive(Debug)]
pub struct CurrentApplications(ArcSwap<Applications>);

impl CurrentApplications {
    /// The applications at this moment, for a short use.
    pub fn load(&self) -> impl Deref<Target = Arc<Applications>> {
        self.0.load()
    }

    /// The applications at this moment.
    #[must_use]
    pub fn load_full(&self) -> Arc<Applications> {
        self.0.load_full()
    }

    /// Replaces all of them.
    pub fn replace(&self, applications: Applications) {
        self.0.store(Arc::new(applications));
    }
}

impl From<Applications> for CurrentApplications {
    fn from(applications: Applications) -> Self {
        Self(ArcSwap::from_pointee(applications))
    }
}

/// Two applications that conflict, by their indexes in the list.
#[derive(Debug, PartialEq, Eq)]
pub struct Clash {
    /// The earlier one.
    pub first: usize,
    /// The later one.
    pub second: usize,
    /// What they share.
    pub what: &'static str,
}

/// Why no application owns a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrouted {
    /// No application has this host, or none has this path on it.
    UnknownHost,
    /// The operator's route names another application than the one that owns the address.
    UnknownApplication,
    /// The path can be read in several ways, which lead to different applications of the host.
    OddPath,
}

impl Applications {
    /// Indexes `applications`.
    ///
    /// # Errors
    /// Every pair that shares a slug, an address, a resource identifier, or a cookie domain.
    pub fn new(applications: Vec<Application>) -> Result<Self, Vec<Clash>> {
        let clashes = clashes(&applications);
        if !clashes.is_empty() {
            return Err(clashes);
        }
        let all: Vec<Arc<Application>> = applications.into_iter().map(Arc::new).collect();
        let mut by_host: HashMap<Host, Vec<Arc<Application>>> = HashMap::new();
        let mut by_domain = Vec::new();
        for application in &all {
            by_host.entry(application.external.host().clone()).or_default().push(application.clone());
            if let Mode::ForwardDomain(domain) = &application.mode {
                by_domain.push((domain.clone(), application.clone()));
            }
        }
        for same_host in by_host.values_mut() {
            same_host.sort_by_key(|application| Reverse(application.external.path().len()));
        }
        by_domain.sort_by_key(|(domain, _)| Reverse(domain.as_str().len()));
        Ok(Self { all, by_host, by_domain, reserved: Vec::new(), prefixes: Prefixes::default() })
    }

    /// Indexes `applications` without those that conflict with an earlier one, and returns these conflicts, too.
    #[must_use]
    pub fn without_clashes(applications: Vec<Application>) -> (Self, Vec<Clash>) {
        let clashes = clashes(&applications);
        let is_later = |index: usize| clashes.iter().any(|clash| clash.second == index);
        let kept = applications.into_iter().enumerate().filter(|(index, _)| !is_later(*index));
        let kept = kept.map(|(_, application)| application).collect();
        // Without the later one of each pair no pair is left.
        (Self::new(kept).unwrap_or_default(), clashes)
    }

    /// Denies requests at these addresses, unless an application is exactly there or below.
    #[must_use]
    pub fn with_reserved(self, reserved: Vec<ReservedAddress>) -> Self {
        Self { reserved, ..self }
    }

    /// Sets the prefixes of the endpoints.
    #[must_use]
    pub fn with_prefixes(self, prefixes: Prefixes) -> Self {
        Self { prefixes, ..self }
    }

    /// The prefixes of the endpoints.
    #[must_use]
    pub const fn prefixes(&self) -> Prefixes {
        self.prefixes
    }

    /// All applications, in the operator's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Application>> {
        self.all.iter()
    }

    /// The application that a request is for, and whether it is for one of Gatepost's own endpoints.
    ///
    /// # Errors
    /// [`Unrouted`] when no application owns it.
    pub fn route(&self, head: &RequestHead) -> Result<(&Arc<Application>, Destination), Unrouted> {
        if let Some(application) = self.resource(head) {
            return Ok((application, Destination::Endpoint(Endpoint::ResourceMetadata)));
        }
        let application = self.find(head)?;
        Ok((application, Destination::of(application, &head.target, self.prefixes)))
    }

    /// The application about which a request asks for metadata. Its address need not lie below the application's own path, so it
    /// is looked for first.
    fn resource(&self, head: &RequestHead) -> Option<&Arc<Application>> {
        if !head.target.raw_path().starts_with(WELL_KNOWN) {
            return None;
        }
        let is_meant = |application: &Arc<Application>, one_resource: bool| {
            let resource = application.resource_metadata.as_ref().map(|metadata| &metadata.resource);
            resource.is_some_and(|resource| {
                matches!(resource, Resource::At(_)) == one_resource && resource.has_metadata_at(&head.target)
            })
        };
        let is_named = |application: &Application| {
            head.application.as_deref().is_none_or(|slug| application.slug.as_str() == slug)
        };
        let mut same_host = self.by_host.get(head.authority.host()).into_iter().flatten();
        let one = same_host.find(|it| is_named(it) && owns(it, head) && is_meant(it, true));
        // Each host of a domain is a resource, where no other application is at its root.
        let found = one.or_else(|| self.find(head).ok().filter(|it| is_meant(it, false)))?;
        (!self.reserved.iter().any(|reserved| reserved.covers(head, found))).then_some(found)
    }

    /// The application that owns `head`.
    ///
    /// # Errors
    /// [`Unrouted`] when no application owns it.
    pub fn find(&self, head: &RequestHead) -> Result<&Arc<Application>, Unrouted> {
        let found = self.owner(head)?;
        // The name is a second lock and no key: it replaces neither the host nor the reading of the path.
        if head.application.as_deref().is_some_and(|slug| slug != found.slug.as_str()) {
            return Err(Unrouted::UnknownApplication);
        }
        let is_reserved = self.reserved.iter().any(|reserved| reserved.covers(head, found));
        if is_reserved { Err(Unrouted::UnknownHost) } else { Ok(found) }
    }

    fn owner(&self, head: &RequestHead) -> Result<&Arc<Application>, Unrouted> {
        let same_host = self.by_host.get(head.authority.host()).into_iter().flatten();
        // An application whose path only matches for servers that ignore case.
        let mut folded: Option<&Arc<Application>> = None;
        for application in same_host.filter(|application| owns(application, head)) {
            let path = application.external.path();
            match head.target.match_prefix(path) {
                PrefixMatch::Never => {}
                PrefixMatch::Perhaps => return Err(Unrouted::OddPath),
                PrefixMatch::Always if !is_below(head.target.raw_path(), path) => folded = folded.or(Some(application)),
                PrefixMatch::Always => {
                    let agree = folded.is_none_or(|other| other.external.path().eq_ignore_ascii_case(path));
                    return if agree { Ok(application) } else { Err(Unrouted::OddPath) };
                }
            }
        }
        let mut by_domain = self.by_domain.iter().filter(|(domain, _)| domain.covers(head.authority.host()));
        match by_domain.find(|(_, application)| owns(application, head)) {
            Some(_) if folded.is_some() => Err(Unrouted::OddPath),
            Some((_, application)) => Ok(application),
            None => Err(Unrouted::UnknownHost),
        }
    }
}

fn owns(application: &Application, head: &RequestHead) -> bool {
    let scheme = head.scheme.unwrap_or(application.external.scheme());
    application.owns(&head.authority, scheme)
}

/// Whether `path` is `prefix` or lies below it, at a segment boundary.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn clashes(applications: &[Application]) -> Vec<Clash> {
    let mut clashes = Vec::new();
    for (second, later) in applications.iter().enumerate() {
        for (first, earlier) in applications.iter().enumerate().take(second) {
            if let Some(what) = shared(earlier, later) {
                clashes.push(Clash { first, second, what });
            }
        }
    }
    clashes
}

fn shared(one: &Application, other: &Application) -> Option<&'static str> {
    let address = |a: &Application| (a.external.host().clone(), port(a), a.external.path().to_owned());
    if one.slug.as_str().eq_ignore_ascii_case(other.slug.as_str()) {
        return Some("slug");
    }
    if address(one) == address(other) {
        return Some("external_host");
    }
    let resource = |a: &Application| match &a.resource_metadata.as_ref()?.resource {
        Resource::At(identifier) => Some((a.external.host().clone(), port(a), identifier.suffix().to_owned())),
        Resource::EachHost => None,
    };
    if resource(one).is_some_and(|one| resource(other) == Some(one)) {
        return Some("resource");
    }
    match (&one.mode, &other.mode) {
        (Mode::ForwardDomain(domain), Mode::ForwardDomain(same)) if domain == same => Some("cookie_domain"),
        _ => None,
    }
}

/// On the standard ports, http and https count as one address: http only redirects to https.
fn port(application: &Application) -> Option<u16> {
    let port = application.external.port();
    (port != Scheme::Http.default_port() && port != Scheme::Https.default_port()).then_some(port)
}

#[cfg(test)]
mod tests;
