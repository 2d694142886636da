//! One rule: the users, paths and methods to which it applies.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

use super::authentication::{AuthenticationRequirement, KnownBy};
use super::path::PathPrefix;
use super::principals::Principals;
use super::unmet::Unmet;
use crate::domain::http::{Networks, RequestHead, is_token};
use crate::domain::oidc::claims::Claims;

/// The facts of a request with which rules are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// All of them.
    All,
    /// All but the address of the client: at an endpoint behind a front proxy it is not known. Nothing is allowed there.
    AllButClient,
    /// The path alone.
    Path,
}

/// One rule. A request is allowed by one whole rule, never by parts of two (N-9).
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The paths to which the rule applies, and to which rules for shorter paths do not apply; empty for all paths.
    pub paths: Vec<PathPrefix>,
    /// The methods that the rule allows; empty for all methods.
    pub methods: Vec<Method>,
    /// The networks of the clients that the rule allows; empty for all clients.
    pub networks: Networks,
    /// The foreign issuers whose tokens the rule allows; empty for users of the provider. No rule allows both: what claims of
    /// one issuer mean says nothing about those of another.
    pub issuers: Vec<String>,
    /// The users that the rule allows.
    pub principals: Principals,
    /// How they have to have signed in; `None` for any sign-in.
    pub authentication: Option<AuthenticationRequirement>,
}

/// A method, compared byte for byte (RFC 9110 section 9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method(String);

/// Why a text is not a method of a rule.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MethodFault {
    /// Not an RFC 9110 token.
    #[error("it is not an HTTP method")]
    NotAToken,
    /// Methods are compared byte for byte, and those in use are in capital letters.
    #[error("a method must be in upper case")]
    LowerCase,
}

impl Method {
    /// Parses a method: any token in capital letters, including `QUERY` and `PROPFIND`.
    ///
    /// # Errors
    /// See [`MethodFault`].
    pub fn parse(text: &str) -> Result<Self, MethodFault> {
        if !is_token(text) {
            return Err(MethodFault::NotAToken);
        }
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(MethodFault::LowerCase);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why a rule that covers a path does not allow a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle<'a> {
    /// The method is not one of the rule's.
    Method(&'a str, &'a [Method]),
    /// The client is in none of the rule's networks, or its address is not known.
    Network(Option<IpAddr>, &'a Networks),
    /// The path differs in case, or its spelling is not below the rule's path.
    Spelling(&'a PathPrefix),
    /// The user is known by a token of this foreign issuer, or is one of the provider's, and the rule is for tokens of these issuers,
    /// or for users of the provider.
    Issuer(Option<&'a str>, &'a [String]),
    /// The claims, or the sign-in, do not meet a condition.
    User(Unmet),
}

impl fmt::Display for Obstacle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(asked, covered) => write!(f, "the method is {asked}, the rule is for {}", any_of(covered)),
            Self::Network(Some(client), networks) => {
                write!(f, "the client is {}, the rule is for {networks}", client.to_canonical())
            }
            Self::Network(None, networks) => {
                write!(f, "the client's address is not known, the rule is for {networks}")
            }
            Self::Spelling(path) => write!(f, "the path is not spelled like {path}, which is compared byte for byte"),
            Self::Issuer(Some(issuer), []) => {
                write!(f, "the token is of {issuer}, the rule is for users of the provider")
            }
            Self::Issuer(Some(issuer), issuers) => {
                write!(f, "the token is of {issuer}, the rule is for tokens of {}", issuers.join(" or "))
            }
            Self::Issuer(None, issuers) => {
                write!(f, "the user is one of the provider's, the rule is for tokens of {}", issuers.join(" or "))
            }
            Self::User(unmet) => unmet.fmt(f),
        }
    }
}

impl Rule {
    /// Whether the rule allows a request that `path`, one of its own, covers, if the user signed in as it asks.
    pub(super) fn fits_without_sign_in(
        &self,
        path: &PathPrefix,
        claims: &Claims,
        head: &RequestHead,
        compared: Compared,
    ) -> bool {
        (compared == Compared::Path || self.is_for_method(&head.method))
            && (compared != Compared::All || self.is_for_client(head.client))
            && path.holds(&head.target)
            && self.principals.includes(claims)
    }

    /// All obstacles that keep the rule from allowing the request; empty exactly when it allows it.
    pub(super) fn obstacles<'a>(
        &'a self,
        path: &'a PathPrefix,
        claims: &Claims,
        known_by: KnownBy<'a>,
        head: &'a RequestHead,
    ) -> Vec<Obstacle<'a>> {
        let mut obstacles = Vec::new();
        if !self.is_for_issuer(known_by) {
            let issuer = match known_by {
                KnownBy::ForeignIssuer(issuer) => Some(issuer),
                KnownBy::Session(_) | KnownBy::Credential => None,
            };
            return vec![Obstacle::Issuer(issuer, &self.issuers)];
        }
        if !self.is_for_method(&head.method) {
            obstacles.push(Obstacle::Method(&head.method, &self.methods));
        }
        if !self.is_for_client(head.client) {
            obstacles.push(Obstacle::Network(head.client, &self.networks));
        }
        if !path.holds(&head.target) {
            obstacles.push(Obstacle::Spelling(path));
        }
        obstacles.extend(self.principals.unmet(claims).into_iter().map(Obstacle::User));
        let sign_in = self.authentication.iter().flat_map(|requirement| requirement.unmet(claims, known_by));
        obstacles.extend(sign_in.map(Obstacle::User));
        obstacles
    }

    /// Whether the rule is for users that are known in this way.
    pub(super) fn is_for_issuer(&self, known_by: KnownBy<'_>) -> bool {
        match known_by {
            KnownBy::Session(_) | KnownBy::Credential => self.issuers.is_empty(),
            KnownBy::ForeignIssuer(issuer) => self.issuers.iter().any(|named| named == issuer),
        }
    }

    fn is_for_client(&self, client: Option<IpAddr>) -> bool {
        self.networks.is_empty() || self.networks.contain(client)
    }

    fn is_for_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|Method(covered)| covered == method)
    }
}

fn any_of(methods: &[Method]) -> String {
    methods.iter().map(|Method(text)| text.as_str()).collect::<Vec<_>>().join(" or ")
}

/// Formatted as in `paths /admin, methods GET or HEAD: groups admins`, or `tokens of https://ci.example: anyone`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places = Vec::new();
        if !self.issuers.is_empty() {
            places.push(format!("tokens of {}", self.issuers.join(" or ")));
        }
        if !self.paths.is_empty() {
            let paths: Vec<String> = self.paths.iter().map(ToString::to_string).collect();
            places.push(format!("paths {}", paths.join(" or ")));
        }
        if !self.methods.is_empty() {
            places.push(format!("methods {}", any_of(&self.methods)));
        }
        if !self.networks.is_empty() {
            places.push(format!("networks {}", self.networks));
        }
        if !places.is_empty() {
            write!(f, "{}: ", places.join(", "))?;
        }
        write!(f, "{}", self.principals)?;
        self.authentication.as_ref().map_or(Ok(()), |requirement| write!(f, ", {requirement}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n8_a_method_is_any_token_in_capitals() {
        for text in ["GET", "M-SEARCH", "QUERY", "PROPFIND", "X_1"] {
            assert!(Method::parse(text).is_ok(), "{text}");
        }
        for text in ["", "GET ", "G/T", "GÉT", "GET,POST"] {
            assert_eq!(Method::parse(text), Err(MethodFault::NotAToken), "{text}");
        }
        assert_eq!(Method::parse("get"), Err(MethodFault::LowerCase));
    }
}
