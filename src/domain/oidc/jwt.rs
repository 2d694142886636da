//! The common parts of all kinds of signed tokens: compact form, times, subject (RFC 7519). The other checks are made
//! by the validator of each kind (JW-4): [`id_token`](super::id_token), [`logout_token`](super::logout_token) or
//! [`credentials`](super::credentials).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use thiserror::Error;

use super::algorithm::SigningAlgorithm;
use super::json;
use super::operands::{Operands, Shown};
use crate::domain::time::Timestamp;

/// The tolerance for the difference between the provider's clock and the server's.
pub const LEEWAY: Duration = Duration::from_secs(60);
/// The longest token that is parsed, in bytes (JW-1).
const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// The check that a token, or an answer about its user, failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TokenFault {
    /// Not three parts of strict base64url, of which the first two are JSON objects without repeated members.
    #[error("the token is not a well-formed signed JWT")]
    Malformed,
    /// Longer than a token may be before its signature is verified; a very long list of groups can cause this.
    #[error("the token is longer than 64 KiB")]
    TooLong,
    /// The token is encrypted, and Gatepost does not decrypt tokens.
    #[error("the token is encrypted")]
    Encrypted,
    /// Signed with an algorithm other than the pinned one.
    #[error("the token is not signed with the configured algorithm{0}")]
    Algorithm(Operands),
    /// The header has members that change the meaning of the token.
    #[error("the token's header has a parameter that is not supported")]
    Header,
    /// No key of the provider verifies the signature.
    #[error("the token's signature does not verify{0}")]
    Signature(Operands),
    /// The key of the signature is not known here, and too many requests wait for the provider's keys already.
    #[error("the token's key is unknown, and too many requests wait for the provider's keys already")]
    KeysUnavailable,
    /// `iss` is not the configured issuer, byte for byte.
    #[error("`iss` is not the configured issuer{0}")]
    Issuer(Operands),
    /// `tid` is not a tenant whose users may sign in.
    #[error("`tid` is not an allowed tenant{0}")]
    Tenant(Operands),
    /// `aud` is not this client alone.
    #[error("`aud` is not this client alone{0}")]
    Audience(Operands),
    /// `azp` is not this client.
    #[error("`azp` is not this client")]
    AuthorizedParty,
    /// One of the times is missing or not a number of seconds.
    #[error("`{0}` is missing or not a number of seconds")]
    Time(&'static str),
    /// `exp` is past, by this number of seconds.
    #[error("`exp` was {0} s ago: the token came too late, or the provider's clock and ours differ")]
    Expired(u64),
    /// `iat` is in the future, by this number of seconds.
    #[error("`iat` is {0} s ahead: the provider's clock and ours differ")]
    IssuedAt(u64),
    /// `nbf` is in the future, by this number of seconds.
    #[error("`nbf` is {0} s ahead: the provider's clock and ours differ")]
    NotBefore(u64),
    /// `nonce` is missing or is another attempt's.
    #[error("`nonce` is missing or belongs to another sign-in attempt")]
    Nonce,
    /// `sub` is missing, empty, over 255 characters or not ASCII.
    #[error("`sub` is missing or not 1 to 255 ASCII characters")]
    Subject,
    /// `at_hash` does not match the access token.
    #[error("`at_hash` does not belong to the access token")]
    AccessTokenHash,
    /// `events` does not identify the token as a logout token.
    #[error("`events` does not name the back-channel logout event")]
    Event,
    /// A logout token with a `nonce`: it may be an ID Token.
    #[error("there is a `nonce`, which a logout token never has")]
    UnexpectedNonce,
    /// A logout token without `jti`, whose replay could not be detected.
    #[error("`jti` is missing")]
    TokenId,
    /// A logout token that names neither a user nor a session.
    #[error("neither `sub` nor `sid` says whose sessions end")]
    NoSubjectOrSession,
    /// A member is present but not a text.
    #[error("`{0}` is not a text")]
    Text(&'static str),
    /// The `UserInfo` answer is about another user.
    #[error("UserInfo's `sub` is not the token's")]
    OtherSubject,
    /// A refresh returned the token of another user (`OpenID` Connect Core section 12.2).
    #[error("`sub` is not the session's")]
    OtherUser,
    /// A refresh returned the token of another sign-in, as this claim shows.
    #[error("`{0}` differs from the sign-in")]
    OtherSignIn(&'static str),
}

impl TokenFault {
    /// [`TokenFault::Algorithm`] without the names of the algorithms.
    pub const ALGORITHM: Self = Self::Algorithm(Operands::NONE);
    /// [`TokenFault::Signature`] without the list of keys.
    pub const SIGNATURE: Self = Self::Signature(Operands::NONE);
    /// [`TokenFault::Issuer`] without the two issuers.
    pub const ISSUER: Self = Self::Issuer(Operands::NONE);
    /// [`TokenFault::Audience`] without the audiences.
    pub const AUDIENCE: Self = Self::Audience(Operands::NONE);
}

/// The parsed header and payload of a compact JWT (RFC 7519 section 3), not verified yet.
#[derive(Debug)]
pub struct CompactToken {
    /// The JOSE header.
    pub header: Map<String, Value>,
    /// The claims.
    pub payload: Map<String, Value>,
}

impl CompactToken {
    /// Parses a compact JWT: strict unpadded base64url, exactly three parts, objects without repeated members.
    ///
    /// # Errors
    /// [`TokenFault::Malformed`], [`TokenFault::TooLong`], or [`TokenFault::Encrypted`] for five parts.
    pub fn parse(raw: &str) -> Result<Self, TokenFault> {
        if raw.len() > MAX_TOKEN_BYTES {
            return Err(TokenFault::TooLong);
        }
        let parts: Vec<&str> = raw.split('.').collect();
        match parts.as_slice() {
            [header, payload, signature] => {
                decode(signature)?;
                Ok(Self { header: object(header)?, payload: object(payload)? })
            }
            [_, _, _, _, _] => Err(TokenFault::Encrypted),
            _ => Err(TokenFault::Malformed),
        }
    }

    /// The algorithm that the header names, if it is supported.
    #[must_use]
    pub fn algorithm(&self) -> Option<SigningAlgorithm> {
        self.header.get("alg").and_then(Value::as_str).and_then(SigningAlgorithm::parse)
    }

    /// The key that the header names (RFC 7515 section 4.1.4).
    ///
    /// # Errors
    /// [`TokenFault::Header`] when it is not a text.
    pub fn key_id(&self) -> Result<Option<&str>, TokenFault> {
        json::optional(&self.header, "kid").map(|id| id.as_str().ok_or(TokenFault::Header)).transpose()
    }

    /// The media type in `typ` (RFC 7515 section 4.1.9), in lower case and without `application/`; `None` when there is
    /// none.
    ///
    /// # Errors
    /// [`TokenFault::Header`] when it is not a text.
    pub fn media_type(&self) -> Result<Option<String>, TokenFault> {
        let Some(media_type) = json::optional(&self.header, "typ") else { return Ok(None) };
        let media_type = media_type.as_str().ok_or(TokenFault::Header)?.to_ascii_lowercase();
        Ok(Some(media_type.strip_prefix("application/").map_or_else(|| media_type.clone(), str::to_owned)))
    }

    /// Refuses a header with critical extensions (RFC 7515 section 4.1.11): none is supported.
    ///
    /// # Errors
    /// [`TokenFault::Header`] when it has `crit`.
    pub fn refuse_critical(&self) -> Result<(), TokenFault> {
        if self.header.contains_key("crit") { Err(TokenFault::Header) } else { Ok(()) }
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Malformed)
}

fn object(part: &str) -> Result<Map<String, Value>, TokenFault> {
    json::object(&decode(part)?).ok_or(TokenFault::Malformed)
}

/// OC-8: checks the times in whole seconds, with a tolerance for clock differences. Returns the time of expiry.
pub(in crate::domain) fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, TokenFault> {
    let expires = seconds(claims, "exp")?.ok_or(TokenFault::Time("exp"))?;
    check_times_until(claims, now, expires)
}

/// The same for a token that may do without `exp`: it expires so long after `iat` then.
pub(in crate::domain) fn check_times_from_issue(
    claims: &Map<String, Value>,
    now: Timestamp,
    lifetime: Duration,
) -> Result<Timestamp, TokenFault> {
    let expires = match seconds(claims, "exp")? {
        Some(expires) => expires,
        None => seconds(claims, "iat")?.ok_or(TokenFault::Time("iat"))?.plus(lifetime),
    };
    check_times_until(claims, now, expires)
}

fn check_times_until(claims: &Map<String, Value>, now: Timestamp, expires: Timestamp) -> Result<Timestamp, TokenFault> {
    if now >= expires.plus(LEEWAY) {
        return Err(TokenFault::Expired(now.since(expires).as_secs()));
    }
    let issued = seconds(claims, "iat")?.ok_or(TokenFault::Time("iat"))?;
    if issued > now.plus(LEEWAY) {
        return Err(TokenFault::IssuedAt(issued.since(now).as_secs()));
    }
    match seconds(claims, "nbf")? {
        Some(not_before) if not_before > now.plus(LEEWAY) => {
            Err(TokenFault::NotBefore(not_before.since(now).as_secs()))
        }
        _ => Ok(expires),
    }
}

/// A `NumericDate` (RFC 7519 section 2) up to the year 9999; a fraction, which the RFC allows, is cut off.
pub(in crate::domain) fn seconds(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<Timestamp>, TokenFault> {
    const END_OF_9999: u64 = 253_402_300_799;
    let Some(value) = json::optional(claims, name) else { return Ok(None) };
    let whole = match (value.as_u64(), value.as_f64()) {
        (Some(whole), _) if whole <= END_OF_9999 => whole,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "the range is checked first"
        )]
        (None, Some(number)) if (0.0..=END_OF_9999 as f64).contains(&number) => number as u64,
        _ => return Err(TokenFault::Time(name)),
    };
    Ok(Some(Timestamp::from_unix(whole)))
}

/// Checks that `iss` is the configured issuer, byte for byte (OC-2).
///
/// # Errors
/// [`TokenFault::Issuer`].
pub fn check_issuer(claims: &Map<String, Value>, configured: &str) -> Result<(), TokenFault> {
    let said = claims.get("iss");
    if said.and_then(Value::as_str) == Some(configured) {
        return Ok(());
    }
    Err(TokenFault::Issuer(Operands::new(format_args!("it is {}, the configured one {configured:?}", Shown(said)))))
}

pub(in crate::domain) fn subject(claims: &Map<String, Value>) -> Result<&str, TokenFault> {
    let subject = claims.get("sub").and_then(Value::as_str).ok_or(TokenFault::Subject)?;
    if (1..=255).contains(&subject.len()) && subject.is_ascii() { Ok(subject) } else { Err(TokenFault::Subject) }
}
