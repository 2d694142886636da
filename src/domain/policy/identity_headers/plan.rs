//! The identity headers of one application, compiled once.

use std::sync::Arc;

use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::additional::{AdditionalHeaders, Dropped, Drops};
use super::assertion::{Assertion, Signer};
use super::basic::{BasicAuth, Unsendable};
use super::budget::Budget;
use super::name::HeaderName;
use super::reserved_names::ReservedNames;
use super::sets::{Entry, HeaderSet};
use super::source::{Facts, Source, TokenKind};
use super::value::Separator;
use super::values::{HeaderValues, IdentityHeaders};
use crate::domain::http::Header;
use crate::domain::oidc::claims::{ClaimPath, GroupsClaim};
use crate::domain::session::SentTokens;

/// A header that the operator defines.
#[derive(Clone, Debug)]
pub struct OwnHeader {
    /// The name; if a set has the same name, this header replaces it.
    pub name: HeaderName,
    /// The value.
    pub value: OwnValue,
}

/// The value of a header that the operator defines.
#[derive(Clone, Debug)]
pub enum OwnValue {
    /// A claim's text; lists are joined.
    Claim(ClaimPath, Separator),
    /// A constant.
    Text(String),
    /// A token of the provider's; in `authorization` as a bearer token (RFC 6750 section 2.1).
    Token(TokenKind),
    /// An assertion that Gatepost signs.
    Assertion(Assertion),
}

/// The operator's settings for identity headers.
#[derive(Clone, Debug)]
pub struct HeaderSettings {
    /// The sets that are sent.
    pub sets: Vec<HeaderSet>,
    /// The claim that lists the user's groups.
    pub groups: GroupsClaim,
    /// The headers that the operator defines.
    pub own: Vec<OwnHeader>,
    /// The claim that contains additional headers.
    pub additional: Option<AdditionalHeaders>,
    /// HTTP Basic credentials for the application.
    pub basic: Option<BasicAuth>,
    /// The limit on all headers together.
    pub budget: Budget,
}

impl Default for HeaderSettings {
    fn default() -> Self {
        Self {
            sets: vec![HeaderSet::Authentik],
            groups: GroupsClaim::default(),
            own: Vec::new(),
            additional: Some(AdditionalHeaders::authentik()),
            basic: None,
            budget: Budget::default(),
        }
    }
}

/// The source of each header's value, and the names that Gatepost owns.
#[derive(Clone, Debug)]
pub struct HeaderPlan {
    pub(super) entries: Vec<Entry>,
    groups: GroupsClaim,
    additional: Option<AdditionalHeaders>,
    basic: Option<BasicAuth>,
    pub(super) budget: Budget,
    reserved: Arc<ReservedNames>,
    /// The changes to requests without an identity.
    anonymous: Arc<IdentityHeaders>,
}

impl HeaderPlan {
    /// Compiles the settings. Of two headers that could be read as one, the one that the operator defines wins, and of
    /// those the first.
    #[must_use]
    pub fn new(settings: HeaderSettings) -> Self {
        let HeaderSettings { sets, groups, own, additional, basic, budget } = settings;
        let of_sets = sets.iter().flat_map(|set| set.entries(&groups));
        let mut entries: Vec<Entry> = Vec::new();
        for entry in own.into_iter().map(Entry::from).chain(of_sets) {
            if !entries.iter().any(|other| other.name.looks_like(&entry.name)) {
                entries.push(entry);
            }
        }
        // Gatepost owns authentik's names whatever sets are sent, and also those that an operator's header replaced.
        let of_sets = sets.into_iter().chain([HeaderSet::Authentik]).flat_map(|set| set.entries(&groups));
        let named = additional.iter().flat_map(|additional| additional.names.iter().cloned());
        let reserved = entries.iter().cloned().chain(of_sets).map(|entry| entry.name).chain(named);
        let reserved = Arc::new(ReservedNames::new(reserved));
        let anonymous = Arc::new(IdentityHeaders::new(HeaderValues::default(), &reserved));
        Self { entries, groups, additional, basic, budget, reserved, anonymous }
    }

    /// The claims that the operator named; `UserInfo` may supply those that the ID Token lacks. `ak_proxy` is not among
    /// them: only authentik has it, and sends it with all other claims.
    #[must_use]
    pub fn claims_read(&self) -> Vec<String> {
        let own = self.entries.iter().filter_map(|entry| {
            match &entry.source {
                Source::Any(path, _) => Some(path.claim()),
                // The provider is asked for the usual one by its scope, or because it announces it.
                Source::Groups(groups) => (!groups.is_usual()).then(|| groups.path.claim()),
                Source::Text(_)
                | Source::List(_)
                | Source::Constant(_)
                | Source::Subject
                | Source::Token
                | Source::OfKind(..)
                | Source::Keys
                | Source::Outpost
                | Source::Provider
                | Source::Application
                | Source::Assertion(_) => None,
            }
        });
        let additional = self.additional.as_ref().map(|additional| additional.claim.claim());
        let asserted = self
            .assertion()
            .into_iter()
            .flat_map(|assertion| assertion.claims.iter().map(|name| assertion.groups.source(name)));
        own.chain(additional).chain(asserted).filter(|claim| *claim != "ak_proxy").map(str::to_owned).collect()
    }

    /// The claim that lists the user's groups.
    #[must_use]
    pub const fn groups(&self) -> &GroupsClaim {
        &self.groups
    }

    /// The names of the headers that the settings define; those from the claims of some users are not included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let of_claims = self.additional.iter().flat_map(|additional| &additional.names);
        let of_claims = of_claims.filter(|name| !self.entries.iter().any(|entry| entry.name == **name));
        self.entries.iter().map(|entry| &entry.name).chain(of_claims).map(HeaderName::as_str)
    }

    /// Every name that clients must not send, in the spellings that are most often read as one.
    pub fn owned_spellings(&self) -> impl Iterator<Item = &str> {
        self.reserved.names().iter().chain(self.reserved.look_alikes().iter()).map(http::HeaderName::as_str)
    }

    /// Whether Gatepost owns a name, or one that resembles it, on every request.
    #[must_use]
    pub fn owns(&self, name: &HeaderName) -> bool {
        self.reserved.covers(name.as_str())
    }

    /// Whether only Gatepost may set a request header of this name.
    pub(in crate::domain) fn covers(&self, name: &str) -> bool {
        self.reserved.covers(name)
    }

    /// The changes to every request without an identity.
    pub(in crate::domain) const fn anonymous(&self) -> &Arc<IdentityHeaders> {
        &self.anonymous
    }

    /// The assertion that Gatepost signs for the application, if it receives one.
    #[must_use]
    pub fn assertion(&self) -> Option<&Assertion> {
        self.entries.iter().find_map(|entry| {
            let Source::Assertion(assertion) = &entry.source else { return None };
            Some(assertion)
        })
    }

    /// The tokens that are sent, besides that of `jwt_headers`.
    #[must_use]
    pub fn sent_tokens(&self) -> SentTokens {
        let sends = |wanted: TokenKind| {
            self.entries.iter().any(|entry| matches!(entry.source, Source::OfKind(kind, _) if kind == wanted))
        };
        SentTokens { access_token: sends(TokenKind::AccessToken), id_token: sends(TokenKind::IdToken) }
    }

    /// The changes to every request of this user. Headers that are left out were logged at the sign-in.
    pub(in crate::domain) fn identity_headers(&self, facts: &Facts<'_>) -> IdentityHeaders {
        let signed = self.assertion().zip(facts.outpost.signer);
        let sent_until = signed.map(|(assertion, signer)| assertion.sent_until(signer.now));
        IdentityHeaders::new(self.headers_of(facts, &mut |_, _| ()), &self.reserved).sent_until(sent_until)
    }

    /// Whether this plan, or a clone of it, made these headers, and they may still be sent.
    pub(in crate::domain) fn is_current(&self, headers: &IdentityHeaders, signer: Option<Signer<'_>>) -> bool {
        headers.is_made_with(&self.reserved) && headers.may_be_sent(signer.map(|signer| signer.now))
    }

    /// The headers for these facts; values that are missing or invalid in a header are left out. Pure, and independent
    /// of the request.
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
            OwnValue::Token(kind) if own.name.as_str() == AUTHORIZATION => Source::OfKind(kind, "Bearer "),
            OwnValue::Token(kind) => Source::OfKind(kind, ""),
            OwnValue::Assertion(assertion) => Source::Assertion(assertion),
        };
        Self { name: own.name, source }
    }
}
