//! Sessions in Redis or Valkey, shared by all replicas: on one server, on the master that sentinels name, or in a cluster.
//! The servers store sealed records, hashes and times; every change is one script over the keys of one user.

mod client;
mod cluster;
mod connection;
mod dial;
mod fault;
mod found;
mod inspection;
mod keys;
mod pending;
mod reads;
mod scripts;
mod sentinel;
mod sessions;
mod settings;
mod supervisor;
mod tls;
mod tracking;
mod url;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(super) use inspection::inspect_servers;
pub use settings::{Access, Address, Credentials, RedisSettings, Topology};
pub use tls::{TlsFault, TlsSettings};
pub use url::{RedisUrl, UrlFault};

use self::client::RedisClient;
use self::client_side_cache::{ClientSideCache, Loading};
use self::connection::State;
use self::dial::Dialer;
use self::fault::Fault;
use self::keys::Keys;
use self::supervisor::Supervisor;
use super::record_cipher::RecordCipher;
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Lifetimes, Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::ports::{
    Clock, Consumption, Cursor, EndedSession, Entropy, Lease, LeaseHolder, ListedSession, ProviderSessionEnd,
    SessionPage, SessionStore, StoreFault, StoredSession,
};
use crate::single_flight::SingleFlight;

/// The limit for concurrent loads; more are refused, because a longer queue would only exceed the callers' deadlines.
const MAX_LOADS: usize = 1024;

/// The Redis store. It is available from the start, whether or not a server can be reached.
pub(super) struct RedisStore {
    client: Arc<RedisClient>,
    /// The loads from the servers in progress.
    loads: Arc<SingleFlight<Loading, Result<Option<StoredSession>, Fault>>>,
    /// The background tasks; they are aborted when this value is dropped.
    _tasks: JoinSet<()>,
}

impl RedisStore {
    /// Must be called within a Tokio runtime: connecting goes on in the background. Another access can be sent later.
    pub(super) fn open(
        settings: RedisSettings,
        keys: SealingKeys,
        lifetimes: Lifetimes,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
    ) -> (Self, watch::Sender<Access>) {
        let (state, watched) = watch::channel(State::Connecting);
        let limit = settings.command_timeout;
        let client_side_cache =
            Arc::new(ClientSideCache::new(settings.cache_bytes, settings.outage_grace, Instant::now()));
        let names = Keys::new(settings.key_prefix.clone());
        let (dialer, access) = Dialer::new(settings);
        let dialer = Arc::new(dialer);
        let record_cipher = RecordCipher::shared(keys, Arc::clone(&entropy));
        let client = RedisClient::new(
            watched,
            limit,
            names.clone(),
            Arc::clone(&client_side_cache),
            record_cipher,
            clock,
            lifetimes,
        );
        let client = Arc::new(client);
        let mut tasks = JoinSet::new();
        tasks.spawn(Supervisor { dialer, state, entropy, client_side_cache, keys: names }.run());
        tasks.spawn(revocations::replay_revocations(Arc::clone(&client)));
        (Self { client, loads: SingleFlight::new(MAX_LOADS), _tasks: tasks }, access)
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        self.read(key).await
    }

    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault> {
        self.client.save(key, &session).await
    }

    async fn replace(&self, key: &SessionKey, session: Session) -> Result<bool, StoreFault> {
        self.client.replace(key, &session).await
    }

    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        self.client.touch(key, last_seen).await
    }

    async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
        revocations::end(&self.client, key).await
    }

    async fn end_user(&self, user: &User) -> Result<Vec<EndedSession>, StoreFault> {
        revocations::end_user(&self.client, user).await
    }

    async fn end_provider_session(
        &self,
        session: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault> {
        revocations::end_provider_session(&self.client, session, of).await
    }

    async fn is_consumed(&self, replay_key: &ReplayKey) -> Result<bool, StoreFault> {
        self.client.is_consumed(replay_key).await
    }

    async fn consume_once(&self, replay_key: &ReplayKey, until: Timestamp) -> Result<Consumption, StoreFault> {
        self.client.consume_once(replay_key, until).await
    }

    async fn lease(&self, key: &SessionKey, holder: &LeaseHolder, span: Duration) -> Result<Lease, StoreFault> {
        self.client.lease(key, holder, span).await
    }

    async fn release(&self, key: &SessionKey, holder: &LeaseHolder) -> Result<(), StoreFault> {
        self.client.release(key, holder).await
    }

    /// Does nothing: the servers delete expired keys by themselves.
    async fn expire(&self, _: Timestamp, _: Timestamp) -> Result<usize, StoreFault> {
        Ok(0)
    }

    async fn page(&self, from: &Cursor, limit: usize) -> Result<SessionPage, StoreFault> {
        scan::page(&self.client, from, limit).await
    }

    async fn of_user(&self, user: &User) -> Result<Vec<ListedSession>, StoreFault> {
        scan::of_user(&self.client, user).await
    }
}

mod client_side_cache;
mod revocations;
mod scan;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
