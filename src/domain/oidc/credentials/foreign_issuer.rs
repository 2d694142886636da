//! Issuers beside an application's own provider whose signed tokens it accepts, each with rules, keys and a mapping of its own:
//! Kubernetes, GitHub Actions, GitLab, SPIFFE, another realm.

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use super::access_token::{self, AccessTokenRules, ExpectedAccessToken};
use super::verified::MappedUser;
use super::{Refusal, VerifiedCredential};
use crate::domain::oidc::claims::{ClaimPath, Claims};
use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::jws::{KeySet, VerifiedJws};
use crate::domain::oidc::user::User;
use crate::domain::time::Timestamp;

/// An issuer that is not the application's provider.
#[derive(Clone, Debug)]
pub struct ForeignIssuer {
    /// Issuer identifier, byte for byte as its tokens name it.
    pub issuer: String,
    /// Where its keys are.
    pub keys: KeySource,
    /// The rules for its tokens.
    pub rules: AccessTokenRules,
    /// Scopes that its tokens must have, all of them.
    pub scopes: Vec<String>,
    /// What the application learns from its tokens.
    pub mapping: ClaimMapping,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// Its metadata names the address (`OpenID` Connect Discovery section 4).
    Discovery,
    /// At this address.
    Uri(Url),
    /// In the configuration.
    Given(Arc<KeySet>),
}

/// Which claims of a foreign token the application and its backends learn. Applications compare names, addresses and groups
/// with those of the provider's users, so none of them is passed on unless the operator trusts it.
#[derive(Clone, Debug)]
pub struct ClaimMapping {
    /// The claim that becomes `preferred_username`.
    pub username: ClaimPath,
    /// The text before the user name and before the subject.
    pub prefix: String,
    /// The names of the claims that are passed on as they are.
    pub trusted: Vec<String>,
}

impl ClaimMapping {
    /// The claims that are always made by the mapping, and so cannot be trusted as they are.
    pub const MAPPED: [&str; 2] = ["preferred_username", "sub"];

    fn user(&self, user: &User, claims: &Claims) -> Result<MappedUser, Refusal> {
        let name = self.username.find(claims).and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = format!("{}{}", self.prefix, name.ok_or(Refusal::Username)?);
        let subject = format!("{}{}", self.prefix, user.subject);
        let trusted = self.trusted.iter().filter_map(|name| Some((name.clone(), claims.present(name)?.clone())));
        let mut mapped: Map<String, Value> = trusted.collect();
        let made = [("iss", &user.issuer), ("preferred_username", &name), ("sub", &subject)];
        mapped.extend(made.map(|(name, value)| (name.to_owned(), Value::from(value.as_str()))));
        Ok(MappedUser { user: User { issuer: user.issuer.clone(), subject }, claims: Claims::new(mapped) })
    }
}

impl ForeignIssuer {
    /// Whether the signatures of both issuers' tokens are verified with the same keys and algorithms.
    #[must_use]
    pub fn is_verified_like(&self, other: &Self) -> bool {
        let has_same_keys = match (&self.keys, &other.keys) {
            (KeySource::Discovery, KeySource::Discovery) => true,
            (KeySource::Uri(one), KeySource::Uri(another)) => one == another,
            (KeySource::Given(one), KeySource::Given(another)) => Arc::ptr_eq(one, another),
            _ => false,
        };
        has_same_keys && self.issuer == other.issuer && self.rules.algorithms == other.rules.algorithms
    }

    /// Checks every claim of a token whose signature a key of this issuer made.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(&self, token: VerifiedJws, now: Timestamp) -> Result<VerifiedCredential, Refusal> {
        let issuer = TrustedIssuer::from(self.issuer.as_str());
        let expected = ExpectedAccessToken { issuer, rules: &self.rules, scopes: &self.scopes, now };
        let verified = access_token::check(token, &expected)?;
        let mapped = self.mapping.user(verified.issued_to(), verified.issued_claims())?;
        Ok(verified.mapped(mapped))
    }
}

#[cfg(test)]
mod tests;
