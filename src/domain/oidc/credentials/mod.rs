//! Credentials that clients present in `Authorization` instead of a session: which of them an application accepts, how
//! a request presents one, and how it is verified. There is one validator per kind: [`access_token`] for signed access
//! tokens, of the provider or of a [`ForeignIssuer`], [`introspection`] for the provider's answer about an opaque one, and
//! that of the ID Token for app passwords.

pub mod access_token;
mod challenge;
mod foreign_issuer;
pub mod introspection;
mod presented;
mod refusal;
mod scopes;
mod selection;
mod verified;

pub use access_token::{AccessTokenRules, TokenType};
pub use challenge::{BearerError, Challenge};
pub use foreign_issuer::{ClaimMapping, ForeignIssuer, KeySource};
pub use introspection::IntrospectionRules;
pub use presented::{AppPassword, Credential, Presented};
pub use refusal::Refusal;
pub use selection::TokenIssuer;
pub use verified::VerifiedCredential;

use crate::domain::http::HeaderLines;

/// The credentials that an application accepts in `Authorization`. A scheme that is not configured is ignored: its
/// header passes unchanged and has no effect on the decision (BR-1).
#[derive(Clone, Debug)]
pub struct AcceptedCredentials {
    /// Whether `Authorization` is read at all, whatever else is configured.
    pub intercept: bool,
    /// `Bearer` (RFC 6750 section 2.1).
    pub bearer: Option<BearerRules>,
    /// `Basic` (RFC 7617) with an app password.
    pub basic: Option<BasicRules>,
}

impl Default for AcceptedCredentials {
    fn default() -> Self {
        Self { intercept: true, bearer: None, basic: None }
    }
}

/// The requirements on a bearer token.
#[derive(Clone, Debug)]
pub struct BearerRules {
    /// How a token of the provider is verified.
    pub verify: BearerCheck,
    /// Scopes that a token of the provider must have, all of them.
    pub scopes: Vec<String>,
    /// Whether the application receives the token.
    pub pass_on: bool,
    /// Further issuers whose signed tokens are accepted; each identifier occurs once, and none is the provider's.
    pub issuers: Vec<ForeignIssuer>,
}

/// Tokens of the provider alone, without further requirements; the application does not receive them.
impl From<BearerCheck> for BearerRules {
    fn from(verify: BearerCheck) -> Self {
        Self { verify, scopes: Vec::new(), pass_on: false, issuers: Vec::new() }
    }
}

/// How a bearer token is verified.
#[derive(Clone, Debug)]
pub enum BearerCheck {
    /// Locally, by its signature and claims (RFC 9068).
    Jwt(AccessTokenRules),
    /// By the provider, through introspection (RFC 7662).
    Introspection(IntrospectionRules),
}

/// How a user name and an app password are verified.
#[derive(Clone, Debug)]
pub struct BasicRules {
    /// Scopes to request; `openid` is among them.
    pub scopes: Vec<String>,
    /// Whether the application receives them.
    pub pass_on: bool,
}

/// A scheme of `Authorization` that Gatepost knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `Bearer` (RFC 6750).
    Bearer,
    /// `Basic` (RFC 7617).
    Basic,
}

impl Scheme {
    /// The name of the scheme, as it is written in challenges.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Basic => "Basic",
        }
    }
}

impl AcceptedCredentials {
    /// Whether a request presents a credential that would be verified here, well-formed or not. Cheap: nothing is
    /// decoded.
    #[must_use]
    pub fn apply_to(&self, headers: &HeaderLines) -> bool {
        headers.all("authorization").any(|line| self.scheme_of(line).is_some())
    }

    /// Whether the application receives the credential that these headers present, once it was used.
    #[must_use]
    pub fn pass_on(&self, headers: &HeaderLines) -> bool {
        match headers.all("authorization").find_map(|line| self.scheme_of(line)) {
            Some(Scheme::Bearer) => self.bearer.as_ref().is_some_and(|rules| rules.pass_on),
            Some(Scheme::Basic) => self.basic.as_ref().is_some_and(|rules| rules.pass_on),
            None => true,
        }
    }

    /// The scheme of an `Authorization` line, if it is accepted here.
    fn scheme_of(&self, line: &[u8]) -> Option<Scheme> {
        let name = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let is = |scheme: Scheme| name.eq_ignore_ascii_case(scheme.as_str().as_bytes());
        let accepts_bearer = self.intercept && self.bearer.is_some();
        let accepts_basic = self.intercept && self.basic.is_some();
        (accepts_bearer && is(Scheme::Bearer))
            .then_some(Scheme::Bearer)
            .or_else(|| (accepts_basic && is(Scheme::Basic)).then_some(Scheme::Basic))
    }
}

#[cfg(test)]
mod tests;
