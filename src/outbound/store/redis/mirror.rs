//! Sessions read lately from Redis, kept in this process, so that a signed-in Check costs no round trip. The server itself
//! tells what changed (`tracking`); this is what becomes of it, and it must never answer with a session that ended.
//!
//! - A session is answered only while the link is *confirmed*: until 900 ms after the sending of a question that the
//!   server answered. What the server had to say before that answer has been heard by then; what it says later, and is lost,
//!   is overlooked for 900 ms at most. The clock is looked at on every look-up, so a process that was stopped for a while
//!   answers nothing stale when it goes on.
//! - A load that began before a change may come back after it with the old record. Every change therefore moves the epoch
//!   of its stripe on, under the lock under which a load puts its find into the cache, and a find of an older epoch stays
//!   outside.
//! - A new link knows nothing of what the old one missed: everything goes before the new one is confirmed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::found::Found;
use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
use crate::outbound::store::opened::Opened;
use crate::outbound::store::vault::Mark;
use crate::ports::StoredSession;

/// How long an answered question counts, from its sending on. With the way of an answer, it keeps the promise that an
/// end is seen within a second.
pub(super) const CONFIRMED_FOR: Duration = Duration::from_millis(900);

/// A change turns away loads of its own stripe alone.
const STRIPES: usize = 1024;

/// A load on its way: what was known when it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loading {
    key: SessionKey,
    epoch: u64,
}

/// One link to the server, or to all masters of a cluster together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkNumber(u64);

#[derive(Default)]
struct Links {
    made: u64,
    /// The one whose word counts.
    open: u64,
}

pub(super) struct Mirror {
    cache: Opened,
    epochs: [Mutex<u64>; STRIPES],
    links: Mutex<Links>,
    /// Times are kept as milliseconds from here on.
    origin: Instant,
    confirmed_until: AtomicU64,
    grace: Duration,
    grace_until: AtomicU64,
}

impl Mirror {
    /// A mirror of `cache_bytes`, empty and not confirmed. During an outage it may answer for `grace` from the last
    /// confirmed moment on.
    pub(super) fn new(cache_bytes: u64, grace: Duration, origin: Instant) -> Self {
        Self {
            cache: Opened::new(cache_bytes),
            epochs: [const { Mutex::new(0) }; STRIPES],
            links: Mutex::default(),
            origin,
            confirmed_until: AtomicU64::new(0),
            grace,
            grace_until: AtomicU64::new(0),
        }
    }

    /// The session, if the mirror may answer at `now` and holds it. Takes no lock but the cache's own.
    pub(super) fn find(&self, key: &SessionKey, now: Instant) -> Option<StoredSession> {
        self.until(&self.confirmed_until, key, now)
    }

    /// The same while the store does not answer, for as long as the grace lasts.
    pub(super) fn in_grace(&self, key: &SessionKey, now: Instant) -> Option<StoredSession> {
        self.until(&self.grace_until, key, now)
    }

    fn until(&self, limit: &AtomicU64, key: &SessionKey, now: Instant) -> Option<StoredSession> {
        let silent = self.millis(now) >= limit.load(Ordering::Acquire);
        if silent { None } else { self.cache.get(key) }
    }

    /// To be called before the store is asked.
    pub(super) fn begin_load(&self, key: &SessionKey) -> Loading {
        Loading { key: *key, epoch: *self.epoch(key) }
    }

    /// Whether nothing is known to have changed since `loading` began.
    pub(super) fn is_current(&self, loading: &Loading) -> bool {
        *self.epoch(&loading.key) == loading.epoch
    }

    /// To be called with what the store held.
    pub(super) fn finish_load(&self, loading: &Loading, found: Found) -> StoredSession {
        let user = found.user;
        let stored = found.without_tokens();
        let entry = self.cache.pack(&stored, &user);
        let epoch = self.epoch(&loading.key);
        if *epoch == loading.epoch {
            self.cache.insert(&loading.key, &stored.session, entry);
        }
        stored
    }

    /// Notes a last use.
    pub(super) fn touch(&self, key: &SessionKey, at: Timestamp) {
        self.cache.touch(key, at);
    }

    /// The session changed or ended. For changes of this process itself: to be called after the store has answered, or
    /// failed to, because a load in between may still find the old record.
    pub(super) fn drop_session(&self, key: &SessionKey) {
        let mut epoch = self.epoch(key);
        *epoch += 1;
        self.cache.remove(key);
    }

    /// The same for all sessions of a user.
    pub(super) fn drop_user(&self, user: &Mark) {
        self.turn_loads_away();
        self.cache.remove_user(user);
    }

    /// The same for all sessions.
    pub(super) fn drop_all(&self) {
        self.turn_loads_away();
        self.cache.clear();
    }

    /// What a load inserted before its stripe's turn is there to be dropped; what comes later stays outside.
    fn turn_loads_away(&self) {
        for epoch in &self.epochs {
            *lock(epoch) += 1;
        }
    }

    /// The number of a link that is being made. It has no effect yet.
    pub(super) fn new_link(&self) -> LinkNumber {
        let mut links = lock(&self.links);
        links.made += 1;
        LinkNumber(links.made)
    }

    /// From now on `link` hears of every change, and its word alone counts. Nothing from before is answered any more.
    pub(super) fn open(&self, link: LinkNumber) {
        let mut links = lock(&self.links);
        if link.0 > links.open {
            self.confirmed_until.store(0, Ordering::Release);
            links.open = link.0;
            self.drop_all();
        }
    }

    /// The server has answered a question over `link` that was sent at `sent`, and all it said before has been heard.
    pub(super) fn confirm(&self, link: LinkNumber, sent: Instant) {
        let links = lock(&self.links);
        if links.open == link.0 {
            self.confirmed_until.fetch_max(self.millis(sent + CONFIRMED_FOR), Ordering::Release);
            if !self.grace.is_zero() {
                self.grace_until.fetch_max(self.millis(sent + self.grace), Ordering::Release);
            }
        }
    }

    /// `link` hears nothing any more. What it heard of stays for the grace.
    pub(super) fn lose(&self, link: LinkNumber) {
        let links = lock(&self.links);
        if links.open == link.0 {
            self.confirmed_until.store(0, Ordering::Release);
        }
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.origin).as_millis()).unwrap_or(u64::MAX)
    }

    fn epoch(&self, key: &SessionKey) -> MutexGuard<'_, u64> {
        let [first, second, ..] = *key.as_bytes();
        #[expect(clippy::indexing_slicing, reason = "a remainder of the length is below it")]
        lock(&self.epochs[usize::from(u16::from_be_bytes([first, second])) % STRIPES])
    }
}

/// Nothing that holds one of these locks panics half-way, so what a poisoned one guards is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
