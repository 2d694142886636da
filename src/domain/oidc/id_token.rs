//! The ID Token's claims, checked in full (`OpenID` Connect Core section 3.1.3.7), and the completed sign-in.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use secrecy::SecretString;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use super::algorithm::SigningAlgorithm;
use super::claims::Claims;
use super::issuer::TrustedIssuer;
use super::json;
use super::jws::{TokenKind, VerifiedJws};
use super::jwt::{TokenFault, check_times, subject};
use super::operands::{Operands, ShownList};
use super::relying_party::RelyingParty;
use super::sign_in::Nonce;
use super::user::User;
use crate::domain::time::Timestamp;

/// Claims about the token and the sign-in, not about the user.
pub(in crate::domain) const OF_THE_TOKEN: [&str; 16] = [
    "iss",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "auth_time",
    "acr",
    "amr",
    "sid",
    "events",
];

/// The values that an ID Token is checked against.
#[derive(Debug)]
pub struct ExpectedIdToken<'a> {
    /// The client for which it must be issued.
    pub relying_party: &'a RelyingParty,
    /// The nonce of the sign-in attempt; `None` for a flow without a browser, where the token must not have one.
    pub nonce: Option<&'a Nonce>,
    /// The access token of the same answer, for the check of `at_hash`.
    pub access_token: Option<&'a str>,
    /// The current time.
    pub now: Timestamp,
}

/// Proof that an ID Token passed every check. It is made from a verified signature only.
#[derive(Debug)]
pub struct VerifiedIdToken {
    user: User,
    claims: Claims,
    raw: SecretString,
    expires: Timestamp,
}

impl VerifiedIdToken {
    /// Checks every claim of a token whose signature is verified.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(token: VerifiedJws, expected: &ExpectedIdToken<'_>) -> Result<Self, TokenFault> {
        Self::checked(token, expected, |claims| check_nonce(claims, expected.nonce))
    }

    /// As [`VerifiedIdToken::check`], for the token of a refresh: it has no nonce, or that of the sign-in (Core section
    /// 12.2).
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check_refreshed(
        token: VerifiedJws,
        expected: &ExpectedIdToken<'_>,
        original_nonce: Option<&str>,
    ) -> Result<Self, TokenFault> {
        Self::checked(token, expected, |claims| match json::optional(claims, "nonce") {
            None => Ok(()),
            Some(nonce) if original_nonce.is_some() && nonce.as_str() == original_nonce => Ok(()),
            Some(_) => Err(TokenFault::Nonce),
        })
    }

    fn checked(
        token: VerifiedJws,
        expected: &ExpectedIdToken<'_>,
        check_nonce: impl FnOnce(&Map<String, Value>) -> Result<(), TokenFault>,
    ) -> Result<Self, TokenFault> {
        let algorithm = token.algorithm();
        let (raw, claims) = token.into_parts(TokenKind::IdToken)?;
        let RelyingParty { client_id, trusted_audiences, .. } = expected.relying_party;
        let issuer = TrustedIssuer::from(expected.relying_party).check(&claims)?;
        check_audience(&claims, client_id, trusted_audiences)?;
        let expires = check_times(&claims, expected.now)?;
        check_nonce(&claims)?;
        check_access_token_hash(&claims, algorithm, expected.access_token)?;
        let user = User { issuer, subject: subject(&claims)?.to_owned() };
        Ok(Self { user, claims: Claims::new(claims), raw, expires })
    }

    /// Issuer and subject.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// All claims of the token.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The time in `exp`.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The token as the provider sent it.
    #[must_use]
    pub fn into_raw(self) -> SecretString {
        self.raw
    }
}

/// A completed sign-in: the verified token, the claims completed by `UserInfo`, the other tokens.
#[derive(Debug)]
pub struct SignedIn {
    pub(in crate::domain) id_token: VerifiedIdToken,
    pub(in crate::domain) claims: Claims,
    pub(in crate::domain) access_token: Option<SecretString>,
    pub(in crate::domain) refresh_token: Option<SecretString>,
    pub(in crate::domain) expires_in: Option<Duration>,
    /// Whether all facts were received; if not, the first refresh is due at once.
    pub(in crate::domain) is_complete: bool,
}

impl SignedIn {
    /// A sign-in from the ID Token alone.
    #[must_use]
    pub fn new(id_token: VerifiedIdToken, access_token: Option<SecretString>) -> Self {
        let claims = id_token.claims.clone();
        Self { id_token, claims, access_token, refresh_token: None, expires_in: None, is_complete: true }
    }

    /// Adds a refresh token, so that the session can be refreshed; the access token is valid for `expires_in`.
    #[must_use]
    pub fn refreshable(mut self, refresh_token: SecretString, expires_in: Option<Duration>) -> Self {
        self.refresh_token = Some(refresh_token);
        self.expires_in = expires_in;
        self
    }

    /// For a sign-in without a UserInfo answer. The ID Token alone is a complete sign-in (Core section 5.3); with a
    /// refresh token, the provider is called again soon.
    #[must_use]
    pub fn cut_short(mut self) -> Self {
        self.is_complete = false;
        self
    }

    /// The claims collected so far.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The access token of the same answer.
    #[must_use]
    pub const fn access_token(&self) -> Option<&SecretString> {
        self.access_token.as_ref()
    }

    /// Completes the claims from a UserInfo answer. The claims of the ID Token stay, and claims about the token itself
    /// (for example the provider session) are taken from the ID Token only.
    ///
    /// # Errors
    /// [`TokenFault::OtherSubject`] when the answer is about another user (Core section 5.3.2).
    pub fn complete(mut self, user_info: Map<String, Value>) -> Result<Self, TokenFault> {
        self.claims = completed(self.claims, &self.id_token.user, user_info)?;
        Ok(self)
    }
}

/// Completes `claims` with those that `UserInfo` adds about the same user.
pub(in crate::domain) fn completed(
    claims: Claims,
    user: &User,
    mut user_info: Map<String, Value>,
) -> Result<Claims, TokenFault> {
    if user_info.get("sub").and_then(Value::as_str) != Some(user.subject.as_str()) {
        return Err(TokenFault::OtherSubject);
    }
    user_info.retain(|name, _| !OF_THE_TOKEN.contains(&name.as_str()));
    Ok(claims.completed_by(Claims::new(user_info)))
}

/// OC-3 and OC-4: the audience is this client, as a text or in a list. Any other audience is untrusted (Core section 3.1.3.7),
/// unless the operator names it in `trusted`.
pub(in crate::domain) fn check_audience(
    claims: &Map<String, Value>,
    client_id: &str,
    trusted: &[String],
) -> Result<(), TokenFault> {
    let ours = |value: &Value| value.as_str() == Some(client_id);
    let is_trusted = |value: &Value| ours(value) || trusted.iter().any(|audience| value.as_str() == Some(audience));
    let fits = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().any(ours) && list.iter().all(is_trusted),
        Some(one) => ours(one),
        None => false,
    };
    if !fits {
        let aud = ShownList(claims.get("aud"));
        let words = format_args!("it is {aud}, `client_id` {client_id:?}, `trusted_audiences` {trusted:?}");
        return Err(TokenFault::Audience(Operands::new(words)));
    }
    match json::optional(claims, "azp") {
        Some(party) if !ours(party) => Err(TokenFault::AuthorizedParty),
        _ => Ok(()),
    }
}

/// OC-9. A sign-in always sends a nonce, so a missing one is as wrong as a different one.
fn check_nonce(claims: &Map<String, Value>, expected: Option<&Nonce>) -> Result<(), TokenFault> {
    let agree = match (json::optional(claims, "nonce"), expected) {
        (None, None) => true,
        (Some(Value::String(nonce)), Some(expected)) => expected.equals(nonce),
        _ => false,
    };
    if agree { Ok(()) } else { Err(TokenFault::Nonce) }
}

/// OC-12: `at_hash` is the left half of the access token's hash (Core section 3.1.3.6).
fn check_access_token_hash(
    claims: &Map<String, Value>,
    algorithm: SigningAlgorithm,
    access_token: Option<&str>,
) -> Result<(), TokenFault> {
    let Some(claimed) = json::optional(claims, "at_hash") else { return Ok(()) };
    let (Some(claimed), Some(token)) = (claimed.as_str(), access_token) else {
        return Err(TokenFault::AccessTokenHash);
    };
    let hash = digest::digest(hash_of(algorithm), token.as_bytes());
    let half = hash.as_ref().get(..hash.as_ref().len() / 2).unwrap_or_default();
    let computed = URL_SAFE_NO_PAD.encode(half);
    if bool::from(computed.as_bytes().ct_eq(claimed.as_bytes())) { Ok(()) } else { Err(TokenFault::AccessTokenHash) }
}

fn hash_of(algorithm: SigningAlgorithm) -> &'static digest::Algorithm {
    use SigningAlgorithm::{ES256, ES384, ES512, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
    match algorithm {
        RS256 | PS256 | ES256 | HS256 => &digest::SHA256,
        RS384 | PS384 | ES384 | HS384 => &digest::SHA384,
        RS512 | PS512 | ES512 | HS512 | EdDSA => &digest::SHA512,
    }
}

#[cfg(test)]
mod tests;
