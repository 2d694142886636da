//! Who is behind a request, and what vouches for it. Only proofs become an [`Identity`], and only an identity
//! becomes identity headers.

use secrecy::SecretString;

use super::claims::Claims;
use super::session::{LiveSession, User};

/// A user, known by a proof.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A live session of this application.
    Session(LiveSession),
}

impl Identity {
    /// Issuer and subject.
    #[must_use]
    pub fn user(&self) -> &User {
        match self {
            Self::Session(session) => &session.record().user,
        }
    }

    /// What the provider says about the user.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        match self {
            Self::Session(session) => &session.record().claims,
        }
    }

    /// The token that `X-authentik-jwt` shows.
    #[must_use]
    pub fn token(&self) -> Option<&SecretString> {
        match self {
            Self::Session(session) => session.record().access_token.as_ref(),
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
