//! The provider's refresh token grant: each token is valid once, and its use returns another.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use crate::domain::session::SessionRecord;
use crate::ports::{ExchangeFault, ProviderUnavailable};

#[derive(Default)]
pub(super) struct RefreshTokenServer {
    /// Whether sign-ins return a refresh token.
    pub opens: AtomicBool,
    /// The lifetime of access tokens in seconds.
    pub life: AtomicU64,
    /// How many refreshes were requested.
    pub asked: AtomicUsize,
    /// The fault that it returns instead of new tokens.
    pub fault: Mutex<Option<fn() -> ExchangeFault>>,
    /// Each answer consumes a permit of this semaphore.
    pub gate: Mutex<Option<Arc<Semaphore>>>,
    /// The user's groups.
    pub groups: Mutex<Vec<String>>,
    good: Mutex<HashSet<String>>,
    issued: AtomicUsize,
}

impl RefreshTokenServer {
    pub(super) fn expires_in(&self) -> Duration {
        Duration::from_secs(self.life.load(Ordering::Relaxed))
    }

    pub(super) fn issue(&self) -> SecretString {
        let token = format!("refresh-{}", self.issued.fetch_add(1, Ordering::Relaxed));
        self.good.lock().unwrap().insert(token.clone());
        token.into()
    }

    /// Consumes the session's refresh token; returns the next one.
    pub(super) async fn redeem(&self, of: &SessionRecord) -> Result<SecretString, ExchangeFault> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        let fault = *self.fault.lock().unwrap();
        if let Some(fault) = fault {
            return Err(fault());
        }
        let token = of.refresh_token().unwrap().expose_secret();
        if !self.good.lock().unwrap().remove(token) {
            return Err(refused());
        }
        Ok(self.issue())
    }

    pub(super) fn close_gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.gate.lock().unwrap() = Some(Arc::clone(&gate));
        gate
    }

    pub(super) fn answer_with(&self, fault: Option<fn() -> ExchangeFault>) {
        *self.fault.lock().unwrap() = fault;
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

pub(super) fn refused() -> ExchangeFault {
    ExchangeFault::Refused("invalid_grant".into())
}

pub(super) fn down() -> ExchangeFault {
    ProviderUnavailable { issuer: "sso".into(), cause: "told to be down".into() }.into()
}
