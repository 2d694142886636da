//! What one application is told about its users, compiled once.

use std::sync::Arc;

use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::additional::{AdditionalHeaders, Dropped, Drops};
use super::basic::{BasicAuth, Unsendable};
use super::budget::Budget;
use super::name::HeaderName;
use super::reserved_names::ReservedNames;
use super::sets::{Entry, HeaderSet};
use super::source::{Facts, Source};
use super::value::Separator;
use super::values::{HeaderValues, IdentityHeaders};
use crate::domain::http::Header;
use crate::domain::oidc::claims::ClaimPath;

/// A header of the operator's own.
#[derive(Clone, Debug)]
pub struct OwnHeader {
    /// Its name; one that a set has, too, is redefined.
    pub name: HeaderName,
    /// Its value.
    pub value: OwnValue,
}

/// What a header of the operator's own says.
#[derive(Clone, Debug)]
pub enum OwnValue {
    /// A claim's text; lists are joined.
    Claim(ClaimPath, Separator),
    /// Always the same.
    Text(String),
}

/// Everything that an operator may choose about headers.
#[derive(Clone, Debug)]
pub struct HeaderSettings {
    /// Which sets are sent.
    pub sets: Vec<HeaderSet>,
    /// Headers of the operator's own.
    pub own: Vec<OwnHeader>,
    /// Headers that stand in a claim.
    pub additional: Option<AdditionalHeaders>,
    /// HTTP Basic to the application.
    pub basic: Option<BasicAuth>,
    /// How much all of it may come to.
    pub budget: Budget,
}

impl Default for HeaderSettings {
    fn default() -> Self {
        Self {
            sets: vec![HeaderSet::Authentik],
            own: Vec::new(),
            additional: Some(AdditionalHeaders::authentik()),
            basic: None,
            budget: Budget::default(),
        }
    }
}

/// Which header gets its value from what, and which names are ours.
#[derive(Clone, Debug)]
pub struct HeaderPlan {
    pub(super) entries: Vec<Entry>,
    additional: Option<AdditionalHeaders>,
    basic: Option<BasicAuth>,
    pub(super) budget: Budget,
    reserved: ReservedNames,
    /// What requests carry that are nobody's.
    nobody: Arc<IdentityHeaders>,
}

impl HeaderPlan {
    /// Compiles the settings. Where two headers could be taken for one, the operator's own one wins, the first of them.
    #[must_use]
    pub fn new(settings: HeaderSettings) -> Self {
        let HeaderSettings { sets, own, additional, basic, budget } = settings;
        let of_sets = sets.iter().flat_map(|set| set.entries());
        let mut entries: Vec<Entry> = Vec::new();
        for entry in own.into_iter().map(Entry::from).chain(of_sets) {
            if !entries.iter().any(|other| other.name.looks_like(&entry.name)) {
                entries.push(entry);
            }
        }
        // authentik's names are ours whatever is sent; so are those that an own header took over.
        let of_sets = sets.into_iter().chain([HeaderSet::Authentik]).flat_map(HeaderSet::entries);
        let named = additional.iter().flat_map(|additional| additional.names.iter().cloned());
        let reserved = entries.iter().cloned().chain(of_sets).map(|entry| entry.name).chain(named);
        let reserved = ReservedNames::new(reserved);
        let nobody = Arc::new(IdentityHeaders::new(HeaderValues::default(), &reserved));
        Self { entries, additional, basic, budget, reserved, nobody }
    }

    /// The claims that the operator named: where the ID Token lacks one, UserInfo may have it. `ak_proxy` is not among them, as
    /// authentik tells it with all the rest and nobody else knows it.
    #[must_use]
    pub fn claims_read(&self) -> Vec<String> {
        let own = self.entries.iter().filter_map(|entry| {
            let Source::Any(path, _) = &entry.source else { return None };
            Some(path.claim())
        });
        let additional = self.additional.as_ref().map(|additional| additional.claim.claim());
        own.chain(additional).filter(|claim| *claim != "ak_proxy").map(str::to_owned).collect()
    }

    /// What the application is told, as far as the operator's settings say it: those of some users' claims are beside them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let of_claims = self.additional.iter().flat_map(|additional| &additional.names);
        let of_claims = of_claims.filter(|name| !self.entries.iter().any(|entry| entry.name == **name));
        self.entries.iter().map(|entry| &entry.name).chain(of_claims).map(HeaderName::as_str)
    }

    /// Every name that no client may send, in the spellings that are most often taken for one another.
    pub fn owned_spellings(&self) -> impl Iterator<Item = &str> {
        self.reserved.names().iter().chain(self.reserved.look_alikes().iter()).map(http::HeaderName::as_str)
    }

    /// Whether a name, or one that looks like it, is ours on every request.
    #[must_use]
    pub fn owns(&self, name: &HeaderName) -> bool {
        self.reserved.covers(name.as_str())
    }

    /// Whether a request header of this name is one that only we may set.
    pub(in crate::domain) fn covers(&self, name: &str) -> bool {
        self.reserved.covers(name)
    }

    /// The changes to every request without an identity.
    pub(in crate::domain) const fn nobody(&self) -> &Arc<IdentityHeaders> {
        &self.nobody
    }

    /// The changes to every request of this user. What is left out was told at the sign-in.
    pub(in crate::domain) fn identity_headers(&self, facts: &Facts<'_>) -> IdentityHeaders {
        IdentityHeaders::new(self.headers_of(facts, &mut |_, _| ()), &self.reserved)
    }

    /// The headers that follow from the facts; what is missing or cannot stand in a header is left out. Pure, and without
    /// a look at the request.
    pub(super) fn headers_of(&self, facts: &Facts<'_>, drops: Drops<'_>) -> HeaderValues {
        let mut planned = Vec::with_capacity(self.entries.len() + 2);
        for Entry { name, source } in &self.entries {
            let value = source.value(facts).map(|text| HeaderValue::try_from(text.into_owned()));
            if let Some(Ok(value)) = value {
                planned.push((name.to_http(), value));
            }
        }
        let is_taken = |name: &str| self.reserved.covers(name);
        let additional =
            self.additional.as_ref().map(|additional| additional.read(facts.about.claims, is_taken, drops));
        let additional = additional.unwrap_or_default();
        let is_set = |(name, _): &Header| name == AUTHORIZATION;
        if let Some(basic) = self.basic.as_ref().filter(|_| !planned.iter().chain(&additional).any(is_set)) {
            let value = basic.value(facts.about.claims);
            match value.and_then(|value| value.map(HeaderValue::try_from).transpose().map_err(|_| Unsendable)) {
                Ok(Some(value)) => planned.push((AUTHORIZATION, value)),
                Ok(None) => {}
                Err(Unsendable) => drops(AUTHORIZATION.as_str(), Dropped::Credentials),
            }
        }
        HeaderValues { planned, additional }
    }
}

impl Default for HeaderPlan {
    fn default() -> Self {
        Self::new(HeaderSettings::default())
    }
}

impl From<OwnHeader> for Entry {
    fn from(own: OwnHeader) -> Self {
        let source = match own.value {
            OwnValue::Claim(path, separator) => Source::Any(path, separator),
            OwnValue::Text(text) => Source::Constant(text.into()),
        };
        Self { name: own.name, source }
    }
}
