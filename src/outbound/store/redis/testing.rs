//! Real servers for tests, and stores over them.

use std::collections::HashMap;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use redis::{Client, Cmd, FromRedisValue, RedisResult};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{Address, Credentials, RedisSettings, RedisStore, Topology};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::outbound::store::testing::{LIFETIMES, keys};
use crate::ports::{
    Consumption, Cursor, EndedSession, Lease, LeaseHolder, ListedSession, ProviderSessionEnd, SessionPage,
    SessionStore, StoreFault, StoredSession,
};
use crate::testing::{ManualClock, SystemEntropy};

/// The time limit for anything that a test waits for.
pub(in crate::outbound::store) const TIMEOUT: Duration = Duration::from_secs(120);

/// A free port below the kernel's range for outgoing connections. The port above it by 10000 is free, too: it is the bus
/// port, over which nodes of a cluster communicate.
pub(in crate::outbound::store) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 40).expect("below 40") * 100;
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    (0..4000)
        .map(|_| 15_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 4000)
        .find(|port| free(*port) && free(port + 10_000))
        .expect("a free port")
}

/// Which server program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::outbound::store) enum Make {
    Redis,
    Valkey,
}

impl Make {
    fn program(self) -> PathBuf {
        match self {
            Self::Redis => PathBuf::from("redis-server"),
            Self::Valkey => {
                let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
                root.join(".tools/valkey/usr/bin/valkey-server")
            }
        }
    }
}

/// A running server, which is killed when this value is dropped.
pub(in crate::outbound::store) struct Server {
    process: Child,
    pub(in crate::outbound::store) port: u16,
    pub(in crate::outbound::store) folder: TempDir,
}

impl Server {
    pub(in crate::outbound::store) fn start(make: Make) -> Self {
        Self::start_with(make, &[])
    }

    /// A server with further settings, on its own port.
    pub(in crate::outbound::store) fn start_with(make: Make, settings: &[&str]) -> Self {
        Self::start_at(make, free_port(), settings)
    }

    pub(in crate::outbound::store) fn start_at(make: Make, port: u16, settings: &[&str]) -> Self {
        let port_text = port.to_string();
        let mut arguments = vec!["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        arguments.extend(settings);
        Self::run(make, port, &arguments)
    }

    /// Starts the program with exactly these arguments, and waits until it answers at `port`.
    pub(in crate::outbound::store) fn run(make: Make, port: u16, arguments: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let program = make.program();
        let process = Command::new(&program)
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(folder.path().join("log")).expect("a log"))
            .spawn()
            .unwrap_or_else(|fault| panic!("{} ({fault}); tests/tools/install brings it", program.display()));
        let server = Self { process, port, folder };
        server.wait_until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    pub(in crate::outbound::store) fn wait_until(&self, what: &str, done: impl Fn() -> bool) {
        let begun = Instant::now();
        while !done() {
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < TIMEOUT, "server: {what}: not yet\n{}", log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a command to the server directly, without a store.
    pub(in crate::outbound::store) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).unwrap_or_else(|fault| panic!("{words:?}: {fault}"))
    }

    /// Like `ask`, for a server that may close the connection: a server that becomes a master closes all its connections.
    pub(in crate::outbound::store) fn try_ask<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let client = Client::open(format!("redis://127.0.0.1:{}/", self.port))?;
        Cmd::new().arg(words).query(&mut client.get_connection_with_timeout(TIMEOUT)?)
    }

    pub(in crate::outbound::store) fn address(&self) -> Address {
        Address { host: "127.0.0.1".to_owned(), port: self.port }
    }

    /// Sends a signal, such as `STOP`.
    pub(in crate::outbound::store) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.process.id().to_string()).status();
        assert!(sent.expect("kill").success());
    }
}

impl Server {
    /// Kills it at once, as a crash would.
    pub(in crate::outbound::store) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Settings of a store at one server, with a key prefix of its own and generous time limits.
pub(in crate::outbound::store) fn settings(topology: Topology) -> RedisSettings {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    RedisSettings {
        topology,
        database: 0,
        credentials: Credentials::default(),
        sentinel_credentials: Credentials::default(),
        tls: None,
        key_prefix: format!("gatepost-{}:", NEXT.fetch_add(1, Ordering::Relaxed)),
        connect_timeout: Duration::from_secs(5),
        command_timeout: Duration::from_secs(60),
        cache_bytes: 64 * 1024 * 1024,
        outage_grace: Duration::ZERO,
    }
}

/// Waits until `done` returns true.
pub(in crate::outbound::store) async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < TIMEOUT, "{what}: not yet");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Must be called within a Tokio runtime.
pub(in crate::outbound::store) fn store(settings: RedisSettings) -> RedisStore {
    RedisStore::open(settings, keys(1), LIFETIMES, Arc::new(SystemEntropy), ManualClock::at(0)).0
}

/// A store whose sessions and replay keys expire when `expire` says so: servers use their own clocks, and the times in
/// tests are small.
pub(in crate::outbound::store) struct Swept {
    store: RedisStore,
    consumed: Mutex<HashMap<ReplayKey, Timestamp>>,
}

impl Swept {
    pub(in crate::outbound::store) fn over(settings: RedisSettings) -> Arc<dyn SessionStore> {
        Arc::new(Self { store: store(settings), consumed: Mutex::default() })
    }
}

#[async_trait]
impl SessionStore for Swept {
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        self.store.load(key).await
    }

    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault> {
        self.store.save(key, session).await
    }

    async fn replace(&self, key: &SessionKey, session: Session) -> Result<bool, StoreFault> {
        self.store.replace(key, session).await
    }

    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        self.store.touch(key, last_seen).await
    }

    async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
        self.store.end(key).await
    }

    async fn end_user(&self, user: &User) -> Result<Vec<EndedSession>, StoreFault> {
        self.store.end_user(user).await
    }

    async fn end_provider_session(
        &self,
        session: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault> {
        self.store.end_provider_session(session, of).await
    }

    async fn count(&self) -> Result<Option<usize>, StoreFault> {
        self.store.count().await
    }

    async fn is_consumed(&self, replay_key: &ReplayKey) -> Result<bool, StoreFault> {
        self.store.is_consumed(replay_key).await
    }

    async fn consume_once(&self, replay_key: &ReplayKey, until: Timestamp) -> Result<Consumption, StoreFault> {
        self.consumed.lock().expect("marks").entry(*replay_key).or_insert(until);
        self.store.consume_once(replay_key, until).await
    }

    async fn lease(&self, key: &SessionKey, holder: &LeaseHolder, span: Duration) -> Result<Lease, StoreFault> {
        self.store.lease(key, holder, span).await
    }

    async fn release(&self, key: &SessionKey, holder: &LeaseHolder) -> Result<(), StoreFault> {
        self.store.release(key, holder).await
    }

    async fn expire(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, StoreFault> {
        let over: Vec<ReplayKey> = {
            let mut consumed = self.consumed.lock().expect("marks");
            consumed.extract_if(|_, until| *until <= now).map(|(index_hash, _)| index_hash).collect()
        };
        let client = &self.store.client;
        for index_hash in over {
            let _: i64 = client.ask(Cmd::new().arg("DEL").arg(client.keys.consumed(&index_hash))).await?;
        }
        let (mut count, mut from) = (0, Some(Cursor::default()));
        while let Some(cursor) = from {
            let page = self.page(&cursor, 500).await?;
            for ListedSession { key, stored } in page.sessions {
                if stored.session.record().ends <= now || stored.last_seen < idle_since {
                    count += usize::from(self.end(&key).await?.is_some());
                }
            }
            from = page.next;
        }
        Ok(count)
    }

    async fn page(&self, from: &Cursor, limit: usize) -> Result<SessionPage, StoreFault> {
        self.store.page(from, limit).await
    }

    async fn of_user(&self, user: &User) -> Result<Vec<ListedSession>, StoreFault> {
        self.store.of_user(user).await
    }
}
