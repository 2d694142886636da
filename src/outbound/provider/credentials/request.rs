//! One credential to verify, with all that it takes: it outlives the request that brought it.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::application::Application;
use crate::domain::oidc::credentials::{Credential, TokenIssuer};
use crate::outbound::provider::issuer::Issuer;
use crate::outbound::provider::issuers::Issuers;
use crate::ports::{Clock, ProviderUnavailable};

/// The verification of one credential, with everything it needs: it outlives the request that presented the credential.
pub(in crate::outbound::provider) struct VerificationRequest {
    /// The application's provider.
    pub(in crate::outbound::provider) issuer: Arc<Issuer>,
    pub(in crate::outbound::provider) issuers: Arc<Issuers>,
    pub(in crate::outbound::provider) application: Arc<Application>,
    pub(in crate::outbound::provider) credential: Credential,
    pub(in crate::outbound::provider) clock: Arc<dyn Clock>,
    pub(in crate::outbound::provider) deadline: Duration,
}

impl VerificationRequest {
    /// The identifier of the issuer with whose rules the credential is verified.
    pub(super) fn issuer_identifier(&self) -> &str {
        match self.application.issuer_of(&self.credential) {
            Ok(TokenIssuer::Foreign(foreign)) => &foreign.issuer,
            Ok(TokenIssuer::Provider) | Err(_) => self.issuer.identifier(),
        }
    }

    pub(super) fn unavailable(&self, cause: &str) -> ProviderUnavailable {
        ProviderUnavailable { issuer: self.issuer_identifier().to_owned(), cause: cause.to_owned() }
    }
}
