//! Sessions in this process only. Every index is a sorted set, so ending and expiring cost only what they remove.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::crypto::replay::ReplayKey;
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::ports::{
    Consumption, Cursor, EndedSession, Lease, LeaseHolder, ListedSession, ProviderSessionEnd, SessionPage,
    SessionStore, StoreFault, StoredSession,
};

/// The memory store.
#[derive(Default)]
pub(super) struct MemoryStore(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    sessions: HashMap<SessionKey, StoredSession>,
    by_user: HashMap<User, BTreeSet<SessionKey>>,
    by_provider_session: HashMap<ProviderSession, BTreeSet<SessionKey>>,
    by_end: BTreeSet<(Timestamp, SessionKey)>,
    by_last_seen: BTreeSet<(Timestamp, SessionKey)>,
    consumed: HashMap<ReplayKey, Timestamp>,
    consumed_by_end: BTreeSet<(Timestamp, ReplayKey)>,
}

impl MemoryStore {
    /// No operation panics midway, so the data behind a poisoned lock is still consistent.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn insert(&mut self, key: SessionKey, session: Session, last_seen: Timestamp) {
        self.remove(&key);
        let record = session.record();
        self.by_user.entry(record.user.clone()).or_default().insert(key);
        if let Some(provider_session) = session.provider_session() {
            self.by_provider_session.entry(provider_session).or_default().insert(key);
        }
        self.by_end.insert((record.ends, key));
        self.by_last_seen.insert((last_seen, key));
        self.sessions.insert(key, StoredSession { session: Arc::new(session), last_seen });
    }

    fn remove(&mut self, key: &SessionKey) -> Option<Arc<Session>> {
        let StoredSession { session, last_seen } = self.sessions.remove(key)?;
        let record = session.record();
        self.by_end.remove(&(record.ends, *key));
        self.by_last_seen.remove(&(last_seen, *key));
        take_out(&mut self.by_user, &record.user, key);
        if let Some(provider_session) = session.provider_session() {
            take_out(&mut self.by_provider_session, &provider_session, key);
        }
        Some(session)
    }

    fn remove_all(&mut self, keys: &BTreeSet<SessionKey>) -> Vec<EndedSession> {
        keys.iter().filter_map(|key| Some(EndedSession { key: *key, session: self.remove(key)? })).collect()
    }

    fn listed(&self, key: &SessionKey) -> Option<ListedSession> {
        self.sessions.get(key).map(|stored| ListedSession { key: *key, stored: stored.clone() })
    }
}

fn take_out<K: Hash + Eq>(index: &mut HashMap<K, BTreeSet<SessionKey>>, at: &K, key: &SessionKey) {
    if let Some(keys) = index.get_mut(at) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(at);
        }
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        Ok(self.tables().sessions.get(key).cloned())
    }

    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault> {
        let created = session.record().created;
        self.tables().insert(*key, session, created);
        Ok(())
    }

    async fn replace(&self, key: &SessionKey, session: Session) -> Result<bool, StoreFault> {
        let mut tables = self.tables();
        let before = tables.sessions.get(key).map(|stored| (stored.session.record().generation, stored.last_seen));
        match before {
            Some((generation, last_seen)) if generation.checked_add(1) == Some(session.record().generation) => {
                tables.insert(*key, session, last_seen);
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        let tables = &mut *self.tables();
        if let Some(stored) = tables.sessions.get_mut(key).filter(|stored| stored.last_seen < last_seen) {
            tables.by_last_seen.remove(&(stored.last_seen, *key));
            tables.by_last_seen.insert((last_seen, *key));
            stored.last_seen = last_seen;
        }
        Ok(())
    }

    async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
        Ok(self.tables().remove(key))
    }

    async fn end_user(&self, user: &User) -> Result<Vec<EndedSession>, StoreFault> {
        let mut tables = self.tables();
        let keys = tables.by_user.get(user).cloned().unwrap_or_default();
        Ok(tables.remove_all(&keys))
    }

    async fn end_provider_session(
        &self,
        session: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault> {
        let mut tables = self.tables();
        let keys = tables.by_provider_session.get(session).cloned().unwrap_or_default();
        let others = |key| tables.sessions.get(key).is_some_and(|stored| Some(&stored.session.record().user) != of);
        if of.is_some() && keys.iter().any(others) {
            return Ok(ProviderSessionEnd::OtherUser);
        }
        Ok(ProviderSessionEnd::Ended(tables.remove_all(&keys)))
    }

    async fn is_consumed(&self, replay_key: &ReplayKey) -> Result<bool, StoreFault> {
        Ok(self.tables().consumed.contains_key(replay_key))
    }

    async fn consume_once(&self, replay_key: &ReplayKey, until: Timestamp) -> Result<Consumption, StoreFault> {
        let mut tables = self.tables();
        if tables.consumed.contains_key(replay_key) {
            return Ok(Consumption::Repeated);
        }
        tables.consumed.insert(*replay_key, until);
        tables.consumed_by_end.insert((until, *replay_key));
        Ok(Consumption::First)
    }

    /// Always succeeds: no other process shares this store.
    async fn lease(&self, key: &SessionKey, _: &LeaseHolder, _: Duration) -> Result<Lease, StoreFault> {
        Ok(Lease::Held(self.load(key).await?))
    }

    async fn release(&self, _: &SessionKey, _: &LeaseHolder) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn count(&self) -> Result<Option<usize>, StoreFault> {
        Ok(Some(self.tables().sessions.len()))
    }

    async fn expire(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, StoreFault> {
        let mut tables = self.tables();
        let ended = tables.by_end.iter().take_while(|(ends, _)| *ends <= now);
        let idle = tables.by_last_seen.iter().take_while(|(last_seen, _)| *last_seen < idle_since);
        let keys: BTreeSet<SessionKey> = ended.chain(idle).map(|(_, key)| *key).collect();
        while let Some((_, replay_key)) = tables.consumed_by_end.first().copied().filter(|(until, _)| *until <= now) {
            tables.consumed_by_end.pop_first();
            tables.consumed.remove(&replay_key);
        }
        Ok(tables.remove_all(&keys).len())
    }

    /// Pages are ordered by the sessions' ends. A cursor is the last end and key of the previous page.
    async fn page(&self, from: &Cursor, limit: usize) -> Result<SessionPage, StoreFault> {
        let tables = self.tables();
        let begin = match from.0.split_first_chunk::<8>() {
            None => Bound::Unbounded,
            Some((end, key)) => {
                let key = key.try_into().map_err(|_| StoreFault("a cursor of another store".to_owned()))?;
                Bound::Excluded((Timestamp::from_unix(u64::from_be_bytes(*end)), SessionKey::from_bytes(key)))
            }
        };
        let places: Vec<_> = tables.by_end.range((begin, Bound::Unbounded)).take(limit).collect();
        let full = places.len() == limit;
        let last = places.last().filter(|_| full);
        let next = last.map(|(end, key)| Cursor([&end.as_unix().to_be_bytes()[..], key.as_bytes()].concat()));
        Ok(SessionPage { sessions: places.into_iter().filter_map(|(_, key)| tables.listed(key)).collect(), next })
    }

    async fn of_user(&self, user: &User) -> Result<Vec<ListedSession>, StoreFault> {
        let tables = self.tables();
        let keys = tables.by_user.get(user).into_iter().flatten();
        Ok(keys.filter_map(|key| tables.listed(key)).collect())
    }
}
