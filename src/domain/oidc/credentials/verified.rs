//! The proof that a credential was verified: besides a live session, the only source of an identity.

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{Refusal, scopes};
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::id_token::{self, SignedIn};
use crate::domain::oidc::user::User;
use crate::domain::time::Timestamp;

/// A credential that passed every check of its kind.
#[derive(Clone, Debug)]
pub struct VerifiedCredential {
    user: User,
    claims: Claims,
    access_token: Option<SecretString>,
    id_token: Option<SecretString>,
    expires: Option<Timestamp>,
    /// The user as the application knows it, if a foreign issuer made the token.
    mapped: Option<Box<MappedUser>>,
}

/// The user of a foreign token as the application knows it.
#[derive(Clone, Debug)]
pub(super) struct MappedUser {
    pub(super) user: User,
    pub(super) claims: Claims,
}

impl VerifiedCredential {
    /// Called by validators only.
    pub(super) const fn new(user: User, claims: Claims, token: SecretString, expires: Option<Timestamp>) -> Self {
        Self { user, claims, access_token: Some(token), id_token: None, expires, mapped: None }
    }

    /// The proof of an app password: the provider's sign-in of its user.
    #[must_use]
    pub fn of_sign_in(signed_in: SignedIn) -> Self {
        let SignedIn { id_token, claims, access_token, .. } = signed_in;
        Self {
            user: id_token.user().clone(),
            claims,
            expires: Some(id_token.expires()),
            access_token,
            id_token: Some(id_token.into_raw()),
            mapped: None,
        }
    }

    /// The credential of a foreign issuer. Its token is not kept: an application would take it for one of the provider's.
    pub(super) fn mapped(self, mapped: MappedUser) -> Self {
        Self { mapped: Some(Box::new(mapped)), access_token: None, id_token: None, ..self }
    }

    /// Completes the claims from a `UserInfo` answer about the same user; claims that are present stay.
    ///
    /// # Errors
    /// When the answer is about another user.
    pub fn complete(self, user_info: Map<String, Value>) -> Result<Self, Refusal> {
        let claims = id_token::completed(self.claims, &self.user, user_info)?;
        Ok(Self { claims, ..self })
    }

    /// Removes the tokens, for applications that receive none.
    #[must_use]
    pub fn without_tokens(self) -> Self {
        Self { access_token: None, id_token: None, ..self }
    }

    /// Issuer and subject as the application knows them.
    #[must_use]
    pub fn user(&self) -> &User {
        self.mapped.as_ref().map_or(&self.user, |mapped| &mapped.user)
    }

    /// The claims that the application may learn.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        self.mapped.as_ref().map_or(&self.claims, |mapped| &mapped.claims)
    }

    /// Issuer and subject as the token or the answer names them.
    #[must_use]
    pub const fn issued_to(&self) -> &User {
        &self.user
    }

    /// All claims of the token or the answer, for access rules.
    #[must_use]
    pub const fn issued_claims(&self) -> &Claims {
        &self.claims
    }

    /// The issuer, if it is not the application's provider.
    #[must_use]
    pub fn foreign_issuer(&self) -> Option<&str> {
        self.mapped.as_ref().map(|_| self.user.issuer.as_str())
    }

    /// The scopes in the token's claims.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        scopes::words(self.claims.as_object())
    }

    /// The value of `X-authentik-jwt`: the bearer token itself, or the ID Token that was issued for an app password; `None` for
    /// a token of a foreign issuer.
    #[must_use]
    pub fn token(&self) -> Option<&SecretString> {
        self.id_token.as_ref().or(self.access_token.as_ref())
    }

    /// The bearer token itself, or the access token that was issued for an app password.
    #[must_use]
    pub const fn access_token(&self) -> Option<&SecretString> {
        self.access_token.as_ref()
    }

    /// The ID Token that was issued for an app password.
    #[must_use]
    pub const fn id_token(&self) -> Option<&SecretString> {
        self.id_token.as_ref()
    }

    /// The expiry time that the token or answer states.
    #[must_use]
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}
