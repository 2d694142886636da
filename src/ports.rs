//! What the conductor needs from outside, in its own words. `outbound` fulfils it, `app` joins them.

use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::application::{Application, RelyingParty};
use crate::domain::credentials::{Credential, Refusal, VerifiedCredential};
use crate::domain::id_token::SignedIn;
use crate::domain::jwt::TokenFault;
use crate::domain::session::{Session, SessionKey, User};
use crate::domain::sign_in::{AttemptId, MatchedCode, ProviderMetadata};
use crate::domain::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present, on the server's own clock.
    fn now(&self) -> Timestamp;
}

/// A source of randomness fit for keys.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bits.
    ///
    /// # Errors
    /// When the system's source fails; nothing may be made from `bytes` then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFault>;
}

/// The system's randomness source failed.
#[derive(Debug, Error)]
#[error("the system's randomness source failed")]
pub struct EntropyFault;

/// A session as a store holds it.
#[derive(Clone, Debug)]
pub struct StoredSession {
    /// The session.
    pub session: Arc<Session>,
    /// When it was last used, as far as the store was told.
    pub last_seen: Timestamp,
}

/// Whether a sign-in attempt was used for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It was unused until now.
    Now,
    /// It had been used before.
    Before,
}

/// The store cannot say: neither that there is a session nor that there is none.
#[derive(Debug, Error)]
#[error("session store: {0}")]
pub struct StoreFault(pub String);

/// Keeps sessions and the marks of used sign-in attempts. Every call is atomic; what has been
/// acknowledged survives a crash where the store is durable.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// The session under `key`. Lifetimes are the caller's to judge.
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault>;

    /// Keeps a new session, last seen at its creation.
    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault>;

    /// Notes that the session was used; never revives one that ended.
    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault>;

    /// Ends one session, if it is there.
    async fn end(&self, key: &SessionKey) -> Result<(), StoreFault>;

    /// Ends all sessions of a user, found by index; how many there were.
    async fn end_user(&self, user: &User) -> Result<usize, StoreFault>;

    /// Marks a sign-in attempt as used until `until`, and says whether it was before.
    async fn spend(&self, attempt: &AttemptId, until: Timestamp) -> Result<Spent, StoreFault>;

    /// Deletes sessions that ended or were last seen before `idle_since`, and marks that ran out; how many sessions.
    async fn expire(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, StoreFault>;
}

/// The identity provider cannot be asked now.
#[derive(Clone, Debug, Error)]
#[error("identity provider {issuer}: {cause}")]
pub struct ProviderUnavailable {
    /// Which provider.
    pub issuer: String,
    /// What happened, without secrets.
    pub cause: String,
}

/// Why a code did not become a sign-in.
#[derive(Debug, Error)]
pub enum ExchangeFault {
    /// No usable answer: unreachable, too slow, or an error of its own.
    #[error(transparent)]
    Unavailable(#[from] ProviderUnavailable),
    /// The provider refused the code (RFC 6749 section 5.2): its `error` code.
    #[error("the token endpoint answered `{0}`")]
    Refused(String),
    /// An answer of the token or UserInfo endpoint breaks the protocol.
    #[error("the provider's answer is not usable: {0}")]
    Malformed(String),
    /// The ID Token or `UserInfo` failed a check.
    #[error(transparent)]
    Untrustworthy(#[from] TokenFault),
}

/// Why a credential did not become an identity.
#[derive(Clone, Debug, Error)]
pub enum CredentialFault {
    /// It is not valid.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Whether it is valid cannot be told now.
    #[error(transparent)]
    Unavailable(#[from] ProviderUnavailable),
}

/// Speaks with `OpenID` Providers.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// The provider's metadata as far as it is known already; never waits, so that it may be asked at every Check.
    fn remembered(&self, relying_party: &RelyingParty) -> Option<Arc<ProviderMetadata>>;

    /// The provider's metadata, after a little patience with a first fetch under way.
    async fn metadata(&self, relying_party: &RelyingParty) -> Result<Arc<ProviderMetadata>, ProviderUnavailable>;

    /// Redeems a code, verifies the ID Token in full and completes the claims from `UserInfo`.
    async fn exchange(&self, relying_party: &RelyingParty, code: MatchedCode) -> Result<SignedIn, ExchangeFault>;

    /// Judges a credential by the application's rules, or remembers how it was judged a moment ago.
    async fn verify(
        &self,
        application: &Arc<Application>,
        credential: &Credential,
    ) -> Result<Arc<VerifiedCredential>, CredentialFault>;
}
