//! The logout token's claims, checked in full (`OpenID` Connect Back-Channel Logout 1.0 section 2.6), and whose sessions it
//! ends.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::application::SigningAlgorithm;
use super::id_token::check_audience;
use super::json;
use super::jwt::{CompactToken, LEEWAY, TokenFault, check_algorithm, check_issuer, check_times, subject};
use super::one_time::OneTime;
use super::session::{ProviderSession, User};
use super::time::Timestamp;

/// The longest form worth reading (BL-1).
const MAX_FORM_BYTES: usize = 64 * 1024;
/// The one member of `events` that makes a token a logout token (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What a logout token must agree with.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Issuer identifier of the relying party's provider.
    pub issuer: &'a str,
    /// Client identifier of the relying party.
    pub client_id: &'a str,
    /// The algorithm that is pinned for ID Tokens.
    pub algorithm: SigningAlgorithm,
    /// The present.
    pub now: Timestamp,
}

/// The sessions that a logout token ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All of a user's.
    User(User),
    /// Those that rest on one of the provider's, if it is this user's.
    ProviderSession(ProviderSession, Option<User>),
}

/// A logout token whose claims are in order, but which anybody may have written: what costs more than reading is worth
/// doing for none but these (BL-16).
#[derive(Debug)]
pub struct UnsignedLogoutToken {
    ending: Ending,
    mark: OneTime,
    until: Timestamp,
}

/// Proof that a logout token passed every check; only whether it came before is left to ask.
#[derive(Debug)]
pub struct VerifiedLogoutToken(UnsignedLogoutToken);

/// Checks a logout token's header: the pinned algorithm, nothing critical, and no other kind of token's type. Many
/// providers name none (BL-11).
///
/// # Errors
/// [`TokenFault::Algorithm`] or [`TokenFault::Header`].
pub fn check_header(token: &CompactToken, algorithm: SigningAlgorithm) -> Result<(), TokenFault> {
    check_algorithm(token, algorithm)?;
    match token.kind()?.as_deref() {
        None | Some("logout+jwt") => Ok(()),
        Some(_) => Err(TokenFault::Header),
    }
}

impl UnsignedLogoutToken {
    /// Checks header and claims; nothing yet vouches for them.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn check(raw: &SecretString, expected: &Expected<'_>) -> Result<Self, TokenFault> {
        let token = CompactToken::parse(raw.expose_secret())?;
        check_header(&token, expected.algorithm)?;
        let claims = token.payload;
        check_issuer(&claims, expected.issuer)?;
        check_audience(&claims, expected.client_id)?;
        let expires = check_times(&claims, expected.now)?;
        check_event(&claims)?;
        // BL-8: whatever its value.
        if claims.contains_key("nonce") {
            return Err(TokenFault::UnexpectedNonce);
        }
        let jti = text(&claims, "jti")?.ok_or(TokenFault::TokenId)?;
        let mark = OneTime::logout_token(expected.issuer, jti);
        Ok(Self { ending: ending(&claims, expected.issuer)?, mark, until: expires.plus(LEEWAY) })
    }

    /// The proof. The caller vouches for the signature.
    #[must_use]
    pub const fn signed(self) -> VerifiedLogoutToken {
        VerifiedLogoutToken(self)
    }
}

impl VerifiedLogoutToken {
    /// Whose sessions end.
    #[must_use]
    pub const fn ending(&self) -> &Ending {
        &self.0.ending
    }

    /// By what a second use is noticed (BL-9).
    #[must_use]
    pub const fn mark(&self) -> &OneTime {
        &self.0.mark
    }

    /// From when on the token is refused by its age anyway.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.0.until
    }
}

/// BL-7: whatever else is there does not matter.
fn check_event(claims: &Map<String, Value>) -> Result<(), TokenFault> {
    let event = claims.get("events").and_then(|events| events.as_object()?.get(EVENT));
    if event.is_some_and(Value::is_object) { Ok(()) } else { Err(TokenFault::Event) }
}

/// BL-6: what is there is a text.
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
        (None, None) => Err(TokenFault::Nobody),
    }
}

/// A member that is a text; `None` when it is absent.
fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, TokenFault> {
    json::optional(claims, name).map(|value| value.as_str().ok_or(TokenFault::Text(name))).transpose()
}

/// The logout token in the body of a request (section 2.5): a form with exactly one `logout_token`, whatever else it
/// holds (BL-1).
#[must_use]
pub fn in_form(content_type: Option<&str>, body: &[u8]) -> Option<SecretString> {
    let kind = content_type.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let is_form = kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if !is_form || body.len() > MAX_FORM_BYTES {
        return None;
    }
    let mut tokens = form_urlencoded::parse(body).filter(|(name, _)| name == "logout_token");
    let (_, token) = tokens.next()?;
    (tokens.next().is_none() && !token.is_empty()).then(|| token.as_ref().into())
}

#[cfg(test)]
#[path = "logout_token_tests.rs"]
mod tests;
