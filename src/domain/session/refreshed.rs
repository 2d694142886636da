//! The result of a refresh (`OpenID` Connect Core section 12.2): new facts about the user of one session, or none; and
//! the tokens for the next refresh.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::record::{Refresh, SessionRecord};
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::id_token::{OF_THE_TOKEN, VerifiedIdToken, completed};
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::time::Timestamp;

/// Claims about the sign-in itself. They do not change, so a later token need not repeat them.
const OF_THE_SIGN_IN: [&str; 5] = ["nonce", "auth_time", "acr", "amr", "sid"];
/// Claims that a later token must not contradict.
const NEVER_CHANGED: [&str; 2] = [TIME_OF_SIGN_IN, "sid"];
const TIME_OF_SIGN_IN: &str = "auth_time";

/// A refresh that passed every check against its session.
#[derive(Debug)]
pub struct Refreshed {
    pub(in crate::domain) id_token: Option<VerifiedIdToken>,
    /// `None`: the previous claims stay valid.
    pub(in crate::domain) claims: Option<Claims>,
    pub(in crate::domain) access_token: Option<SecretString>,
    refresh_token: Option<SecretString>,
    expires_in: Option<Duration>,
    /// Whether all facts were received; if not, the next refresh is due at once.
    is_complete: bool,
}

impl Refreshed {
    /// A refresh that returned tokens only. Without a new refresh token, the old one stays in use.
    #[must_use]
    pub const fn new(
        access_token: Option<SecretString>,
        refresh_token: Option<SecretString>,
        expires_in: Option<Duration>,
    ) -> Self {
        Self { id_token: None, claims: None, access_token, refresh_token, expires_in, is_complete: true }
    }

    /// Adds a new ID Token, which has to belong to the same user and the same sign-in.
    ///
    /// # Errors
    /// [`TokenFault::OtherUser`] or [`TokenFault::OtherSignIn`].
    pub fn with_id_token(mut self, id_token: VerifiedIdToken, session: &SessionRecord) -> Result<Self, TokenFault> {
        if *id_token.user() != session.user {
            return Err(TokenFault::OtherUser);
        }
        for name in NEVER_CHANGED {
            let (new, original) = (id_token.claims().present(name), session.claims.present(name));
            if new.is_some() && original.is_some() && new != original {
                return Err(TokenFault::OtherSignIn(name));
            }
        }
        let mut claims = id_token.claims().clone();
        // A refresh is no sign-in: a time that the first ID Token did not have may be that of the refresh.
        if session.claims.present(TIME_OF_SIGN_IN).is_none() {
            claims = claims.without(TIME_OF_SIGN_IN);
        }
        self.claims = Some(claims.completed_by(only(&session.claims, &OF_THE_SIGN_IN)));
        self.id_token = Some(id_token);
        Ok(self)
    }

    /// The claims of the new ID Token, if there is one.
    #[must_use]
    pub const fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// Completes the claims from a UserInfo answer. Without a new ID Token, the old claims about the user are dropped:
    /// otherwise a group that the provider revoked would never disappear.
    ///
    /// # Errors
    /// [`TokenFault::OtherSubject`] when the answer is about another user.
    pub fn complete(mut self, user_info: Map<String, Value>, session: &SessionRecord) -> Result<Self, TokenFault> {
        let said = self
            .claims
            .take()
            .unwrap_or_else(|| only(&session.claims, &OF_THE_TOKEN).completed_by(only(&session.claims, &["sub"])));
        self.claims = Some(completed(said, &session.user, user_info)?);
        Ok(self)
    }

    /// For a refresh without a UserInfo answer: the new ID Token is completed by the previous claims, and the provider
    /// is called again at once if `soon`, otherwise when the session is due. The tokens are valid; the previous ones
    /// may be void.
    #[must_use]
    pub fn cut_short(mut self, session: &SessionRecord, soon: bool) -> Self {
        self.claims = self.claims.map(|claims| claims.completed_by(session.claims.clone()));
        self.is_complete = !soon;
        self
    }

    /// The time and the refresh token of the next refresh.
    pub(in crate::domain) fn next_refresh(&self, last: Option<Refresh>, now: Timestamp) -> Option<Refresh> {
        let refresh_token = self.refresh_token.clone().or_else(|| last?.refresh_token)?;
        if !self.is_complete {
            return Some(Refresh { refresh_token: Some(refresh_token), due: now, stale: now });
        }
        let by_id_token = self.id_token.as_ref().map(|token| token.expires().since(now));
        Some(Refresh::after(self.expires_in.or(by_id_token), refresh_token, now))
    }
}

/// The claims with these names.
fn only(claims: &Claims, names: &[&str]) -> Claims {
    let kept = claims.as_object().iter().filter(|(name, _)| names.contains(&name.as_str()));
    Claims::new(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests;
