//! Revocation of refresh tokens whose sessions ended (RFC 7009): in the background, because no sign-out waits for the
//! provider, and bounded for each provider, because revocations must not pile up when one hangs, nor delay those of others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oauth2::{RefreshToken, RevocationUrl};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};
use url::Url;

use super::client_credential::ClientCredential;
use super::http::Operation;
use super::issuer::Issuer;
use super::oauth::{self, Transport};
use crate::domain::oidc::relying_party::RelyingParty;

/// The limit for unfinished revocations at one provider; a token beyond it is left to expire at the provider.
const MOST: usize = 1000;
/// The limit for concurrent revocations at one provider.
const TOGETHER: usize = 8;

/// The unfinished revocations.
pub(super) struct TokenRevocations {
    deadline: Duration,
    /// The number of unfinished revocations.
    left: watch::Sender<usize>,
    /// By issuer. The configuration names the issuers, so their number is bounded. The tasks are aborted when this value is
    /// dropped.
    queues: Mutex<HashMap<String, Queue>>,
}

/// The unfinished revocations at one provider.
struct Queue {
    together: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { together: Arc::new(Semaphore::new(TOGETHER)), tasks: JoinSet::new() }
    }
}

impl TokenRevocations {
    /// No revocations yet; each may take as long as `deadline`.
    pub(super) fn new(deadline: Duration) -> Self {
        Self { deadline, left: watch::Sender::new(0), queues: Mutex::default() }
    }

    /// Begins to revoke a token, if its provider has an endpoint for that.
    pub(super) fn begin(&self, issuer: &Arc<Issuer>, relying_party: &RelyingParty, refresh_token: &SecretString) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let Queue { together, tasks } = queues.entry(issuer.identifier().to_owned()).or_default();
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= MOST {
            warn!(
                issuer = issuer.identifier(),
                "too many refresh tokens wait for revocation; one is not revoked and remains valid until it expires"
            );
            return;
        }
        let left = Left::one_more(&self.left);
        let (issuer, relying_party) = (Arc::clone(issuer), relying_party.clone());
        let (refresh_token, together, deadline) = (refresh_token.clone(), Arc::clone(together), self.deadline);
        tasks.spawn(async move {
            let _left = left;
            let _turn = together.acquire().await;
            let revoked = timeout(deadline, revoke(&issuer, &relying_party, &refresh_token)).await;
            if let Err(cause) = revoked.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
                warn!(
                    issuer = issuer.identifier(),
                    cause, "a refresh token could not be revoked; it remains valid until it expires"
                );
            }
        });
    }

    /// Waits until all revocations have finished.
    pub(super) async fn settled(&self) {
        // Fails only if the sender is dropped, and `self` owns it.
        let _ = self.left.subscribe().wait_for(|left| *left == 0).await;
    }
}

/// Counts a revocation from its creation until it is dropped, however it ends.
struct Left(watch::Sender<usize>);

impl Left {
    fn one_more(left: &watch::Sender<usize>) -> Self {
        left.send_modify(|left| *left += 1);
        Self(left.clone())
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        self.0.send_modify(|left| *left = left.saturating_sub(1));
    }
}

/// Section 2.1. A token that the provider does not know counts as revoked (section 2.2).
async fn revoke(issuer: &Issuer, relying_party: &RelyingParty, refresh_token: &SecretString) -> Result<(), String> {
    let Some(known) = issuer.current() else { return Err("its metadata is not known".to_owned()) };
    let Some(endpoint) = known.discovered.revocation_endpoint(relying_party) else {
        debug!(
            issuer = issuer.identifier(),
            "there is no `revocation_endpoint`; a refresh token remains valid until it expires"
        );
        return Ok(());
    };
    let credential = ClientCredential::of(issuer, &known.discovered, relying_party).await;
    let credential = credential.map_err(|fault| fault.cause)?;
    let operation = Operation::Revocation;
    oauth::client(relying_party)
        .set_revocation_url(https(endpoint))
        .revoke_token(RefreshToken::new(refresh_token.expose_secret().to_owned()).into())
        .map_err(|fault| fault.to_string())?
        .request_async(&Transport { issuer, operation, endpoint, credential: Some(&credential) })
        .await
        .map_err(|fault| oauth::described(operation, fault))
}

/// The library requires https without exception. Where http is allowed is decided when metadata is parsed, and the request goes
/// to the endpoint as stated there.
pub(super) fn https(endpoint: &Url) -> RevocationUrl {
    let mut address = endpoint.clone();
    // Fails only for schemes other than http and https, and no endpoint has one.
    let _ = address.set_scheme("https");
    RevocationUrl::from_url(address)
}
