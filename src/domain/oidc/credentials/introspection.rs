//! What the provider says about a token (RFC 7662 section 2.2). Its word that the token is active is not enough: whatever
//! else it says has to agree, too (IN-2).

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{Refusal, VerifiedCredential, scopes};
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::json;
use crate::domain::oidc::jwt::{LEEWAY, TokenFault, check_issuer, seconds, subject};
use crate::domain::oidc::user::User;
use crate::domain::time::Timestamp;

/// For whom a token has to be made. A provider calls tokens of all its applications active, and one made for another
/// application is none here (CVE-2024-47077).
#[derive(Clone, Debug)]
pub enum IntrospectionRules {
    /// `aud` has to name this resource.
    Audience(String),
    /// `client_id` has to be one of these clients, or `aud` to name one.
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

/// What an answer must agree with.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Issuer identifier of the application's provider.
    pub issuer: &'a str,
    /// The application's rules.
    pub rules: &'a IntrospectionRules,
    /// Scopes that the token must have.
    pub scopes: &'a [String],
    /// The present.
    pub now: Timestamp,
}

/// Checks what the provider answered about `token`.
///
/// # Errors
/// The first check that failed.
pub fn check(
    mut members: Map<String, Value>,
    token: &SecretString,
    expected: &Expected<'_>,
) -> Result<VerifiedCredential, Refusal> {
    if members.remove("active") != Some(Value::Bool(true)) {
        return Err(Refusal::Inactive);
    }
    if json::optional(&members, "iss").is_some() {
        check_issuer(&members, expected.issuer)?;
    }
    if !expected.rules.permit(&members) {
        return Err(Refusal::Audience);
    }
    let expires = check_times(&members, expected.now)?;
    let user = User { issuer: expected.issuer.to_owned(), subject: subject(&members)?.to_owned() };
    if json::optional(&members, "cnf").is_some() {
        return Err(Refusal::Bound);
    }
    // A refresh token may be active as well; `DPoP` and `mac` are no bearer tokens.
    let is_bearer = |kind: &Value| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer"));
    if json::optional(&members, "token_type").is_some_and(|kind| !is_bearer(kind)) {
        return Err(Refusal::OtherKind("token_type"));
    }
    scopes::check(&members, expected.scopes)?;
    Ok(VerifiedCredential::new(user, Claims::new(members), token.clone(), expires))
}

/// The times of an answer are optional, and an active token has not ended; but clocks differ, and providers err.
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
