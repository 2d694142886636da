//! What the conductor needs from outside, in its own words. `outbound` fulfils it, `app` joins them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use thiserror::Error;

use crate::domain::application::Application;
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

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present, on the server's own clock.
    fn now(&self) -> Timestamp;

    /// The same in milliseconds since the Unix epoch, to tell the order of what happens within a second.
    fn unix_millis(&self) -> u64 {
        self.now().as_unix().saturating_mul(1000)
    }
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

/// A stored session and the key under which it is stored.
#[derive(Clone, Debug)]
pub struct ListedSession {
    /// Its key.
    pub key: SessionKey,
    /// The session.
    pub stored: StoredSession,
}

/// Where a page of sessions begins, in the store's own words; empty for the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

/// Some of the sessions of a store. Who walks through all pages meets every session that was there all the while;
/// others may be missing or come twice.
#[derive(Clone, Debug, Default)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<ListedSession>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

/// What became of the wish to end the sessions that rest on one of the provider's.
#[derive(Clone, Debug)]
pub enum ProviderSessionEnd {
    /// These ended; there may have been none.
    Ended(Vec<Arc<Session>>),
    /// It is another user's than the one named; nothing ended.
    OtherUser,
}

/// Who holds a lease: random bits of its own.
pub type LeaseHolder = [u8; 16];

/// What became of the wish for a lease.
#[derive(Clone, Debug)]
pub enum Lease {
    /// It is ours. The session as the store itself holds it at this moment, whole and read past every cache; `None` when it
    /// ended.
    Held(Option<StoredSession>),
    /// Somebody else holds it.
    Taken,
}

/// Whether something that may be used once was used for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It was unused until now.
    Now,
    /// It had been used before.
    Before,
}

/// The store cannot say: neither that there is a session nor that there is none.
#[derive(Debug, Error)]
#[error("session store: {0}")]
pub struct StoreFault(pub String);

/// Keeps sessions and the marks of what was used once. Every call is atomic; what has been acknowledged survives a crash
/// where the store is durable, and holds in all processes that share the store within a second.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// The session under `key`; it may lack the tokens that only its renewal and its end need. Lifetimes are the caller's to
    /// judge.
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault>;

    /// Keeps a new session, last seen at its creation.
    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault>;

    /// Puts `session` in the place of the one before it, whose generation is one less: only if that is still there. Whether
    /// it did. The last use stays what it was.
    async fn renew(&self, key: &SessionKey, session: Session) -> Result<bool, StoreFault>;

    /// Notes that the session was used; never revives one that ended.
    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault>;

    /// Ends one session, if it is there; the session that it was. After a fault it counts as ended in this process all the
    /// same, and is ended as soon as the store can.
    async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault>;

    /// Ends all sessions of a user, found by index; which they were. After a fault, as with [`SessionStore::end`].
    async fn end_user(&self, user: &User) -> Result<Vec<Arc<Session>>, StoreFault>;

    /// Ends the sessions that rest on one of the provider's, found by index; if a user is named, only when they are that
    /// user's. A fault has no effect.
    async fn end_provider_session(
        &self,
        session: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault>;

    /// Whether something was marked as used, and is not forgotten yet. It marks nothing.
    async fn is_consumed(&self, replay_key: &ReplayKey) -> Result<bool, StoreFault>;

    /// Marks something as used until `until`, and says whether it was before. A server may carry it out after a fault all the
    /// same, so where the work behind it can be repeated, the work comes first.
    async fn consume_once(&self, replay_key: &ReplayKey, until: Timestamp) -> Result<Replay, StoreFault>;

    /// Takes, or extends, the right to renew a session, for `span` from now on and against all who share the store.
    /// The processes that share it are held apart by this alone; within one, callers see to it themselves.
    async fn lease(&self, key: &SessionKey, holder: &LeaseHolder, span: Duration) -> Result<Lease, StoreFault>;

    /// Gives a lease back, if `holder` still has it.
    async fn release(&self, key: &SessionKey, holder: &LeaseHolder) -> Result<(), StoreFault>;

    /// How many sessions there are, where it costs little to tell; those that ended count until they are deleted.
    async fn count(&self) -> Result<Option<usize>, StoreFault> {
        Ok(None)
    }

    /// Deletes sessions that ended or were last seen before `idle_since`, and marks that ran out; how many sessions.
    async fn expire(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, StoreFault>;

    /// About `limit` sessions from `from` on, in no order that means anything.
    async fn page(&self, from: &Cursor, limit: usize) -> Result<SessionPage, StoreFault>;

    /// All sessions of a user, found by index.
    async fn of_user(&self, user: &User) -> Result<Vec<ListedSession>, StoreFault>;
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

/// Why a code did not become a sign-in, or a refresh token nothing new.
#[derive(Debug, Error)]
pub enum ExchangeFault {
    /// No usable answer: unreachable, too slow, or an error of its own.
    #[error(transparent)]
    Unavailable(#[from] ProviderUnavailable),
    /// The provider refused the code or refresh token (RFC 6749 section 5.2): its `error` code.
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

/// Why a logout token is not believed.
#[derive(Clone, Debug, Error)]
pub enum LogoutTokenFault {
    /// It failed a check.
    #[error(transparent)]
    Refused(#[from] TokenFault),
    /// Whether it is genuine cannot be told now.
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

    /// Renews the tokens of a session and what they say about its user, verified in full. They count once they are saved.
    async fn refresh(&self, relying_party: &RelyingParty, of: &SessionRecord) -> Result<Refreshed, ExchangeFault>;

    /// Judges a credential by the application's rules, or remembers how it was judged a moment ago.
    async fn verify(
        &self,
        application: &Arc<Application>,
        credential: &Credential,
    ) -> Result<Arc<VerifiedCredential>, CredentialFault>;

    /// Verifies a logout token in full, but for whether it came before.
    async fn verify_logout_token(
        &self,
        relying_party: &RelyingParty,
        raw: &SecretString,
    ) -> Result<VerifiedLogoutToken, LogoutTokenFault>;

    /// Has the provider revoke a refresh token (RFC 7009), if it can. Returns at once: nothing here depends on it.
    fn revoke(&self, relying_party: &RelyingParty, refresh_token: &SecretString);

    /// Waits until nothing is under way any more that nobody waited for.
    async fn settled(&self);
}
