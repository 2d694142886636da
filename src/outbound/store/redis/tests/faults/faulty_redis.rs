//! A server behind a relay, and stores that use it.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use redis::{Client, Cmd, FromRedisValue};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::relay::Relay;
use crate::domain::session::{Session, SessionKey, SessionRecord};
use crate::outbound::store::redis::testing::{Make, Server, TIMEOUT, free_port, settings, store};
use crate::outbound::store::redis::{Address, RedisSettings, RedisStore, Topology};
use crate::outbound::store::testing::{key, session};
use crate::ports::{SessionStore as _, StoreFault, StoredSession};

/// The promise: an end is seen within this time, and a server that returns is in use again within it.
pub(super) const SOON: Duration = Duration::from_secs(1);
/// The deadline of a Check.
const DEADLINE: Duration = Duration::from_secs(1);

pub(super) struct FaultyRedis {
    server: Option<Server>,
    port: u16,
    folder: TempDir,
    pub(super) relay: Relay,
    settings: RedisSettings,
}

impl FaultyRedis {
    pub(super) async fn new() -> Self {
        Self::with_grace(Duration::ZERO).await
    }

    pub(super) async fn with_grace(outage_grace: Duration) -> Self {
        let (folder, port) = (TempDir::new().expect("a folder"), free_port());
        let server = Some(start(port, &folder));
        let relay = Relay::to(port).await;
        let topology = Topology::Single(Address { host: "127.0.0.1".to_owned(), port: relay.port });
        let (connect_timeout, command_timeout) = (Duration::from_secs(1), Duration::from_millis(100));
        let settings = RedisSettings { connect_timeout, command_timeout, outage_grace, ..settings(topology) };
        Self { server, port, folder, relay, settings }
    }

    /// A store that uses the server through the relay.
    pub(super) fn store(&self) -> Arc<RedisStore> {
        Arc::new(store(self.settings.clone()))
    }

    /// A store that bypasses the relay, with generous time limits.
    pub(super) fn neighbour(&self) -> Arc<RedisStore> {
        let topology = Topology::Single(Address { host: "127.0.0.1".to_owned(), port: self.port });
        Arc::new(store(RedisSettings { topology, command_timeout: TIMEOUT, ..self.settings.clone() }))
    }

    pub(super) const fn settings(&self) -> &RedisSettings {
        &self.settings
    }

    /// Sends a command as an operator, over a separate connection.
    pub(super) async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.ask_as("", words).await
    }

    /// Like `ask`, with user and password (`user:password@`).
    pub(super) async fn ask_as<T: FromRedisValue>(&self, who: &str, words: &[&str]) -> T {
        let client = Client::open(format!("redis://{who}127.0.0.1:{}", self.port)).expect("an address");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
        let mut command = Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query_async(&mut connection).await.unwrap_or_else(|fault| panic!("{words:?}: {fault}"))
    }

    pub(super) async fn order(&self, words: &[&str]) {
        let _: redis::Value = self.ask(words).await;
    }

    /// The number of session reads that the server has received.
    pub(super) async fn questions(&self) -> u64 {
        let info: String = self.ask(&["INFO", "commandstats"]).await;
        let count = |command: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
            line.and_then(|rest| rest.split(',').next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        ["get", "mget", "evalsha", "eval"].into_iter().map(count).sum()
    }

    pub(super) fn signal(&self, name: &str) {
        self.server.as_ref().expect("a server").signal(name);
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        self.server = None;
    }

    /// Starts it again, with the data that it had acknowledged.
    pub(super) fn start_again(&mut self) {
        self.server = Some(start(self.port, &self.folder));
    }
}

fn start(port: u16, folder: &TempDir) -> Server {
    let folder = folder.path().to_str().expect("a path");
    Server::start_at(Make::Redis, port, &["--dir", folder, "--appendonly", "yes", "--appendfsync", "always"])
}

/// Repeats `ask` until the answer satisfies `pleases`; an attempt that begins after `SOON` is the last. Returns how long it
/// took.
pub(super) async fn soon<T: Debug>(what: &str, ask: impl AsyncFn() -> T, pleases: impl Fn(&T) -> bool) -> Duration {
    within(SOON, what, ask, pleases).await
}

async fn within<T: Debug>(
    limit: Duration,
    what: &str,
    ask: impl AsyncFn() -> T,
    pleases: impl Fn(&T) -> bool,
) -> Duration {
    let begun = Instant::now();
    let (mut deadline, mut is_over) = (pin!(running_time(limit)), false);
    loop {
        let (asked, asked_late) = (begun.elapsed(), is_over);
        let mut asking = pin!(ask());
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut asking => break answer,
                () = &mut deadline, if !is_over => is_over = true,
            }
        };
        if pleases(&answer) {
            return begun.elapsed();
        }
        assert!(!asked_late, "{what}: asked after {asked:?}, and still {answer:?}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// Waits for `time`, of which at most one step passes while the machine runs other programs: each step begins when the
/// runtime has completed the one before it, as the stores' own deadlines do.
async fn running_time(time: Duration) {
    const STEP: Duration = Duration::from_millis(50);
    for _ in 0..time.as_millis().div_ceil(STEP.as_millis()) {
        sleep(STEP).await;
    }
}

pub(super) type Answer = Result<Option<StoredSession>, StoreFault>;

pub(super) fn is_there(answer: &Answer) -> bool {
    matches!(answer, Ok(Some(_)))
}

pub(super) fn is_none(answer: &Answer) -> bool {
    matches!(answer, Ok(None))
}

/// Loads a session, and asserts that an answer comes before the deadline of a Check.
pub(super) async fn load(store: &RedisStore, key: &SessionKey) -> Answer {
    tokio::select! {
        biased;
        answer = store.load(key) => answer,
        () = running_time(DEADLINE) => panic!("no answer before the deadline"),
    }
}

/// Like `load`, for a session that lives: a fault must not be answered as an end.
pub(super) async fn load_living(store: &RedisStore, key: &SessionKey) -> Answer {
    let answer = load(store, key).await;
    assert!(!is_none(&answer), "a session that lives was answered as none");
    answer
}

/// Whether `store` may answer for `key` without a command to the server.
pub(super) fn is_warm(store: &RedisStore, key: &SessionKey) -> bool {
    store.client.client_side_cache.find(key, Instant::now()).is_some()
}

/// Waits until `store` answers for `key` without a command to the server.
pub(super) async fn warm_up(store: &RedisStore, key: &SessionKey) {
    let warm = async || load_living(store, key).await.map(|_| is_warm(store, key));
    within(TIMEOUT, "warm", warm, |warm| matches!(warm, Ok(true))).await;
}

/// The session of a separate user, refreshed `generation` times, with a separate provider session.
pub(super) fn living(number: u64, generation: u32) -> Session {
    let record = session(&format!("user {number}"), 0, 1_000_000).record().clone();
    Session::restore(SessionRecord { generation, provider_session: Some(format!("sid {number}")), ..record })
}

/// Retries until the session is saved, on a machine that is busy.
pub(super) async fn save(store: &RedisStore, number: u64) {
    let saved = async || store.save(&key(number), living(number, 0)).await;
    within(TIMEOUT, "saved", saved, Result::is_ok).await;
}

/// Saves sessions 1 to `count`, and warms the cache with all of them.
pub(super) async fn settle(store: &RedisStore, count: u64) {
    for number in 1..=count {
        save(store, number).await;
        warm_up(store, &key(number)).await;
    }
}
