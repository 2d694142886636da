//! The provider's introspection answer about a token (RFC 7662 section 2.2). It is not enough that the token is active:
//! the other members have to match as well (IN-2).

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{Refusal, VerifiedCredential, scopes};
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::json;
use crate::domain::oidc::jwt::{LEEWAY, TokenFault, seconds, subject};
use crate::domain::oidc::user::User;
use crate::domain::time::Timestamp;

/// The recipient for which a token must be issued. A provider reports the tokens of all its applications as active, and
/// one that was issued for another application is not valid here (CVE-2024-47077).
#[derive(Clone, Debug)]
pub enum IntrospectionRules {
    /// `aud` must name this resource.
    Audience(String),
    /// `client_id` must be one of these clients, or `aud` must name one.
    Clients(Vec<String>),
}

impl IntrospectionRules {
    fn permit(&self, members: &Map<String, Value>) -> bool {
        let is_of = |client: &String| members.get("client_id").is_some_and(|id| id == client);
        match self {
            Self::Audience(audience) => scopes::is_for(members, audience),
            Self::Clients(clients) => clients.iter().any(|client| is_of(client) || scopes::is_for(members, client)),
        }
    }
}

/// The values that an answer is checked against.
#[derive(Debug)]
pub struct ExpectedIntrospection<'a> {
    /// The issuers that the application trusts.
    pub issuer: TrustedIssuer<'a>,
    /// The application's rules.
    pub rules: &'a IntrospectionRules,
    /// Scopes that the token must have.
    pub scopes: &'a [String],
    /// The current time.
    pub now: Timestamp,
}

/// Checks the provider's answer about `token`.
///
/// # Errors
/// The first check that fails.
pub fn check(
    mut members: Map<String, Value>,
    token: &SecretString,
    expected: &ExpectedIntrospection<'_>,
) -> Result<VerifiedCredential, Refusal> {
    if members.remove("active") != Some(Value::Bool(true)) {
        return Err(Refusal::Inactive);
    }
    // The answer may leave the issuer out where there is one only.
    let issuer = match (json::optional(&members, "iss"), expected.issuer.sole()) {
        (None, Some(sole)) => sole.to_owned(),
        _ => expected.issuer.check(&members)?,
    };
    if !expected.rules.permit(&members) {
        return Err(Refusal::Audience);
    }
    let expires = check_times(&members, expected.now)?;
    let user = User { issuer, subject: subject(&members)?.to_owned() };
    if json::optional(&members, "cnf").is_some() {
        return Err(Refusal::Bound);
    }
    // A refresh token may be active as well; `DPoP` and `mac` tokens are not bearer tokens.
    let is_bearer = |kind: &Value| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer"));
    if json::optional(&members, "token_type").is_some_and(|kind| !is_bearer(kind)) {
        return Err(Refusal::OtherKind("token_type"));
    }
    scopes::check(&members, expected.scopes)?;
    Ok(VerifiedCredential::new(user, Claims::new(members), token.clone(), expires))
}

/// The times of an answer are optional, and an active token has not expired; they are checked because clocks differ,
/// and providers make mistakes.
fn check_times(members: &Map<String, Value>, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let expires = seconds(members, "exp")?;
    if let Some(expires) = expires.filter(|expires| now >= expires.plus(LEEWAY)) {
        return Err(TokenFault::Expired(now.since(expires).as_secs()).into());
    }
    match seconds(members, "nbf")? {
        Some(begins) if begins > now.plus(LEEWAY) => Err(TokenFault::NotBefore(begins.since(now).as_secs()).into()),
        _ => Ok(expires),
    }
}

#[cfg(test)]
mod tests;
