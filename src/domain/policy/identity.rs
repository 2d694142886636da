//! The identity of a request and its proof. Only proofs become an [`Identity`], and identity headers are made from an
//! identity only.

use std::sync::Arc;

use secrecy::SecretString;

use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::credentials::VerifiedCredential;
use crate::domain::oidc::user::User;
use crate::domain::policy::KnownBy;
use crate::domain::session::LiveSession;
use crate::domain::time::Timestamp;

/// A user, with the proof of the sign-in.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A live session of this application.
    Session(LiveSession),
    /// A credential that the request presents.
    Credential(Arc<VerifiedCredential>),
}

impl Identity {
    /// Issuer and subject as the application knows them.
    #[must_use]
    pub fn user(&self) -> &User {
        match self {
            Self::Session(session) => &session.record().user,
            Self::Credential(credential) => credential.user(),
        }
    }

    /// The claims that the application may learn: those about the user, without the claims of a foreign token that the operator
    /// does not trust.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        match self {
            Self::Session(session) => &session.record().claims,
            Self::Credential(credential) => credential.claims(),
        }
    }

    /// All claims that its issuer made, for access rules.
    #[must_use]
    pub fn issued_claims(&self) -> &Claims {
        match self {
            Self::Session(session) => &session.record().claims,
            Self::Credential(credential) => credential.issued_claims(),
        }
    }

    /// How the user is known at this time, for rules that name an issuer or ask for a sign-in.
    #[must_use]
    pub fn known_by(&self, now: Timestamp) -> KnownBy<'_> {
        match self {
            Self::Session(_) => KnownBy::Session(now),
            Self::Credential(credential) => {
                credential.foreign_issuer().map_or(KnownBy::Credential, KnownBy::ForeignIssuer)
            }
        }
    }

    /// The token that `X-authentik-jwt` carries.
    #[must_use]
    pub fn token(&self) -> Option<&SecretString> {
        match self {
            Self::Session(session) => session.record().access_token.as_ref(),
            Self::Credential(credential) => credential.token(),
        }
    }

    /// The access token, where the application receives it.
    #[must_use]
    pub fn access_token(&self) -> Option<&SecretString> {
        match self {
            Self::Session(session) => session.record().access_token.as_ref(),
            Self::Credential(credential) => credential.access_token(),
        }
    }

    /// The ID Token, where the application receives it.
    #[must_use]
    pub fn id_token(&self) -> Option<&SecretString> {
        match self {
            Self::Session(session) => session.record().sent_id_token.as_ref(),
            Self::Credential(credential) => credential.id_token(),
        }
    }

    /// The display name of the user in logs, pages and Envoy's metadata.
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
