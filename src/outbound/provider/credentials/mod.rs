//! Verification of credentials: bearer tokens by their signature or by introspection, app passwords by the client-credentials
//! grant. Concurrent requests with the same credential share one verification, and its result is cached for a while.

mod app_password;
mod bearer;
mod completion;
mod fault;
mod foreign;
mod request;
mod verification_cache;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::timeout;

pub(super) use request::VerificationRequest;

use self::verification_cache::{Key, Verification, VerificationCache};
use crate::domain::oidc::credentials::{BearerCheck, Credential, Refusal, TokenIssuer, VerifiedCredential};
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::session::SentTokens;
use crate::ports::CredentialFault;
use crate::single_flight::SingleFlight;

/// How many of one issuer may be verified at once; unauthenticated clients send them.
const MOST: usize = 1024;

type Calls = SingleFlight<Key, Verification>;

/// Verifies credentials and caches the results.
#[derive(Default)]
pub(super) struct CredentialVerifier {
    verification_cache: Arc<VerificationCache>,
    /// By issuer, of those that are or were configured: one that does not answer takes no place of the others.
    calls: Mutex<HashMap<String, Arc<Calls>>>,
}

impl CredentialVerifier {
    /// No code that holds the lock panics.
    fn calls(&self, issuer: &str) -> Arc<Calls> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(calls.entry(issuer.to_owned()).or_insert_with(|| SingleFlight::new(MOST)))
    }

    /// The result for a request, cached or new. A caller that stops waiting does not stop the others.
    pub(super) async fn verdict(&self, request: VerificationRequest) -> Verification {
        let key = Key::of(&request.application, &request.credential);
        if let Some(verdict) = self.verification_cache.recall(&key, request.clock.now()) {
            return verdict;
        }
        let unfinished = request.unavailable("the credential could not be judged");
        let calls = self.calls(&unfinished.issuer);
        let (verification_cache, clock) = (Arc::clone(&self.verification_cache), Arc::clone(&request.clock));
        let judged = async move {
            let verdict = verify_in_time(&request).await;
            verification_cache.keep(key, &request.application, &verdict, request.clock.now());
            verdict
        };
        let mut recalled = None;
        let call = calls.join(key, || {
            recalled = self.verification_cache.recall(&key, clock.now());
            recalled.is_none().then_some(judged)
        });
        let judged = match call {
            Some(call) => call.result().await,
            None => recalled,
        };
        judged.unwrap_or(Err(unfinished.into()))
    }
}

async fn verify_in_time(request: &VerificationRequest) -> Verification {
    match timeout(request.deadline, verify(request)).await {
        Ok(Err(CredentialFault::Refused(Refusal::Token(fault @ TokenFault::KeysUnavailable)))) => {
            Err(request.unavailable(&fault.to_string()).into())
        }
        Ok(verdict) => verdict.map(|verified| Arc::new(without_unneeded_tokens(request, verified))),
        Err(_) => Err(request.unavailable("the credential was not judged in time").into()),
    }
}

/// Tokens are kept only where the application is sent one.
fn without_unneeded_tokens(request: &VerificationRequest, verified: VerifiedCredential) -> VerifiedCredential {
    if request.application.sent_tokens() == SentTokens::default() { verified.without_tokens() } else { verified }
}

async fn verify(request: &VerificationRequest) -> Result<VerifiedCredential, CredentialFault> {
    let accepted = &request.application.credentials;
    if let (TokenIssuer::Foreign(foreign), Credential::Token(token)) =
        (request.application.issuer_of(&request.credential)?, &request.credential)
    {
        return foreign::signed(request, token, foreign).await;
    }
    match (&request.credential, &accepted.bearer, &accepted.basic) {
        (Credential::Token(token), Some(rules), _) => match &rules.verify {
            BearerCheck::Jwt(form) => bearer::signed(request, token, form, &rules.scopes).await,
            BearerCheck::Introspection(form) => bearer::introspected(request, token, form, &rules.scopes).await,
        },
        (Credential::AppPassword(app_password), _, Some(rules)) => {
            app_password::signed_in(request, app_password, rules).await
        }
        (Credential::Token(_), None, _) | (Credential::AppPassword(_), _, None) => Err(Refusal::Malformed.into()),
    }
}
