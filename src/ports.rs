//! The ports: what the outpost needs from its environment, in the domain's terms. `outbound` implements them, `server`
//! connects them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use thiserror::Error;

use crate::domain::application::Application;
use crate::domain::audit::AuditEvent;
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::oidc::credentials::{Credential, Refusal, VerifiedCredential};
use crate::domain::oidc::id_token::SignedIn;
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::oidc::logout_token::VerifiedLogoutToken;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::oidc::sign_in::{MatchedCode, ProviderMetadata};
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Refreshed, Session, SessionKey, SessionRecord};
use crate::domain::time::Timestamp;

/// A source of the time.
pub trait Clock: Send + Sync {
    /// The current time of the server's clock.
    fn now(&self) -> Timestamp;

    /// The current time in milliseconds since the Unix epoch, to order events within one second.
    fn unix_millis(&self) -> u64 {
        self.now().as_unix().saturating_mul(1000)
    }
}

/// A cryptographically secure source of randomness.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bits.
    ///
    /// # Errors
    /// When the system's source fails; `bytes` must not be used then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFault>;
}

/// The system's randomness source failed.
#[derive(Debug, Error)]
#[error("the system's randomness source failed")]
pub struct EntropyFault;

/// Takes the events of the audit stream.
pub trait AuditTrail: Send + Sync {
    /// Queues an event; never waits. An event that cannot be queued is counted as lost.
    fn record(&self, event: AuditEvent);
}

/// The audit stream, where the operator wants one.
#[derive(Clone, Default)]
pub struct Audit(Option<Arc<dyn AuditTrail>>);

impl Audit {
    /// The stream that this trail takes.
    #[must_use]
    pub fn to(trail: Arc<dyn AuditTrail>) -> Self {
        Self(Some(trail))
    }

    /// Records an event, which is only made where there is a stream.
    pub fn record(&self, event: impl FnOnce() -> AuditEvent) {
        if let Some(trail) = &self.0 {
            trail.record(event());
        }
    }
}

/// A session as a store returns it.
#[derive(Clone, Debug)]
pub struct StoredSession {
    /// The session.
    pub session: Arc<Session>,
    /// When it was last used, as far as the store was notified.
    pub last_seen: Timestamp,
}

/// A stored session and the key under which it is stored.
#[derive(Clone, Debug)]
pub struct ListedSession {
    /// The key.
    pub key: SessionKey,
    /// The session.
    pub stored: StoredSession,
}

/// A session that was ended, and the key under which it was stored.
#[derive(Clone, Debug)]
pub struct EndedSession {
    /// The key.
    pub key: SessionKey,
    /// The session.
    pub session: Arc<Session>,
}

/// Where a page of sessions begins, opaque to the caller; empty for the first page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

/// A page of the sessions of a store. A scan of all pages returns every session that existed throughout; other sessions
/// may be missing or be returned twice.
#[derive(Clone, Debug, Default)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<ListedSession>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

/// The outcome of ending the sessions that belong to one provider session.
#[derive(Clone, Debug)]
pub enum ProviderSessionEnd {
    /// These sessions ended; there may be none.
    Ended(Vec<EndedSession>),
    /// The provider session belongs to another user than the named one; no session ended.
    OtherUser,
}

/// Identifies the holder of a lease by random bits.
pub type LeaseHolder = [u8; 16];

/// The outcome of a request for a lease.
#[derive(Clone, Debug)]
pub enum Lease {
    /// The caller holds the lease. The session as the store holds it at this moment, complete and read past every
    /// cache; `None` when it ended.
    Held(Option<StoredSession>),
    /// Another holder has the lease.
    Taken,
}

/// Whether a value that may be used once is used for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumption {
    /// The value was unused until now.
    First,
    /// The value was used before.
    Repeated,
}

/// The store cannot answer: it is unknown whether there is a session.
#[derive(Debug, Error)]
#[error("session store: {0}")]
pub struct StoreFault(pub String);

/// Stores sessions and the replay keys of values that were used. Every call is atomic; a change that was acknowledged
/// survives a crash where the store is durable, and is visible to all processes that share the store within a second.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Loads the session under `key`; it may lack the tokens that only its refresh and its end need. The caller has to
    /// check the lifetimes.
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault>;

    /// Stores a new session; its last use is its creation.
    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault>;

    /// Compare-and-swap on the generation: replaces the stored session if its generation is one less than that of
    /// `session`, and returns whether it did. The time of the last use does not change.
    async fn replace(&self, key: &SessionKey, session: Session) -> Result<bool, StoreFault>;

    /// Records the use of a session; never revives a session that ended.
    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault>;

    /// Ends one session, if it exists, and returns it. After a fault, the session counts as ended in this process all
    /// the same, and is ended in the store as soon as it is reachable.
    async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault>;

    /// Ends all sessions of a user, found by index, and returns them. A fault has the effect that [`SessionStore::end`]
    /// describes.
    async fn end_user(&self, user: &User) -> Result<Vec<EndedSession>, StoreFault>;

    /// Ends the sessions that belong to one provider session, found by index; if a user is named, only if they are that
    /// user's. A call that fails has no effect.
    async fn end_provider_session(
        &self,
        session: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault>;

    /// Whether a replay key is stored as used and has not expired. Stores nothing.
    async fn is_consumed(&self, replay_key: &ReplayKey) -> Result<bool, StoreFault>;

    /// Stores a replay key as used until `until`, and returns whether it was used before. A server may carry out the
    /// call even though a fault is returned, so where the work that the key guards can be repeated, the work comes
    /// first.
    async fn consume_once(&self, replay_key: &ReplayKey, until: Timestamp) -> Result<Consumption, StoreFault>;

    /// Takes, or extends, the exclusive right to refresh a session, for `span` from now on, among all processes that
    /// share the store. Within one process, callers have to exclude each other themselves.
    async fn lease(&self, key: &SessionKey, holder: &LeaseHolder, span: Duration) -> Result<Lease, StoreFault>;

    /// Releases a lease, if `holder` still holds it.
    async fn release(&self, key: &SessionKey, holder: &LeaseHolder) -> Result<(), StoreFault>;

    /// The number of sessions, where the store can determine it cheaply; sessions that ended count until they are
    /// deleted.
    async fn count(&self) -> Result<Option<usize>, StoreFault> {
        Ok(None)
    }

    /// Deletes sessions that ended or were last seen before `idle_since`, and replay keys that expired; returns the
    /// number of deleted sessions.
    async fn expire(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, StoreFault>;

    /// Returns about `limit` sessions from `from` on, in no meaningful order.
    async fn page(&self, from: &Cursor, limit: usize) -> Result<SessionPage, StoreFault>;

    /// All sessions of a user, found by index.
    async fn of_user(&self, user: &User) -> Result<Vec<ListedSession>, StoreFault>;
}

/// The identity provider cannot be reached at the moment.
#[derive(Clone, Debug, Error)]
#[error("identity provider {issuer}: {cause}")]
pub struct ProviderUnavailable {
    /// The issuer identifier of the provider.
    pub issuer: String,
    /// The cause, without secrets.
    pub cause: String,
}

/// Why a code exchange or a token refresh failed.
#[derive(Debug, Error)]
pub enum ExchangeFault {
    /// No usable answer: unreachable, too slow, or an error of its own.
    #[error(transparent)]
    Unavailable(#[from] ProviderUnavailable),
    /// The provider refused the code or refresh token (RFC 6749 section 5.2); the value is its `error` code.
    #[error("the token endpoint answered `{0}`")]
    Refused(String),
    /// An answer of the token or UserInfo endpoint violates the protocol.
    #[error("the provider's answer is not usable: {0}")]
    Malformed(String),
    /// The ID Token or `UserInfo` failed a check.
    #[error(transparent)]
    Untrustworthy(#[from] TokenFault),
}

/// Why a credential was not accepted.
#[derive(Clone, Debug, Error)]
pub enum CredentialFault {
    /// The credential is not valid.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The credential cannot be verified at the moment.
    #[error(transparent)]
    Unavailable(#[from] ProviderUnavailable),
}

/// Why a logout token was not accepted.
#[derive(Clone, Debug, Error)]
pub enum LogoutTokenFault {
    /// The token failed a check.
    #[error(transparent)]
    Refused(#[from] TokenFault),
    /// The token cannot be verified at the moment.
    #[error(transparent)]
    Unavailable(#[from] ProviderUnavailable),
}

/// A client of `OpenID` Providers.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// The provider's metadata, if it is cached; never waits, so that it can be called at every Check.
    fn cached_metadata(&self, relying_party: &RelyingParty) -> Option<Arc<ProviderMetadata>>;

    /// The provider's metadata; waits for a limited time if the first fetch is under way.
    async fn metadata(&self, relying_party: &RelyingParty) -> Result<Arc<ProviderMetadata>, ProviderUnavailable>;

    /// Redeems a code, verifies the ID Token in full and completes the claims from `UserInfo`.
    async fn exchange(&self, relying_party: &RelyingParty, code: MatchedCode) -> Result<SignedIn, ExchangeFault>;

    /// Refreshes the tokens of a session and the facts about its user, verified in full. They count once they are
    /// saved.
    async fn refresh(&self, relying_party: &RelyingParty, of: &SessionRecord) -> Result<Refreshed, ExchangeFault>;

    /// Verifies a credential by the application's rules, or returns the cached result of a recent verification.
    async fn verify(
        &self,
        application: &Arc<Application>,
        credential: &Credential,
    ) -> Result<Arc<VerifiedCredential>, CredentialFault>;

    /// Verifies a logout token in full, except that the caller has to check for replay.
    async fn verify_logout_token(
        &self,
        relying_party: &RelyingParty,
        raw: &SecretString,
    ) -> Result<VerifiedLogoutToken, LogoutTokenFault>;

    /// Has the provider revoke a refresh token (RFC 7009), if it supports that. Returns at once and reports no result.
    fn revoke(&self, relying_party: &RelyingParty, refresh_token: &SecretString);

    /// Waits until no background work is under way.
    async fn settled(&self);
}
