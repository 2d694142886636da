//! Signed access tokens (RFC 9068), checked here. The type of the header and the required claims keep every other kind of
//! token out; a key of the issuer has to have signed it with one of the configured algorithms.

use serde_json::{Map, Value};

use super::{Refusal, VerifiedCredential, scopes};
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::json;
use crate::domain::oidc::jws::{Kind, Purpose, VerifiedJws};
use crate::domain::oidc::jwt::{check_issuer, check_times, subject};
use crate::domain::oidc::user::User;
use crate::domain::time::Timestamp;

/// What an application's access tokens look like.
#[derive(Clone, Debug)]
pub struct AccessTokenRules {
    /// The resource that `aud` has to name (AT-3).
    pub audience: String,
    /// The algorithms of public keys that may have signed it (AT-2).
    pub algorithms: Vec<SigningAlgorithm>,
    /// The type that its header has to name (AT-1).
    pub token_type: TokenType,
}

/// `typ` in the header of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenType {
    /// `at+jwt`: the profile of RFC 9068, with all that it demands.
    #[default]
    AccessToken,
    /// `JWT`: any provider's own ways. Members that only other kinds of tokens have keep those out.
    Jwt,
}

/// What an access token must agree with.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Issuer identifier of the application's provider.
    pub issuer: &'a str,
    /// The application's rules.
    pub rules: &'a AccessTokenRules,
    /// Scopes that it must have.
    pub scopes: &'a [String],
    /// The present.
    pub now: Timestamp,
}

impl AccessTokenRules {
    /// What the header of an access token has to say.
    #[must_use]
    pub fn purpose(&self) -> Purpose<'_> {
        let token_type = match self.token_type {
            TokenType::AccessToken => "at+jwt",
            TokenType::Jwt => "jwt",
        };
        Purpose::AccessToken { algorithms: &self.algorithms, token_type }
    }
}

/// Checks every claim of an access token whose signature is verified.
///
/// # Errors
/// The first check that failed.
pub fn check(token: VerifiedJws, expected: &Expected<'_>) -> Result<VerifiedCredential, Refusal> {
    let (raw, claims) = token.into_parts(Kind::AccessToken)?;
    check_issuer(&claims, expected.issuer)?;
    if !scopes::is_for(&claims, &expected.rules.audience) {
        return Err(Refusal::Audience);
    }
    let expires = check_times(&claims, expected.now)?;
    let user = User { issuer: expected.issuer.to_owned(), subject: subject(&claims)?.to_owned() };
    check_kind(&claims, expected.rules.token_type)?;
    if json::optional(&claims, "cnf").is_some() {
        return Err(Refusal::Bound);
    }
    scopes::check(&claims, expected.scopes)?;
    Ok(VerifiedCredential::new(user, Claims::new(claims), raw, Some(expires)))
}

/// Is it an access token at all? RFC 9068 tells by the header and has claims that the others lack; elsewhere the others
/// are told by what they alone have.
fn check_kind(claims: &Map<String, Value>, token_type: TokenType) -> Result<(), Refusal> {
    match token_type {
        TokenType::AccessToken => {
            let has = |name: &&str| claims.get(*name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            ["client_id", "jti"].into_iter().find(|name| !has(name)).map_or(Ok(()), |name| Err(Refusal::Missing(name)))
        }
        TokenType::Jwt => {
            let telling = ["nonce", "at_hash", "c_hash", "events"].into_iter().find(|name| claims.contains_key(*name));
            // Keycloak writes the kind into a claim: `Bearer`, `ID`, `Refresh`, `Logout`.
            let named = json::optional(claims, "typ").filter(|kind| kind.as_str() != Some("Bearer")).map(|_| "typ");
            telling.or(named).map_or(Ok(()), |name| Err(Refusal::OtherKind(name)))
        }
    }
}

#[cfg(test)]
mod tests;
