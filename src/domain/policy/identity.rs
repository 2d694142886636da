//! Who is behind a request, and what vouches for it. Only proofs become an [`Identity`], and only an identity
//! becomes identity headers.

use std::sync::Arc;

use secrecy::SecretString;

use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::credentials::VerifiedCredential;
use crate::domain::oidc::user::User;
use crate::domain::session::LiveSession;

/// A user, known by a proof.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A live session of this application.
    Session(LiveSession),
    /// A credential that came with the request itself.
    Credential(Arc<VerifiedCredential>),
}

impl Identity {
    /// Issuer and subject.
    #[must_use]
    pub fn user(&self) -> &User {
        match self {
            Self::Session(session) => &session.record().user,
            Self::Credential(credential) => credential.user(),
        }
    }

    /// What the provider says about the user.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        match self {
            Self::Session(session) => &session.record().claims,
            Self::Credential(credential) => credential.claims(),
        }
    }

    /// The token that `X-authentik-jwt` shows.
    #[must_use]
    pub fn token(&self) -> Option<&SecretString> {
        match self {
            Self::Session(session) => session.record().access_token.as_ref(),
            Self::Credential(credential) => credential.token(),
        }
    }

    /// What logs, pages and Envoy's metadata call the user.
    #[must_use]
    pub fn name(&self) -> &str {
        display_name(self.claims(), self.user())
    }
}

/// `preferred_username`, else the subject.
#[must_use]
pub fn display_name<'a>(claims: &'a Claims, user: &'a User) -> &'a str {
    claims.text("preferred_username").unwrap_or(&user.subject)
}
