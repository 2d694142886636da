//! The logout token's claims, checked in full (`OpenID` Connect Back-Channel Logout 1.0 section 2.6), and the sessions
//! that it ends.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::form;
use super::id_token::check_audience;
use super::issuer::TrustedIssuer;
use super::json;
use super::jws::{Purpose, TokenKind, VerifiedJws};
use super::jwt::{CompactToken, LEEWAY, TokenFault, check_times, check_times_from_issue, subject};
use super::relying_party::{LogoutTokenExp, RelyingParty};
use super::user::{ProviderSession, User};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::time::Timestamp;

/// The member of `events` that identifies a logout token (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How long after its `iat` a token without `exp` expires, where it may lack one: with the leeway, it counts for two minutes (BL-5).
const LIFETIME_WITHOUT_EXP: Duration = Duration::from_secs(60);

/// The values that a logout token is checked against.
#[derive(Debug)]
pub struct ExpectedLogoutToken<'a> {
    /// The client for which it must be issued.
    pub relying_party: &'a RelyingParty,
    /// The current time.
    pub now: Timestamp,
}

/// The sessions that a logout token ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All sessions of a user.
    User(User),
    /// The sessions that belong to this provider session, if it is this user's.
    ProviderSession(ProviderSession, Option<User>),
}

/// Proof that a logout token passed every check except the one for replay. It is made from a verified signature only.
#[derive(Debug)]
pub struct VerifiedLogoutToken {
    ending: Ending,
    replay_key: ReplayKey,
    until: Timestamp,
}

/// Checks the header and claims of an untrusted token: work that costs more than parsing, such as fetching keys, is
/// done only for tokens that pass (BL-16).
///
/// # Errors
/// The first check that fails.
pub fn check_unsigned(raw: &SecretString, expected: &ExpectedLogoutToken<'_>) -> Result<(), TokenFault> {
    let token = CompactToken::parse(raw.expose_secret())?;
    Purpose::LogoutToken(expected.relying_party).check_header(&token)?;
    VerifiedLogoutToken::checked(&token.payload, expected).map(drop)
}

impl VerifiedLogoutToken {
    /// Checks every claim of a token whose signature is verified.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(token: VerifiedJws, expected: &ExpectedLogoutToken<'_>) -> Result<Self, TokenFault> {
        let (_, claims) = token.into_parts(TokenKind::LogoutToken)?;
        Self::checked(&claims, expected)
    }

    fn checked(claims: &Map<String, Value>, expected: &ExpectedLogoutToken<'_>) -> Result<Self, TokenFault> {
        let issuer = &TrustedIssuer::from(expected.relying_party).check(claims)?;
        check_audience(claims, &expected.relying_party.client_id, &[])?;
        let expires = match expected.relying_party.logout_token_exp {
            LogoutTokenExp::Required => check_times(claims, expected.now)?,
            LogoutTokenExp::Optional => check_times_from_issue(claims, expected.now, LIFETIME_WITHOUT_EXP)?,
        };
        check_event(claims)?;
        // BL-8: refused whatever its value.
        if claims.contains_key("nonce") {
            return Err(TokenFault::UnexpectedNonce);
        }
        let jti = text(claims, "jti")?.ok_or(TokenFault::TokenId)?;
        let replay_key = ReplayKey::logout_token(issuer, jti);
        Ok(Self { ending: ending(claims, issuer)?, replay_key, until: expires.plus(LEEWAY) })
    }

    /// The sessions to end.
    #[must_use]
    pub const fn ending(&self) -> &Ending {
        &self.ending
    }

    /// The replay key by which a second use is detected (BL-9).
    #[must_use]
    pub const fn replay_key(&self) -> &ReplayKey {
        &self.replay_key
    }

    /// The time from which the token is refused as expired, so that its replay key is no longer needed.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }
}

/// BL-7: other members of `events` have no effect.
fn check_event(claims: &Map<String, Value>) -> Result<(), TokenFault> {
    let event = claims.get("events").and_then(|events| events.as_object()?.get(EVENT));
    if event.is_some_and(Value::is_object) { Ok(()) } else { Err(TokenFault::Event) }
}

/// BL-6: members that are present must be texts.
fn ending(claims: &Map<String, Value>, issuer: &str) -> Result<Ending, TokenFault> {
    let user = match json::optional(claims, "sub") {
        Some(_) => Some(User { issuer: issuer.to_owned(), subject: subject(claims)?.to_owned() }),
        None => None,
    };
    match (text(claims, "sid")?, user) {
        (Some(id), of) => {
            Ok(Ending::ProviderSession(ProviderSession { issuer: issuer.to_owned(), id: id.to_owned() }, of))
        }
        (None, Some(user)) => Ok(Ending::User(user)),
        (None, None) => Err(TokenFault::NoSubjectOrSession),
    }
}

/// A member that is a text; `None` when it is absent.
fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, TokenFault> {
    json::optional(claims, name).map(|value| value.as_str().ok_or(TokenFault::Text(name))).transpose()
}

/// The logout token in the body of a request (section 2.5): a form with exactly one `logout_token`; other fields are
/// ignored (BL-1).
#[must_use]
pub fn in_form(content_type: Option<&str>, body: &[u8]) -> Option<SecretString> {
    let fields = form::fields(content_type, body)?;
    let mut tokens = form_urlencoded::parse(fields).filter(|(name, _)| name == "logout_token");
    let (_, token) = tokens.next()?;
    (tokens.next().is_none() && !token.is_empty()).then(|| token.as_ref().into())
}

#[cfg(test)]
mod tests;
