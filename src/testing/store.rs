//! The memory store, and a fake that lets it fail, wait or panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use crate::domain::crypto::replay::ReplayKey;
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::outbound::store::{StoreSettings, open};
use crate::ports::{
    Consumption, Cursor, EndedSession, Lease, LeaseHolder, ListedSession, ProviderSessionEnd, SessionPage,
    SessionStore, StoreFault, StoredSession,
};
use crate::testing::builders::{LIFETIMES, sealing_keys};
use crate::testing::clock::ManualClock;
use crate::testing::entropy::CountingEntropy;

/// The real memory store, empty.
pub fn memory_store() -> Arc<dyn SessionStore> {
    let entropy = Arc::new(CountingEntropy::default());
    open(&StoreSettings::Memory, sealing_keys(1), LIFETIMES, entropy, ManualClock::new()).expect("needs no file").store
}

/// What happens when a session is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    /// It is loaded.
    Answers,
    /// It waits for a permit of [`FakeStore::permits`].
    Waits,
    /// It panics.
    Panics,
}

/// The memory store, with calls counted, and failing where a test says so.
pub struct FakeStore {
    memory: Arc<dyn SessionStore>,
    loading: Loading,
    /// Lets loads and ends that wait continue.
    pub permits: Semaphore,
    /// The call that fails, counted from now; 0 for none.
    pub fail_at: AtomicUsize,
    /// Every call fails.
    pub is_down: AtomicBool,
    /// How many refreshes fail from now on.
    pub failing_refreshes: AtomicUsize,
    /// Every end of a provider session fails.
    pub ends_fail: AtomicBool,
    /// Ends of provider sessions wait for a permit of [`FakeStore::permits`].
    pub ends_wait: AtomicBool,
    /// Another process holds every lease.
    pub leased_out: AtomicBool,
    /// Calls of `load`.
    pub loads: AtomicUsize,
    /// Calls of `touch`.
    pub touches: AtomicUsize,
    /// Calls of `end_provider_session`.
    pub provider_session_ends: AtomicUsize,
    /// Calls of `page`.
    pub pages: AtomicUsize,
}

impl FakeStore {
    /// An empty store.
    pub fn new(loading: Loading) -> Arc<Self> {
        Arc::new(Self {
            memory: memory_store(),
            loading,
            permits: Semaphore::new(0),
            fail_at: AtomicUsize::default(),
            is_down: AtomicBool::default(),
            failing_refreshes: AtomicUsize::default(),
            ends_fail: AtomicBool::default(),
            ends_wait: AtomicBool::default(),
            leased_out: AtomicBool::default(),
            loads: AtomicUsize::default(),
            touches: AtomicUsize::default(),
            provider_session_ends: AtomicUsize::default(),
            pages: AtomicUsize::default(),
        })
    }

    /// All sessions; not a counted call.
    pub fn all(&self) -> Vec<ListedSession> {
        at_once(self.memory.page(&Cursor::default(), usize::MAX)).sessions
    }

    /// Stores a session, or replaces it; not a counted call.
    pub fn put(&self, key: &SessionKey, session: Session) {
        at_once(self.memory.save(key, session));
    }

    /// Ends all sessions; not a counted call.
    pub fn clear(&self) {
        for listed in self.all() {
            at_once(self.memory.end(&listed.key));
        }
    }

    fn call(&self) -> Result<(), StoreFault> {
        let fails = count_down(&self.fail_at) == Some(1) || self.is_down.load(Ordering::Relaxed);
        if fails { Err(wanted()) } else { Ok(()) }
    }

    async fn permit(&self) -> Result<(), StoreFault> {
        self.permits.acquire().await.map(drop).map_err(|fault| StoreFault(fault.to_string()))
    }
}

fn wanted() -> StoreFault {
    StoreFault("as the test wants it".into())
}

/// Counts down to zero; returns the number before, if it was not zero.
fn count_down(counter: &AtomicUsize) -> Option<usize> {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok()
}

fn at_once<T>(call: impl Future<Output = Result<T, StoreFault>>) -> T {
    call.now_or_never().expect("memory is read without waiting").expect("memory does not fail")
}

#[async_trait]
impl SessionStore for FakeStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.call()?;
        assert!(self.loading != Loading::Panics, "the test wants a panic");
        if self.loading == Loading::Waits {
            self.permit().await?;
        }
        self.memory.load(key).await
    }

    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault> {
        self.call()?;
        self.memory.save(key, session).await
    }

    async fn replace(&self, key: &SessionKey, session: Session) -> Result<bool, StoreFault> {
        self.call()?;
        if count_down(&self.failing_refreshes).is_some() {
            return Err(wanted());
        }
        self.memory.replace(key, session).await
    }

    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        self.touches.fetch_add(1, Ordering::Relaxed);
        self.call()?;
        self.memory.touch(key, last_seen).await
    }

    async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
        self.call()?;
        self.memory.end(key).await
    }

    async fn end_user(&self, user: &User) -> Result<Vec<EndedSession>, StoreFault> {
        self.call()?;
        self.memory.end_user(user).await
    }

    async fn end_provider_session(
        &self,
        session: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault> {
        self.provider_session_ends.fetch_add(1, Ordering::SeqCst);
        self.call()?;
        if self.ends_wait.load(Ordering::Relaxed) {
            self.permit().await?;
        }
        if self.ends_fail.load(Ordering::Relaxed) {
            return Err(wanted());
        }
        self.memory.end_provider_session(session, of).await
    }

    async fn is_consumed(&self, replay_key: &ReplayKey) -> Result<bool, StoreFault> {
        self.call()?;
        self.memory.is_consumed(replay_key).await
    }

    async fn consume_once(&self, replay_key: &ReplayKey, until: Timestamp) -> Result<Consumption, StoreFault> {
        self.call()?;
        self.memory.consume_once(replay_key, until).await
    }

    async fn lease(&self, key: &SessionKey, holder: &LeaseHolder, span: Duration) -> Result<Lease, StoreFault> {
        self.call()?;
        if self.leased_out.load(Ordering::Relaxed) {
            return Ok(Lease::Taken);
        }
        self.memory.lease(key, holder, span).await
    }

    async fn release(&self, key: &SessionKey, holder: &LeaseHolder) -> Result<(), StoreFault> {
        self.call()?;
        self.memory.release(key, holder).await
    }

    async fn expire(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, StoreFault> {
        self.memory.expire(now, idle_since).await
    }

    async fn page(&self, from: &Cursor, limit: usize) -> Result<SessionPage, StoreFault> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.call()?;
        self.memory.page(from, limit).await
    }

    async fn of_user(&self, user: &User) -> Result<Vec<ListedSession>, StoreFault> {
        self.call()?;
        self.memory.of_user(user).await
    }
}
