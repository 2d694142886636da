//! State of this process beyond the file: recently read sessions, last uses not written yet, and ends that could not be
//! written. A signed-in Check is answered from it, so it must never contain a session that ended.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
use crate::outbound::store::cache::{self, SessionCache};
use crate::outbound::store::record_cipher::ShortUserHash;
use crate::ports::StoredSession;

/// The limit for unwritten last uses; it is reached only when nothing can be written for long.
const MAX_TOUCHED: usize = 64 * 1024;

/// What is not in the file yet.
#[derive(Clone, Default)]
pub(super) struct PendingWrites {
    /// Last uses, written together with the next change.
    pub(super) touched: HashMap<SessionKey, Timestamp>,
    /// Sessions whose end could not be written.
    pub(super) ended: HashSet<SessionKey>,
    /// Users for whom the end of all sessions could not be written.
    pub(super) ended_users: HashSet<ShortUserHash>,
}

impl PendingWrites {
    pub(super) fn is_empty(&self) -> bool {
        self.touched.is_empty() && self.ended.is_empty() && self.ended_users.is_empty()
    }

    /// Whether a session has ended.
    pub(super) fn ends(&self, key: &SessionKey, user: ShortUserHash) -> bool {
        self.ended.contains(key) || self.ended_users.contains(&user)
    }
}

/// What a session is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadPurpose {
    /// A request uses it, and further requests are likely.
    Use,
    /// It is about to be refreshed, for which it must be complete, with its tokens.
    Refresh,
}

/// A load in progress: the state known when it began.
pub(super) struct Loading {
    key: SessionKey,
    cached: cache::Loading,
    touched: Option<Timestamp>,
}

impl Loading {
    /// The later of the last use in the file and the one not written yet.
    pub(super) fn last_seen(&self, in_file: Timestamp) -> Timestamp {
        self.touched.map_or(in_file, |touched| touched.max(in_file))
    }
}

pub(super) struct WriteBehindCache {
    cache: SessionCache,
    unwritten: Mutex<PendingWrites>,
}

impl WriteBehindCache {
    pub(super) fn new(cache_bytes: u64) -> Self {
        Self { cache: SessionCache::new(cache_bytes), unwritten: Mutex::default() }
    }

    /// No code that holds the lock panics midway, so the data behind a poisoned lock is still consistent.
    fn lock(&self) -> MutexGuard<'_, PendingWrites> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session, if it is cached. Takes no lock but the cache's own.
    pub(super) fn cached(&self, key: &SessionKey) -> Option<StoredSession> {
        self.cache.get(key)
    }

    /// Drops all sessions read from the file, because the file is not to be trusted any more.
    pub(super) fn forget_file(&self) {
        self.cache.clear();
    }

    /// Must be called before the file is read; `None` when the session has ended.
    pub(super) fn begin_load(&self, key: &SessionKey) -> Option<Loading> {
        let cached = self.cache.begin_load(key);
        let unwritten = self.lock();
        let touched = unwritten.touched.get(key).copied();
        (!unwritten.ended.contains(key)).then_some(Loading { key: *key, cached, touched })
    }

    /// Whether nothing is known to have changed since `loading` began.
    pub(super) fn is_current(&self, loading: &Loading) -> bool {
        self.cache.is_current(&loading.cached)
    }

    /// Must be called with the session that the file contained; `None` when the session has ended.
    pub(super) fn finish_load(
        &self,
        loading: &Loading,
        found: StoredSession,
        user: ShortUserHash,
        purpose: LoadPurpose,
    ) -> Option<StoredSession> {
        if purpose == LoadPurpose::Use {
            self.cache.finish_load(&loading.cached, &found, user);
        }
        // Code that records an end removes the session from the cache afterwards, so it may be cached for a moment here.
        (!self.lock().ends(&loading.key, user)).then_some(found)
    }

    /// Records a last use; returns how many last uses are unwritten.
    pub(super) fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> usize {
        self.cache.touch(key, last_seen);
        let touched = &mut self.lock().touched;
        if touched.len() < MAX_TOUCHED || touched.contains_key(key) {
            let noted = touched.entry(*key).or_insert(last_seen);
            *noted = last_seen.max(*noted);
        }
        touched.len()
    }

    /// What is to be written together with the next change.
    pub(super) fn unwritten(&self) -> PendingWrites {
        self.lock().clone()
    }

    /// `written` is in the file now, and the cached sessions under `outdated` are out of date.
    pub(super) fn settle(&self, written: &PendingWrites, outdated: impl IntoIterator<Item = SessionKey>) {
        outdated.into_iter().for_each(|key| self.cache.remove(&key));
        let unwritten = &mut *self.lock();
        unwritten.touched.retain(|key, last_seen| written.touched.get(key) != Some(last_seen));
        unwritten.ended.retain(|key| !written.ended.contains(key));
        unwritten.ended_users.retain(|user| !written.ended_users.contains(user));
    }

    /// Remembers an end that could not be written, so that at least this process denies the session.
    pub(super) fn end(&self, key: SessionKey) {
        self.lock().ended.insert(key);
        self.cache.remove(&key);
    }

    /// Remembers the end of all sessions of a user.
    pub(super) fn end_user(&self, user: ShortUserHash) {
        self.lock().ended_users.insert(user);
        self.cache.remove_user(user);
    }
}
