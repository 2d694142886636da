//! What a refresh brings (`OpenID` Connect Core section 12.2): news about the user of one session, or no news; and the tokens
//! for the next time.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::record::{Renewal, SessionRecord};
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::id_token::{OF_THE_TOKEN, VerifiedIdToken, completed};
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::time::Timestamp;

/// Claims about the sign-in itself. It stays the same, so a later token need not repeat them.
const OF_THE_SIGN_IN: [&str; 5] = ["nonce", "auth_time", "acr", "amr", "sid"];
/// Claims that a later token must not contradict.
const NEVER_CHANGED: [&str; 2] = ["auth_time", "sid"];

/// A refresh that passed every check against the session that it was made for.
#[derive(Debug)]
pub struct Refreshed {
    pub(in crate::domain) id_token: Option<VerifiedIdToken>,
    /// `None`: what was said before stands.
    pub(in crate::domain) claims: Option<Claims>,
    pub(in crate::domain) access_token: Option<SecretString>,
    refresh_token: Option<SecretString>,
    expires_in: Option<Duration>,
    /// Whether there is nothing that the provider may tell soon.
    is_complete: bool,
}

impl Refreshed {
    /// A refresh that brought tokens alone. A refresh token that did not come leaves the old one in force.
    #[must_use]
    pub const fn new(
        access_token: Option<SecretString>,
        refresh_token: Option<SecretString>,
        expires_in: Option<Duration>,
    ) -> Self {
        Self { id_token: None, claims: None, access_token, refresh_token, expires_in, is_complete: true }
    }

    /// The same with a new ID Token, which has to be the same user's and of the same sign-in.
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
        self.claims = Some(id_token.claims().clone().completed_by(only(&session.claims, &OF_THE_SIGN_IN)));
        self.id_token = Some(id_token);
        Ok(self)
    }

    /// The claims of the new ID Token, if there is one.
    #[must_use]
    pub const fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// Completes the claims from a UserInfo answer. Where there is no new ID Token, nothing that the old one said about the
    /// user stands beside it: a group that the provider took away would never go.
    ///
    /// # Errors
    /// [`TokenFault::OtherSubject`] when it speaks of another user.
    pub fn complete(mut self, user_info: Map<String, Value>, session: &SessionRecord) -> Result<Self, TokenFault> {
        let said = self
            .claims
            .take()
            .unwrap_or_else(|| only(&session.claims, &OF_THE_TOKEN).completed_by(only(&session.claims, &["sub"])));
        self.claims = Some(completed(said, &session.user, user_info)?);
        Ok(self)
    }

    /// The same when `UserInfo` told nothing: beside the new ID Token stands what was known before, and the provider is to be
    /// asked again, `soon` or when it is time anyway. The tokens are good; the ones before them may be void.
    #[must_use]
    pub fn cut_short(mut self, session: &SessionRecord, soon: bool) -> Self {
        self.claims = self.claims.map(|claims| claims.completed_by(session.claims.clone()));
        self.is_complete = !soon;
        self
    }

    /// When and with what the session is renewed next.
    pub(in crate::domain) fn next_renewal(&self, last: Option<Renewal>, now: Timestamp) -> Option<Renewal> {
        let refresh_token = self.refresh_token.clone().or_else(|| last?.refresh_token)?;
        if !self.is_complete {
            return Some(Renewal { refresh_token: Some(refresh_token), due: now, stale: now });
        }
        let by_id_token = self.id_token.as_ref().map(|token| token.expires().since(now));
        Some(Renewal::after(self.expires_in.or(by_id_token), refresh_token, now))
    }
}

/// Those of `claims` that have these names.
fn only(claims: &Claims, names: &[&str]) -> Claims {
    let kept = claims.as_object().iter().filter(|(name, _)| names.contains(&name.as_str()));
    Claims::new(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests;
