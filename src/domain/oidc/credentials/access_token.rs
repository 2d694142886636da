//! Signed access tokens (RFC 9068), verified locally. The header's type and the required claims exclude every other
//! kind of token; the signature must be made by a key of the issuer with one of the configured algorithms.

use serde_json::{Map, Value};

use super::{Refusal, VerifiedCredential, scopes};
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::json;
use crate::domain::oidc::jws::{Purpose, TokenKind, VerifiedJws};
use crate::domain::oidc::jwt::{check_times, subject};
use crate::domain::oidc::user::User;
use crate::domain::time::Timestamp;

/// The rules for an application's access tokens.
#[derive(Clone, Debug)]
pub struct AccessTokenRules {
    /// The resources of which `aud` must name one (AT-3).
    pub audiences: Vec<String>,
    /// The public-key algorithms that may sign the token (AT-2).
    pub algorithms: Vec<SigningAlgorithm>,
    /// The type that the header must name (AT-1).
    pub token_type: TokenType,
}

/// The value of `typ` in the header of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenType {
    /// `at+jwt`: the profile of RFC 9068, with all its required claims.
    #[default]
    AccessToken,
    /// `JWT`: for providers without that profile. Members that only other kinds of tokens have exclude those.
    Jwt,
    /// No `typ` at all, as Kubernetes sends it; with the exclusions of `JWT`.
    Absent,
}

/// The values that an access token is checked against.
#[derive(Debug)]
pub struct ExpectedAccessToken<'a> {
    /// The issuers that the application trusts.
    pub issuer: TrustedIssuer<'a>,
    /// The application's rules.
    pub rules: &'a AccessTokenRules,
    /// Scopes that the token must have.
    pub scopes: &'a [String],
    /// The current time.
    pub now: Timestamp,
}

impl AccessTokenRules {
    /// The purpose under which the header and the signature are verified.
    #[must_use]
    pub fn purpose(&self) -> Purpose<'_> {
        let token_type = match self.token_type {
            TokenType::AccessToken => Some("at+jwt"),
            TokenType::Jwt => Some("jwt"),
            TokenType::Absent => None,
        };
        Purpose::AccessToken { algorithms: &self.algorithms, token_type }
    }
}

/// Checks every claim of an access token whose signature is verified.
///
/// # Errors
/// The first check that fails.
pub fn check(token: VerifiedJws, expected: &ExpectedAccessToken<'_>) -> Result<VerifiedCredential, Refusal> {
    let (raw, claims) = token.into_parts(TokenKind::AccessToken)?;
    let issuer = expected.issuer.check(&claims)?;
    if !expected.rules.audiences.iter().any(|audience| scopes::is_for(&claims, audience)) {
        return Err(Refusal::Audience);
    }
    let expires = check_times(&claims, expected.now)?;
    let user = User { issuer, subject: subject(&claims)?.to_owned() };
    check_kind(&claims, expected.rules.token_type)?;
    if json::optional(&claims, "cnf").is_some() {
        return Err(Refusal::Bound);
    }
    scopes::check(&claims, expected.scopes)?;
    Ok(VerifiedCredential::new(user, Claims::new(claims), raw, Some(expires)))
}

/// Checks that the token is an access token at all. RFC 9068 identifies it by the header and by claims that other kinds
/// lack; without that profile, other kinds are recognised by members that only they have.
fn check_kind(claims: &Map<String, Value>, token_type: TokenType) -> Result<(), Refusal> {
    match token_type {
        TokenType::AccessToken => {
            let has = |name: &&str| claims.get(*name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            ["client_id", "jti"].into_iter().find(|name| !has(name)).map_or(Ok(()), |name| Err(Refusal::Missing(name)))
        }
        TokenType::Jwt | TokenType::Absent => {
            let telling = ["nonce", "at_hash", "c_hash", "events"].into_iter().find(|name| claims.contains_key(*name));
            // Keycloak writes the kind into this claim: `Bearer`, `ID`, `Refresh`, `Logout`.
            let named = json::optional(claims, "typ").filter(|kind| kind.as_str() != Some("Bearer")).map(|_| "typ");
            telling.or(named).map_or(Ok(()), |name| Err(Refusal::OtherKind(name)))
        }
    }
}

#[cfg(test)]
mod tests;
