//! What this process knows beyond the file: sessions read lately, last uses not written yet, and ends that could not be
//! written. It is what a signed-in Check is answered from, so it must never hold a session that ended.
//!
//! A load that began before an end may come back after it with the old record. Every end therefore moves an epoch on,
//! under the same lock under which a load puts its find into the cache, and a find of an older epoch stays outside.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
use crate::outbound::store::opened::Opened;
use crate::outbound::store::vault::Mark;
use crate::ports::StoredSession;

/// Last uses that may wait; more come only when nothing can be written for long.
const MAX_TOUCHED: usize = 64 * 1024;

/// What the file does not know yet.
#[derive(Clone, Default)]
pub(super) struct Unwritten {
    /// Last uses, written with whatever is written next.
    pub(super) touched: HashMap<SessionKey, Timestamp>,
    /// Sessions whose end could not be written.
    pub(super) ended: HashSet<SessionKey>,
    /// Users whose sessions' end could not be written.
    pub(super) ended_users: HashSet<Mark>,
}

impl Unwritten {
    pub(super) fn is_empty(&self) -> bool {
        self.touched.is_empty() && !self.holds_ends()
    }

    pub(super) fn holds_ends(&self) -> bool {
        !self.ended.is_empty() || !self.ended_users.is_empty()
    }
}

#[derive(Default)]
struct State {
    epoch: u64,
    unwritten: Unwritten,
}

/// What a session is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Somebody uses it, and is likely to come again.
    Use,
    /// It is listed. Listing everybody must not push out of the cache who is active.
    List,
    /// It is about to be renewed, for which it has to be whole.
    Renewal,
}

/// A load on its way: what was known when it began.
pub(super) struct Loading {
    epoch: u64,
    touched: Option<Timestamp>,
}

impl Loading {
    /// The later of what the file says and what it has not been told yet.
    pub(super) fn last_seen(&self, in_file: Timestamp) -> Timestamp {
        self.touched.map_or(in_file, |touched| touched.max(in_file))
    }
}

pub(super) struct Recent {
    cache: Opened,
    state: Mutex<State>,
}

impl Recent {
    pub(super) fn new(cache_bytes: u64) -> Self {
        Self { cache: Opened::new(cache_bytes), state: Mutex::default() }
    }

    /// Nothing that holds the lock panics half-way, so what a poisoned one guards is still whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session, when it was read lately. Takes no lock but the cache's own.
    pub(super) fn cached(&self, key: &SessionKey) -> Option<StoredSession> {
        self.cache.get(key)
    }

    /// The same, for who only looks around: it does not count as a use.
    pub(super) fn peek(&self, key: &SessionKey) -> Option<StoredSession> {
        self.cache.peek(key)
    }

    /// Forgets what the file said, now that it is not to be trusted.
    pub(super) fn forget_file(&self) {
        self.state().epoch += 1;
        self.cache.clear();
    }

    /// To be called before the file is read; `None` when the session has ended.
    pub(super) fn begin_load(&self, key: &SessionKey) -> Option<Loading> {
        let state = self.state();
        let ended = state.unwritten.ended.contains(key);
        (!ended).then(|| Loading { epoch: state.epoch, touched: state.unwritten.touched.get(key).copied() })
    }

    /// To be called with what the file held; `None` when the session has ended.
    pub(super) fn finish_load(
        &self,
        loading: &Loading,
        key: &SessionKey,
        found: StoredSession,
        user: Mark,
        purpose: Purpose,
    ) -> Option<StoredSession> {
        let entry = (purpose == Purpose::Use).then(|| self.cache.pack(&found, &user));
        let state = self.state();
        if state.unwritten.ended.contains(key) || state.unwritten.ended_users.contains(&user) {
            return None;
        }
        if let Some(entry) = entry.filter(|_| state.epoch == loading.epoch) {
            self.cache.insert(key, &found.session, entry);
        }
        Some(found)
    }

    /// Notes a last use; how many wait to be written.
    pub(super) fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> usize {
        self.cache.touch(key, last_seen);
        let touched = &mut self.state().unwritten.touched;
        if touched.len() < MAX_TOUCHED || touched.contains_key(key) {
            let noted = touched.entry(*key).or_insert(last_seen);
            *noted = last_seen.max(*noted);
        }
        touched.len()
    }

    /// What is to be written together with the next change.
    pub(super) fn unwritten(&self) -> Unwritten {
        self.state().unwritten.clone()
    }

    /// `written` is in the file now, and the sessions under `outdated` are no longer what they were.
    pub(super) fn settle(&self, written: &Unwritten, outdated: impl IntoIterator<Item = SessionKey>) {
        let mut state = self.state();
        state.epoch += 1;
        for key in outdated {
            self.cache.remove(&key);
        }
        let unwritten = &mut state.unwritten;
        unwritten.touched.retain(|key, last_seen| written.touched.get(key) != Some(last_seen));
        unwritten.ended.retain(|key| !written.ended.contains(key));
        unwritten.ended_users.retain(|user| !written.ended_users.contains(user));
    }

    /// Remembers an end that could not be written, so that at least this process denies the session.
    pub(super) fn end(&self, key: SessionKey) {
        let mut state = self.state();
        state.epoch += 1;
        state.unwritten.ended.insert(key);
        self.cache.remove(&key);
    }

    /// The same for all sessions of a user.
    pub(super) fn end_user(&self, user: Mark) {
        let mut state = self.state();
        state.epoch += 1;
        state.unwritten.ended_users.insert(user);
        self.cache.remove_user(&user);
    }
}
