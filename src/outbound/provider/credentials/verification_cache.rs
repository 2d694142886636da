//! Cached verification results of the last minute (IN-4). Accepted and refused credentials are cached separately, so that
//! invalid credentials never displace one that is in use; neither cache grows beyond its limit.

use std::sync::{Arc, Weak};
use std::time::Duration;

use quick_cache::sync::Cache;
use ring::digest::{Context, SHA256};
use secrecy::ExposeSecret as _;

use crate::domain::application::Application;
use crate::domain::oidc::credentials::{AppPassword, Credential, Refusal, VerifiedCredential};
use crate::domain::time::Timestamp;
use crate::ports::CredentialFault;

/// The result of a verification.
pub(super) type Verification = Result<Arc<VerifiedCredential>, CredentialFault>;

/// How long an accepted credential is trusted without another verification, at most: for this time a revoked one still gives
/// access.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// How long a refused credential is refused without another verification.
const REFUSED_FOR: Duration = Duration::from_secs(10);
const MAX_GOOD: usize = 4096;
const MAX_REFUSED: usize = 4096;

/// The cache key: a hash over everything on which the result depends, so that no credential is stored in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// The application counts as the value that it is, not by its name: after its settings changed, it is another one. Its
    /// address cannot be reused while an entry holds a [`Weak`] to it.
    pub(super) fn of(application: &Arc<Application>, credential: &Credential) -> Self {
        let application = Arc::as_ptr(application).addr().to_be_bytes();
        match credential {
            Credential::Token(token) => Self::over(&[&application, b"token", token.expose_secret().as_bytes()]),
            Credential::AppPassword(AppPassword { user, password }) => {
                Self::over(&[&application, b"app password", user.as_bytes(), password.expose_secret().as_bytes()])
            }
        }
    }

    /// Hashes each part with its length before it, so that no two lists of parts have the same input.
    fn over(parts: &[&[u8]]) -> Self {
        let mut hash = Context::new(&SHA256);
        for part in parts {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut key = [0; 32];
        key.copy_from_slice(hash.finish().as_ref());
        Self(key)
    }
}

/// A value that is valid from one moment until another.
#[derive(Clone)]
struct CachedResult<T> {
    value: T,
    /// Keeps the address of the application from being reused; see [`Key::of`].
    _application: Weak<Application>,
    from: Timestamp,
    until: Timestamp,
}

impl<T> CachedResult<T> {
    /// The value while it is valid. A clock that was set back invalidates it, because its age is then unknown.
    fn at(self, now: Timestamp) -> Option<T> {
        (self.from <= now && now < self.until).then_some(self.value)
    }
}

pub(super) struct VerificationCache {
    good: Cache<Key, CachedResult<Arc<VerifiedCredential>>>,
    refused: Cache<Key, CachedResult<Refusal>>,
}

impl Default for VerificationCache {
    fn default() -> Self {
        Self { good: Cache::new(MAX_GOOD), refused: Cache::new(MAX_REFUSED) }
    }
}

impl VerificationCache {
    pub(super) fn recall(&self, key: &Key, now: Timestamp) -> Option<Verification> {
        let good = self.good.get(key).and_then(|cached| cached.at(now));
        let refused = || self.refused.get(key).and_then(|cached| cached.at(now));
        good.map(Ok).or_else(|| refused().map(|refusal| Err(CredentialFault::Refused(refusal))))
    }

    /// Caches a result, never beyond the credential's own expiry. That the provider is unavailable is not a result.
    pub(super) fn keep(&self, key: Key, application: &Arc<Application>, verdict: &Verification, now: Timestamp) {
        let application = Arc::downgrade(application);
        match verdict {
            Ok(credential) => {
                let end = credential.expires().unwrap_or(now.plus(GOOD_FOR)).min(now.plus(GOOD_FOR));
                self.good.insert(
                    key,
                    CachedResult { value: Arc::clone(credential), _application: application, from: now, until: end },
                );
            }
            Err(CredentialFault::Refused(refusal)) => {
                let until = now.plus(REFUSED_FOR);
                self.refused
                    .insert(key, CachedResult { value: refusal.clone(), _application: application, from: now, until });
            }
            Err(CredentialFault::Unavailable(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests;
