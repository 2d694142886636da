//! Sessions read lately from Redis, kept in this process, so that a signed-in Check costs no round trip. The server itself
//! tells what changed (`tracking`); this is what becomes of it, and it must never answer with a session that ended.
//!
//! - A session is answered only while the link is *confirmed*: until 900 ms after the sending of a question that the
//!   server answered. What the server had to say before that answer has been heard by then; what it says later, and is lost,
//!   is overlooked for 900 ms at most. The clock is looked at on every look-up, so a process that was stopped for a while
//!   answers nothing stale when it goes on.
//! - A load that began before a change may come back after it with the old record: the cache keeps it outside.
//! - A new link knows nothing of what the old one missed: everything goes before the new one is confirmed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::found::Found;
use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
pub(super) use crate::outbound::store::cache::Loading;
use crate::outbound::store::cache::SessionCache;
use crate::outbound::store::record_cipher::{UserHash, short};
use crate::ports::StoredSession;

/// How long an answered question counts, from its sending on. With the way of an answer, it keeps the promise that an
/// end is seen within a second.
pub(super) const CONFIRMED_FOR: Duration = Duration::from_millis(900);

/// One link to the server, or to all masters of a cluster together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkNumber(u64);

#[derive(Default)]
struct Links {
    made: u64,
    /// The one whose word counts.
    open: u64,
}

pub(super) struct ClientSideCache {
    cache: SessionCache,
    links: Mutex<Links>,
    /// Times are kept as milliseconds from here on.
    origin: Instant,
    confirmed_until: AtomicU64,
    grace: Duration,
    grace_until: AtomicU64,
}

impl ClientSideCache {
    /// A client-side cache of `cache_bytes`, empty and not confirmed. During an outage it may answer for `grace` from the last
    /// confirmed moment on.
    pub(super) fn new(cache_bytes: u64, grace: Duration, origin: Instant) -> Self {
        Self {
            cache: SessionCache::new(cache_bytes),
            links: Mutex::default(),
            origin,
            confirmed_until: AtomicU64::new(0),
            grace,
            grace_until: AtomicU64::new(0),
        }
    }

    /// The session, if the cache may answer at `now` and holds it. Takes no lock but that of the map.
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
        self.cache.begin_load(key)
    }

    /// To be called with what the store held.
    pub(super) fn finish_load(&self, loading: &Loading, found: Found) -> StoredSession {
        let user = found.user;
        let stored = found.without_tokens();
        self.cache.finish_load(loading, &stored, short(&user));
        stored
    }

    /// Notes a last use.
    pub(super) fn touch(&self, key: &SessionKey, at: Timestamp) {
        self.cache.touch(key, at);
    }

    /// The session changed or ended. For changes of this process itself: to be called after the store has answered, or
    /// failed to, because a load in between may still find the old record.
    pub(super) fn drop_session(&self, key: &SessionKey) {
        self.cache.remove(key);
    }

    /// The same for all sessions of a user.
    pub(super) fn drop_user(&self, user: &UserHash) {
        self.cache.remove_user(short(user));
    }

    /// The same for all sessions.
    pub(super) fn drop_all(&self) {
        self.cache.clear();
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
}

/// Nothing that holds one of these locks panics half-way, so what a poisoned one guards is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
