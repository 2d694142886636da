//! The shared state of the store, and its command path: commands and scripts, each with a time limit and bounded concurrency.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use redis::{Cmd, FromRedisValue, Value};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::client_side_cache::ClientSideCache;
use super::connection::{RedisConnection, State};
use super::fault::Fault;
use super::keys::Keys;
use super::pending::PendingRevocations;
use super::scripts::Script;
use crate::domain::session::{Lifetimes, SessionKey};
use crate::outbound::store::record_cipher::{IndexHash, RecordCipher};
use crate::ports::Clock;

/// The limit for concurrent commands; further ones wait for a permit, within the time limit of an answer.
const PERMITS: usize = 1024;
/// The number of sessions whose owner is cached.
const REMEMBERED: usize = 64 * 1024;

/// Reads and changes sessions at the servers.
pub(super) struct RedisClient {
    state: watch::Receiver<State>,
    permits: Semaphore,
    pub(super) command_timeout: Duration,
    pub(super) keys: Keys,
    pub(super) client_side_cache: Arc<ClientSideCache>,
    pub(super) record_cipher: RecordCipher,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lifetimes: Lifetimes,
    pub(super) ends: PendingRevocations,
    pub(super) owners: Cache<SessionKey, IndexHash>,
}

impl RedisClient {
    pub(super) fn new(
        state: watch::Receiver<State>,
        command_timeout: Duration,
        keys: Keys,
        client_side_cache: Arc<ClientSideCache>,
        record_cipher: RecordCipher,
        clock: Arc<dyn Clock>,
        lifetimes: Lifetimes,
    ) -> Self {
        let (permits, ends, owners) = (Semaphore::new(PERMITS), PendingRevocations::default(), Cache::new(REMEMBERED));
        Self { state, permits, command_timeout, keys, client_side_cache, record_cipher, clock, lifetimes, ends, owners }
    }

    /// The state of the connection, and notification of its changes.
    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// The connection. Waits up to `command_timeout` for an attempt in progress.
    pub(super) async fn connection(&self) -> Result<Arc<RedisConnection>, Fault> {
        let mut state = self.state.clone();
        let settled = timeout(self.command_timeout, state.wait_for(|state| !matches!(state, State::Connecting))).await;
        match settled.map(|state| state.map(|state| state.clone())) {
            Ok(Ok(State::Up(connection))) => Ok(connection),
            Ok(Ok(State::Down(reason))) => Err(Fault::Down(reason)),
            Ok(Ok(State::Connecting) | Err(_)) | Err(_) => Err(Fault::Down("no connection yet".to_owned())),
        }
    }

    /// Sends a command and reads its answer.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Fault> {
        let connection = self.connection().await?;
        let asked = timeout(self.command_timeout, async {
            let _permit = self.permits.acquire().await.map_err(|_| Fault::Broken)?;
            connection.ask(command).await.map_err(Fault::from)
        });
        let answer: Result<Value, Fault> = asked.await.unwrap_or(Err(Fault::TimeOut));
        connection.note(&answer);
        T::from_redis_value(answer?).map_err(|_| Fault::Unreadable)
    }

    /// Runs a script, and uploads it where the server does not know it yet.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
    ) -> Result<T, Fault> {
        let command = |name: &str, script: &str| {
            let mut command = Cmd::new();
            command.arg(name).arg(script).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        match self.ask(&command("EVALSHA", &script.hash)).await {
            Err(Fault::UnknownScript) => self.ask(&command("EVAL", script.body)).await,
            answer => answer,
        }
    }
}
