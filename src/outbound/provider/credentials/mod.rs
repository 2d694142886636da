//! Credentials, judged: bearer tokens by their signature or by introspection, app passwords by the client-credentials
//! grant. Each is judged once however many requests bring it at the same time, and the verdict is remembered for a while.

mod app_password;
mod bearer;
mod completion;
mod fault;
mod verification_cache;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use self::verification_cache::{Key, Verification, VerificationCache};
use super::issuer::Issuer;
use crate::domain::application::Application;
use crate::domain::oidc::credentials::{BearerCheck, Credential, Refusal, VerifiedCredential};
use crate::domain::oidc::jwt::TokenFault;
use crate::ports::{Clock, CredentialFault, ProviderUnavailable};
use crate::single_flight::SingleFlight;

/// How many may be judged at once; strangers bring them.
const MOST: usize = 1024;

/// Judges credentials and remembers.
pub(super) struct CredentialVerifier {
    verification_cache: Arc<VerificationCache>,
    flights: Arc<SingleFlight<Key, Verification>>,
}

impl Default for CredentialVerifier {
    fn default() -> Self {
        Self { verification_cache: Arc::default(), flights: SingleFlight::new(MOST) }
    }
}

/// One credential on its way to a verdict, with all that it takes: it outlives the request that brought it.
pub(super) struct VerificationRequest {
    pub(super) issuer: Arc<Issuer>,
    pub(super) application: Arc<Application>,
    pub(super) credential: Credential,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) deadline: Duration,
}

impl CredentialVerifier {
    /// The verdict on a case, remembered or new. Whoever stops waiting stops nobody else's wait.
    pub(super) async fn verdict(&self, case: VerificationRequest) -> Verification {
        let key = Key::of(&case.application, &case.credential);
        if let Some(verdict) = self.verification_cache.recall(&key, case.clock.now()) {
            return verdict;
        }
        let unfinished = case.issuer.unavailable(&"the credential could not be judged");
        let (verification_cache, clock) = (Arc::clone(&self.verification_cache), Arc::clone(&case.clock));
        let judged = async move {
            let verdict = case.judge_in_time().await;
            verification_cache.keep(key, &verdict, case.clock.now());
            verdict
        };
        let mut recalled = None;
        let flight = self.flights.join(key, || {
            recalled = self.verification_cache.recall(&key, clock.now());
            recalled.is_none().then_some(judged)
        });
        let judged = match flight {
            Some(flight) => flight.result().await,
            None => recalled,
        };
        judged.unwrap_or(Err(unfinished.into()))
    }
}

impl VerificationRequest {
    async fn judge_in_time(&self) -> Verification {
        match timeout(self.deadline, self.judge()).await {
            Ok(Err(CredentialFault::Refused(Refusal::Token(fault @ TokenFault::KeysUnavailable)))) => {
                Err(self.issuer.unavailable(&fault).into())
            }
            Ok(verdict) => verdict.map(|verified| Arc::new(self.stripped(verified))),
            Err(_) => Err(self.issuer.unavailable(&"the credential was not judged in time").into()),
        }
    }

    fn unavailable(&self, cause: &str) -> ProviderUnavailable {
        self.issuer.unavailable(&cause)
    }

    /// A token is kept only where the application is told it.
    fn stripped(&self, verified: VerifiedCredential) -> VerifiedCredential {
        if self.application.jwt_headers { verified } else { verified.without_token() }
    }

    async fn judge(&self) -> Result<VerifiedCredential, CredentialFault> {
        let accepted = &self.application.credentials;
        match (&self.credential, &accepted.bearer, &accepted.basic) {
            (Credential::Token(token), Some(rules), _) => match &rules.verify {
                BearerCheck::Jwt(form) => self.signed(token, form, &rules.scopes).await,
                BearerCheck::Introspection(form) => self.introspected(token, form, &rules.scopes).await,
            },
            (Credential::AppPassword(app_password), _, Some(rules)) => self.signed_in(app_password, rules).await,
            (Credential::Token(_), None, _) | (Credential::AppPassword(_), _, None) => Err(Refusal::Malformed.into()),
        }
    }
}
