//! What this process knows beyond the file: sessions read lately, last uses not written yet, and ends that could not be
//! written. It is what a signed-in Check is answered from, so it must never hold a session that ended.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
use crate::outbound::store::cache::{self, SessionCache};
use crate::outbound::store::record_cipher::ShortUserHash;
use crate::ports::StoredSession;

/// Last uses that may wait; more come only when nothing can be written for long.
const MAX_TOUCHED: usize = 64 * 1024;

/// What the file does not know yet.
#[derive(Clone, Default)]
pub(super) struct PendingWrites {
    /// Last uses, written with whatever is written next.
    pub(super) touched: HashMap<SessionKey, Timestamp>,
    /// Sessions whose end could not be written.
    pub(super) ended: HashSet<SessionKey>,
    /// Users whose sessions' end could not be written.
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
pub(super) enum Purpose {
    /// Somebody uses it, and is likely to come again.
    Use,
    /// It is about to be renewed, for which it has to be whole.
    Renewal,
}

/// A load on its way: what was known when it began.
pub(super) struct Loading {
    key: SessionKey,
    cached: cache::Loading,
    touched: Option<Timestamp>,
}

impl Loading {
    /// The later of what the file says and what it has not been told yet.
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

    /// Nothing that holds the lock panics half-way, so what a poisoned one guards is still whole.
    fn lock(&self) -> MutexGuard<'_, PendingWrites> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session, when it was read lately. Takes no lock but the cache's own.
    pub(super) fn cached(&self, key: &SessionKey) -> Option<StoredSession> {
        self.cache.get(key)
    }

    /// Forgets what the file said, now that it is not to be trusted.
    pub(super) fn forget_file(&self) {
        self.cache.clear();
    }

    /// To be called before the file is read; `None` when the session has ended.
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

    /// To be called with what the file held; `None` when the session has ended.
    pub(super) fn finish_load(
        &self,
        loading: &Loading,
        found: StoredSession,
        user: ShortUserHash,
        purpose: Purpose,
    ) -> Option<StoredSession> {
        if purpose == Purpose::Use {
            self.cache.finish_load(&loading.cached, &found, user);
        }
        // Who notes an end takes the session out of the cache afterwards.
        (!self.lock().ends(&loading.key, user)).then_some(found)
    }

    /// Notes a last use; how many wait to be written.
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

    /// `written` is in the file now, and the sessions under `outdated` are no longer what they were.
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

    /// The same for all sessions of a user.
    pub(super) fn end_user(&self, user: ShortUserHash) {
        self.lock().ended_users.insert(user);
        self.cache.remove_user(user);
    }
}
