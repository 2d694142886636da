//! Credentials that clients present in `Authorization` instead of a session: which of them an application accepts, how a
//! request presents one, and what makes it believable. There is one validator per kind: [`AccessToken`](access_token) for
//! signed access tokens, [`introspection`] for what the provider says about an opaque one, and the ID Token's own for app
//! passwords.

pub mod access_token;
pub mod introspection;
mod presented;
mod refusal;
mod scopes;
mod verified;

pub use access_token::{AccessTokenRules, TokenType};
pub use introspection::IntrospectionRules;
pub use presented::{AppPassword, Credential, Presented};
pub use refusal::Refusal;
pub use verified::VerifiedCredential;

use crate::domain::http::HeaderLines;

/// What an application accepts in `Authorization`. A scheme that is not configured is left alone: its header passes as it
/// came and has no say (BR-1).
#[derive(Clone, Debug)]
pub struct AcceptedCredentials {
    /// Whether `Authorization` is looked at, whatever else is configured.
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

/// What a bearer token must prove.
#[derive(Clone, Debug)]
pub struct BearerRules {
    /// How it is judged.
    pub verify: BearerCheck,
    /// Scopes that it must have, all of them.
    pub scopes: Vec<String>,
    /// Whether the application gets to see it.
    pub pass_on: bool,
}

/// How a bearer token is judged.
#[derive(Clone, Debug)]
pub enum BearerCheck {
    /// Here, by its signature and claims (RFC 9068).
    Jwt(AccessTokenRules),
    /// By the provider (RFC 7662).
    Introspection(IntrospectionRules),
}

/// How user name and app password are judged.
#[derive(Clone, Debug)]
pub struct BasicRules {
    /// Scopes to ask for; `openid` among them.
    pub scopes: Vec<String>,
    /// Whether the application gets to see them.
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
    /// The scheme's name, as challenges write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Basic => "Basic",
        }
    }

    /// The challenge that answers a refused credential (RFC 6750 section 3, RFC 7617 section 2). `realm` holds no quotes.
    #[must_use]
    pub fn challenge(self, realm: &str) -> String {
        match self {
            Self::Bearer => format!("Bearer realm=\"{realm}\", error=\"invalid_token\""),
            Self::Basic => format!("Basic realm=\"{realm}\", charset=\"UTF-8\""),
        }
    }
}

impl AcceptedCredentials {
    /// Whether a request presents anything that would be judged here, well formed or not. Cheap: nothing is decoded.
    #[must_use]
    pub fn concern(&self, headers: &HeaderLines) -> bool {
        headers.all("authorization").any(|line| self.scheme_of(line).is_some())
    }

    /// Whether the application gets to see the credential that these headers present, once it was used.
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
