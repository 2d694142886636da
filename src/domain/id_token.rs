//! The ID Token's claims, checked in full (`OpenID` Connect Core section 3.1.3.7), and what follows from them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use super::application::SigningAlgorithm;
use super::claims::Claims;
use super::session::User;
use super::sign_in::Nonce;
use super::time::Timestamp;

/// How far the provider's clock may be off.
pub const LEEWAY: Duration = Duration::from_secs(60);
/// The longest ID Token worth looking at (JW-1).
const MAX_TOKEN_BYTES: usize = 64 * 1024;
/// Claims about the token and the sign-in, not about the user.
const OF_THE_TOKEN: [&str; 16] = [
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

/// The check that an ID Token or `UserInfo` answer failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum IdTokenFault {
    /// Not three parts of strict base64url around JSON objects without repeated members.
    #[error("the ID Token is not a well-formed signed JWT")]
    Malformed,
    /// Encrypted, and nothing here decrypts.
    #[error("the ID Token is encrypted")]
    Encrypted,
    /// Signed with another algorithm than the pinned one.
    #[error("the ID Token is not signed with the configured algorithm")]
    Algorithm,
    /// Header members that change the meaning of the token.
    #[error("the ID Token's header asks for something that is not supported")]
    Header,
    /// No key of the provider verifies the signature.
    #[error("the ID Token's signature does not verify")]
    Signature,
    /// `iss` is not the configured issuer, byte for byte.
    #[error("`iss` is not the configured issuer")]
    Issuer,
    /// `aud` is not this client alone.
    #[error("`aud` is not this client alone")]
    Audience,
    /// `azp` is not this client.
    #[error("`azp` is not this client")]
    AuthorizedParty,
    /// One of the times is missing or no number of seconds.
    #[error("`{0}` is missing or not a number of seconds")]
    Time(&'static str),
    /// `exp` is past, by so many seconds.
    #[error("`exp` was {0} s ago: the ID Token came too late, or the provider's clock and ours differ")]
    Expired(u64),
    /// `iat` is in the future, by so many seconds.
    #[error("`iat` is {0} s ahead: the provider's clock and ours differ")]
    IssuedAt(u64),
    /// `nbf` is in the future, by so many seconds.
    #[error("`nbf` is {0} s ahead: the provider's clock and ours differ")]
    NotBefore(u64),
    /// `nonce` missing or another attempt's.
    #[error("`nonce` is missing or not this attempt's")]
    Nonce,
    /// `sub` missing, empty, over 255 characters or not ASCII.
    #[error("`sub` is missing or not 1 to 255 ASCII characters")]
    Subject,
    /// `at_hash` does not belong to the access token.
    #[error("`at_hash` does not belong to the access token")]
    AccessTokenHash,
    /// `UserInfo` speaks of another user.
    #[error("UserInfo's `sub` is not the ID Token's")]
    OtherSubject,
}

/// What an ID Token must agree with.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Issuer identifier of the relying party's provider.
    pub issuer: &'a str,
    /// Client identifier of the relying party.
    pub client_id: &'a str,
    /// Nonce of the sign-in attempt.
    pub nonce: &'a Nonce,
    /// Pinned algorithm, which also decides the hash of `at_hash`.
    pub algorithm: SigningAlgorithm,
    /// The access token of the same answer, for `at_hash`.
    pub access_token: Option<&'a str>,
    /// The present.
    pub now: Timestamp,
}

/// Proof that an ID Token passed every check. The caller of [`VerifiedIdToken::check`] vouches for the signature.
#[derive(Debug)]
pub struct VerifiedIdToken {
    user: User,
    claims: Claims,
    raw: SecretString,
    expires: Timestamp,
}

/// The readable halves of a compact JWT (RFC 7519 section 3), nothing verified yet.
#[derive(Debug)]
pub struct CompactToken {
    /// The JOSE header.
    pub header: Map<String, Value>,
    /// The claims.
    pub payload: Map<String, Value>,
}

impl CompactToken {
    /// Takes a compact JWT apart: strict unpadded base64url, exactly three parts, objects without repeated members.
    ///
    /// # Errors
    /// [`IdTokenFault::Malformed`], or [`IdTokenFault::Encrypted`] for five parts.
    pub fn parse(raw: &str) -> Result<Self, IdTokenFault> {
        if raw.len() > MAX_TOKEN_BYTES {
            return Err(IdTokenFault::Malformed);
        }
        let parts: Vec<&str> = raw.split('.').collect();
        match parts.as_slice() {
            [header, payload, signature] => {
                decode(signature)?;
                Ok(Self { header: object(header)?, payload: object(payload)? })
            }
            [_, _, _, _, _] => Err(IdTokenFault::Encrypted),
            _ => Err(IdTokenFault::Malformed),
        }
    }

    /// Checks the header: the pinned algorithm, nothing critical, and not the type of another kind of token.
    ///
    /// # Errors
    /// [`IdTokenFault::Algorithm`] or [`IdTokenFault::Header`].
    pub fn check_header(&self, algorithm: SigningAlgorithm) -> Result<(), IdTokenFault> {
        let named = self.header.get("alg").and_then(Value::as_str).and_then(SigningAlgorithm::parse);
        if named != Some(algorithm) {
            return Err(IdTokenFault::Algorithm);
        }
        let kind = match self.header.get("typ") {
            None => "jwt".to_owned(),
            Some(kind) => kind.as_str().ok_or(IdTokenFault::Header)?.to_ascii_lowercase(),
        };
        let of_id_token = matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "id_token+jwt");
        if of_id_token && !self.header.contains_key("crit") { Ok(()) } else { Err(IdTokenFault::Header) }
    }
}

fn decode(part: &str) -> Result<Vec<u8>, IdTokenFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| IdTokenFault::Malformed)
}

fn object(part: &str) -> Result<Map<String, Value>, IdTokenFault> {
    super::json::object(&decode(part)?).ok_or(IdTokenFault::Malformed)
}

impl VerifiedIdToken {
    /// Checks every claim of a token whose signature the caller has verified.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn check(raw: SecretString, expected: &Expected<'_>) -> Result<Self, IdTokenFault> {
        let token = CompactToken::parse(raw.expose_secret())?;
        token.check_header(expected.algorithm)?;
        let claims = token.payload;
        if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
            return Err(IdTokenFault::Issuer);
        }
        check_audience(&claims, expected.client_id)?;
        let expires = check_times(&claims, expected.now)?;
        let nonce = claims.get("nonce").and_then(Value::as_str).ok_or(IdTokenFault::Nonce)?;
        if !expected.nonce.equals(nonce) {
            return Err(IdTokenFault::Nonce);
        }
        check_access_token_hash(&claims, expected)?;
        let user = User { issuer: expected.issuer.to_owned(), subject: subject(&claims)?.to_owned() };
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

    /// `exp`.
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

/// A completed sign-in: the verified token, the claims completed by `UserInfo`, the access token.
#[derive(Debug)]
pub struct SignedIn {
    pub(in crate::domain) id_token: VerifiedIdToken,
    pub(in crate::domain) claims: Claims,
    pub(in crate::domain) access_token: Option<SecretString>,
}

impl SignedIn {
    /// A sign-in from the ID Token alone.
    #[must_use]
    pub fn new(id_token: VerifiedIdToken, access_token: Option<SecretString>) -> Self {
        let claims = id_token.claims.clone();
        Self { id_token, claims, access_token }
    }

    /// The claims as known so far.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Completes the claims from a UserInfo answer; what the ID Token says stands, and what belongs to the token
    /// itself (its provider session, say) comes from nowhere else.
    ///
    /// # Errors
    /// [`IdTokenFault::OtherSubject`] when it speaks of another user (Core section 5.3.2).
    pub fn complete(mut self, mut user_info: Map<String, Value>) -> Result<Self, IdTokenFault> {
        if user_info.get("sub").and_then(Value::as_str) != Some(self.id_token.user.subject.as_str()) {
            return Err(IdTokenFault::OtherSubject);
        }
        user_info.retain(|name, _| !OF_THE_TOKEN.contains(&name.as_str()));
        self.claims = self.claims.completed_by(Claims::new(user_info));
        Ok(self)
    }
}

/// OC-3 and OC-4: this client alone, as a text or a list of one; whoever else is named is a stranger.
fn check_audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), IdTokenFault> {
    let ours = |value: &Value| value.as_str() == Some(client_id);
    let alone = match claims.get("aud") {
        Some(Value::Array(list)) => !list.is_empty() && list.iter().all(ours),
        Some(one) => ours(one),
        None => false,
    };
    if !alone {
        return Err(IdTokenFault::Audience);
    }
    match claims.get("azp") {
        Some(party) if !ours(party) => Err(IdTokenFault::AuthorizedParty),
        _ => Ok(()),
    }
}

/// OC-8: whole seconds, a little leeway for the clocks.
fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, IdTokenFault> {
    let expires = seconds(claims, "exp")?.ok_or(IdTokenFault::Time("exp"))?;
    if now >= expires.plus(LEEWAY) {
        return Err(IdTokenFault::Expired(now.since(expires).as_secs()));
    }
    let issued = seconds(claims, "iat")?.ok_or(IdTokenFault::Time("iat"))?;
    if issued > now.plus(LEEWAY) {
        return Err(IdTokenFault::IssuedAt(issued.since(now).as_secs()));
    }
    match seconds(claims, "nbf")? {
        Some(not_before) if not_before > now.plus(LEEWAY) => {
            Err(IdTokenFault::NotBefore(not_before.since(now).as_secs()))
        }
        _ => Ok(expires),
    }
}

/// A `NumericDate` (RFC 7519 section 2) up to the year 9999; a fraction is cut off, as the RFC allows one.
fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, IdTokenFault> {
    const END_OF_9999: u64 = 253_402_300_799;
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = match (value.as_u64(), value.as_f64()) {
        (Some(whole), _) if whole <= END_OF_9999 => whole,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "the range is checked first"
        )]
        (None, Some(number)) if (0.0..=END_OF_9999 as f64).contains(&number) => number as u64,
        _ => return Err(IdTokenFault::Time(name)),
    };
    Ok(Some(Timestamp::from_unix(whole)))
}

fn subject(claims: &Map<String, Value>) -> Result<&str, IdTokenFault> {
    let subject = claims.get("sub").and_then(Value::as_str).ok_or(IdTokenFault::Subject)?;
    if (1..=255).contains(&subject.len()) && subject.is_ascii() { Ok(subject) } else { Err(IdTokenFault::Subject) }
}

/// OC-12: the left half of the access token's hash (Core section 3.1.3.6).
fn check_access_token_hash(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), IdTokenFault> {
    let Some(claimed) = claims.get("at_hash") else { return Ok(()) };
    let (Some(claimed), Some(token)) = (claimed.as_str(), expected.access_token) else {
        return Err(IdTokenFault::AccessTokenHash);
    };
    let hash = digest::digest(hash_of(expected.algorithm), token.as_bytes());
    let half = hash.as_ref().get(..hash.as_ref().len() / 2).unwrap_or_default();
    let computed = URL_SAFE_NO_PAD.encode(half);
    if bool::from(computed.as_bytes().ct_eq(claimed.as_bytes())) { Ok(()) } else { Err(IdTokenFault::AccessTokenHash) }
}

fn hash_of(algorithm: SigningAlgorithm) -> &'static digest::Algorithm {
    use SigningAlgorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
    match algorithm {
        RS256 | PS256 | ES256 | HS256 => &digest::SHA256,
        RS384 | PS384 | ES384 | HS384 => &digest::SHA384,
        RS512 | PS512 | HS512 | EdDSA => &digest::SHA512,
    }
}

#[cfg(test)]
#[path = "id_token_tests.rs"]
mod tests;
