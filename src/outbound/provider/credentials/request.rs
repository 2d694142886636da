//! One credential to verify, with all that it takes: it outlives the request that brought it.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::application::Application;
use crate::domain::oidc::credentials::Credential;
use crate::outbound::provider::issuer::Issuer;
use crate::ports::{Clock, ProviderUnavailable};

/// The verification of one credential, with everything it needs: it outlives the request that presented the credential.
pub(in crate::outbound::provider) struct VerificationRequest {
    pub(in crate::outbound::provider) issuer: Arc<Issuer>,
    pub(in crate::outbound::provider) application: Arc<Application>,
    pub(in crate::outbound::provider) credential: Credential,
    pub(in crate::outbound::provider) clock: Arc<dyn Clock>,
    pub(in crate::outbound::provider) deadline: Duration,
}

impl VerificationRequest {
    pub(super) fn unavailable(&self, cause: &str) -> ProviderUnavailable {
        self.issuer.unavailable(&cause)
    }
}
