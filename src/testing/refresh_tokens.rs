//! The fake provider's refresh token grant: each token is valid once, and its use returns another.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use crate::domain::session::SessionRecord;
use crate::ports::{ExchangeFault, ProviderUnavailable};

/// The refresh tokens that a provider issued.
#[derive(Default)]
pub struct RefreshTokens {
    /// Sign-ins return a refresh token.
    pub enabled: AtomicBool,
    /// The lifetime of access tokens in seconds.
    pub lifetime: AtomicU64,
    /// Each answer consumes a permit of this semaphore.
    pub gate: Mutex<Option<Arc<Semaphore>>>,
    fault: Mutex<Option<fn() -> ExchangeFault>>,
    requests: AtomicUsize,
    valid: Mutex<HashSet<String>>,
    issued: AtomicUsize,
}

impl RefreshTokens {
    pub(super) fn expires_in(&self) -> Duration {
        Duration::from_secs(self.lifetime.load(Ordering::Relaxed))
    }

    pub(super) fn issue(&self) -> SecretString {
        let token = format!("refresh-{}", self.issued.fetch_add(1, Ordering::Relaxed));
        self.valid.lock().unwrap().insert(token.clone());
        token.into()
    }

    /// Consumes the session's refresh token; returns the next one.
    pub(super) async fn redeem(&self, of: &SessionRecord) -> Result<SecretString, ExchangeFault> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        let fault = *self.fault.lock().unwrap();
        if let Some(fault) = fault {
            return Err(fault());
        }
        let token = of.refresh_token().unwrap().expose_secret();
        if !self.valid.lock().unwrap().remove(token) {
            return Err(invalid_grant());
        }
        Ok(self.issue())
    }

    /// Lets refreshes wait for a permit of the semaphore that is returned.
    pub fn close_gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.gate.lock().unwrap() = Some(Arc::clone(&gate));
        gate
    }

    /// Sets the fault that is returned instead of new tokens.
    pub fn answer_with(&self, fault: Option<fn() -> ExchangeFault>) {
        *self.fault.lock().unwrap() = fault;
    }

    /// How many refreshes were requested.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// The provider refuses the refresh token.
pub fn invalid_grant() -> ExchangeFault {
    ExchangeFault::Refused("invalid_grant".into())
}

/// The provider cannot be reached.
pub fn unavailable() -> ExchangeFault {
    ProviderUnavailable { issuer: "sso".into(), cause: "as the test wants it".into() }.into()
}
