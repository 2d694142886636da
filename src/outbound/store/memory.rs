//! Sessions in this process alone. Every index is a sorted set, so ending and expiring cost what they end.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::session::{Session, SessionKey, User};
use crate::domain::sign_in::AttemptId;
use crate::domain::time::Timestamp;
use crate::ports::{SessionStore, Spent, StoreFault, StoredSession};

/// The memory store.
#[derive(Default)]
pub(super) struct MemoryStore(Mutex<Shelves>);

#[derive(Default)]
struct Shelves {
    sessions: HashMap<SessionKey, StoredSession>,
    by_user: HashMap<User, BTreeSet<SessionKey>>,
    by_end: BTreeSet<(Timestamp, SessionKey)>,
    by_last_seen: BTreeSet<(Timestamp, SessionKey)>,
    spent: HashMap<[u8; 16], Timestamp>,
    spent_by_end: BTreeSet<(Timestamp, [u8; 16])>,
}

impl MemoryStore {
    /// No operation panics half-way, so what a poisoned lock guards is still whole.
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn insert(&mut self, key: SessionKey, session: Session) {
        self.remove(&key);
        let record = session.record();
        let last_seen = record.created;
        self.by_user.entry(record.user.clone()).or_default().insert(key);
        self.by_end.insert((record.ends, key));
        self.by_last_seen.insert((last_seen, key));
        self.sessions.insert(key, StoredSession { session: Arc::new(session), last_seen });
    }

    fn remove(&mut self, key: &SessionKey) -> bool {
        let Some(stored) = self.sessions.remove(key) else { return false };
        let record = stored.session.record();
        self.by_end.remove(&(record.ends, *key));
        self.by_last_seen.remove(&(stored.last_seen, *key));
        if let Some(keys) = self.by_user.get_mut(&record.user) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_user.remove(&record.user);
            }
        }
        true
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        Ok(self.shelves().sessions.get(key).cloned())
    }

    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault> {
        self.shelves().insert(*key, session);
        Ok(())
    }

    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        let shelves = &mut *self.shelves();
        if let Some(stored) = shelves.sessions.get_mut(key).filter(|stored| stored.last_seen < last_seen) {
            shelves.by_last_seen.remove(&(stored.last_seen, *key));
            shelves.by_last_seen.insert((last_seen, *key));
            stored.last_seen = last_seen;
        }
        Ok(())
    }

    async fn end(&self, key: &SessionKey) -> Result<(), StoreFault> {
        self.shelves().remove(key);
        Ok(())
    }

    async fn end_user(&self, user: &User) -> Result<usize, StoreFault> {
        let mut shelves = self.shelves();
        let keys = shelves.by_user.get(user).cloned().unwrap_or_default();
        Ok(keys.iter().filter(|key| shelves.remove(key)).count())
    }

    async fn spend(&self, attempt: &AttemptId, until: Timestamp) -> Result<Spent, StoreFault> {
        let mut shelves = self.shelves();
        if shelves.spent.contains_key(attempt.as_bytes()) {
            return Ok(Spent::Before);
        }
        shelves.spent.insert(*attempt.as_bytes(), until);
        shelves.spent_by_end.insert((until, *attempt.as_bytes()));
        Ok(Spent::Now)
    }

    async fn expire(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, StoreFault> {
        let mut shelves = self.shelves();
        let ended = shelves.by_end.iter().take_while(|(ends, _)| *ends <= now);
        let idle = shelves.by_last_seen.iter().take_while(|(last_seen, _)| *last_seen < idle_since);
        let keys: BTreeSet<SessionKey> = ended.chain(idle).map(|(_, key)| *key).collect();
        while let Some((_, attempt)) = shelves.spent_by_end.first().copied().filter(|(until, _)| *until <= now) {
            shelves.spent_by_end.pop_first();
            shelves.spent.remove(&attempt);
        }
        Ok(keys.iter().filter(|key| shelves.remove(key)).count())
    }
}
