//! Verdicts of the last minute (IN-4). The good ones and the refusals are kept apart, so that junk never displaces a
//! credential that somebody uses; neither grows beyond its bound.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use ring::digest::{Context, SHA256};
use secrecy::ExposeSecret as _;

use crate::domain::application::Application;
use crate::domain::oidc::credentials::{AppPassword, Credential, Refusal, VerifiedCredential};
use crate::domain::time::Timestamp;
use crate::ports::CredentialFault;

/// What became of a credential.
pub(super) type Verification = Result<Arc<VerifiedCredential>, CredentialFault>;

/// How long a good credential is believed without asking again, at most: so long a revoked one still opens doors.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// How long a refused one is refused without asking again.
const REFUSED_FOR: Duration = Duration::from_secs(10);
const MAX_GOOD: usize = 4096;
const MAX_REFUSED: usize = 4096;

/// What a verdict is remembered under: a hash, so that no credential rests in memory, over all that it depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn of(application: &Application, credential: &Credential) -> Self {
        let (issuer, slug) = (&application.relying_party.issuer, application.slug.as_str());
        match credential {
            Credential::Token(token) => Self::over(&[issuer, slug, "token", token.expose_secret()]),
            Credential::AppPassword(AppPassword { user, password }) => {
                Self::over(&[issuer, slug, "app password", user, password.expose_secret()])
            }
        }
    }

    /// Each part behind its length, so that no two lists of parts read the same.
    fn over(parts: &[&str]) -> Self {
        let mut hash = Context::new(&SHA256);
        for part in parts {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut key = [0; 32];
        key.copy_from_slice(hash.finish().as_ref());
        Self(key)
    }
}

/// Something that holds from then until then.
#[derive(Clone)]
struct Kept<T> {
    value: T,
    from: Timestamp,
    until: Timestamp,
}

impl<T> Kept<T> {
    /// The value while it holds. A clock that was set back makes it worthless: nobody knows its age any more.
    fn at(self, now: Timestamp) -> Option<T> {
        (self.from <= now && now < self.until).then_some(self.value)
    }
}

pub(super) struct VerificationCache {
    good: Cache<Key, Kept<Arc<VerifiedCredential>>>,
    refused: Cache<Key, Kept<Refusal>>,
}

impl Default for VerificationCache {
    fn default() -> Self {
        Self { good: Cache::new(MAX_GOOD), refused: Cache::new(MAX_REFUSED) }
    }
}

impl VerificationCache {
    pub(super) fn recall(&self, key: &Key, now: Timestamp) -> Option<Verification> {
        let good = self.good.get(key).and_then(|kept| kept.at(now));
        let refused = || self.refused.get(key).and_then(|kept| kept.at(now));
        good.map(Ok).or_else(|| refused().map(|refusal| Err(CredentialFault::Refused(refusal))))
    }

    /// Keeps a verdict, never beyond the credential's own end. That the provider could not be asked is none.
    pub(super) fn keep(&self, key: Key, verdict: &Verification, now: Timestamp) {
        match verdict {
            Ok(credential) => {
                let end = credential.expires().unwrap_or(now.plus(GOOD_FOR)).min(now.plus(GOOD_FOR));
                self.good.insert(key, Kept { value: Arc::clone(credential), from: now, until: end });
            }
            Err(CredentialFault::Refused(refusal)) => {
                let until = now.plus(REFUSED_FOR);
                self.refused.insert(key, Kept { value: refusal.clone(), from: now, until });
            }
            Err(CredentialFault::Unavailable(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests;
