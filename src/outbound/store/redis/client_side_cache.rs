//! Recently read Redis sessions, cached in this process, so that a signed-in Check costs no round trip. The server sends
//! invalidations (`tracking`); this module applies them, and must never answer with a session that ended.
//!
//! - A session is answered only while the link is *confirmed*: for 900 ms from the sending of the last heartbeat that the
//!   server answered. A heartbeat reply proves that all earlier invalidations have been processed; a later invalidation
//!   that is lost is missed for at most 900 ms. The clock is read on every look-up, so a process that was suspended for a
//!   while answers nothing stale when it resumes.
//! - A load that began before a change may return after it with the old record: the cache does not admit it.
//! - A new link does not report what the old one missed: the cache is emptied before the new link is confirmed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::found::Found;
use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
pub(super) use crate::outbound::store::cache::Loading;
use crate::outbound::store::cache::SessionCache;
use crate::outbound::store::record_cipher::{IndexHash, short};
use crate::ports::StoredSession;

/// How long an answered heartbeat counts, from the moment it was sent. Together with the transit time of an answer, it keeps
/// the promise that the end of a session is seen within a second.
pub(super) const CONFIRMED_FOR: Duration = Duration::from_millis(900);

/// One link to the server, or one set of links to all masters of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkNumber(u64);

#[derive(Default)]
struct Links {
    made: u64,
    /// The only link whose confirmations count.
    open: u64,
}

pub(super) struct ClientSideCache {
    cache: SessionCache,
    links: Mutex<Links>,
    /// Times are stored as milliseconds since this instant.
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

    /// Like `find`, but for use while the store does not answer: valid as long as the grace period lasts.
    pub(super) fn in_grace(&self, key: &SessionKey, now: Instant) -> Option<StoredSession> {
        self.until(&self.grace_until, key, now)
    }

    fn until(&self, limit: &AtomicU64, key: &SessionKey, now: Instant) -> Option<StoredSession> {
        let silent = self.millis(now) >= limit.load(Ordering::Acquire);
        if silent { None } else { self.cache.get(key) }
    }

    /// Must be called before the store is read.
    pub(super) fn begin_load(&self, key: &SessionKey) -> Loading {
        self.cache.begin_load(key)
    }

    /// Must be called with the record that the store returned.
    pub(super) fn finish_load(&self, loading: &Loading, found: Found) -> StoredSession {
        let user = found.user;
        let stored = found.without_tokens();
        self.cache.finish_load(loading, &stored, short(&user));
        stored
    }

    /// Records a last use.
    pub(super) fn touch(&self, key: &SessionKey, at: Timestamp) {
        self.cache.touch(key, at);
    }

    /// Removes a session that changed or ended. For changes made by this process: must be called after the store has answered
    /// or failed, because a load in between may still return the old record.
    pub(super) fn drop_session(&self, key: &SessionKey) {
        self.cache.remove(key);
    }

    /// Removes all sessions of a user.
    pub(super) fn drop_user(&self, user: &IndexHash) {
        self.cache.remove_user(short(user));
    }

    /// Removes all sessions.
    pub(super) fn drop_all(&self) {
        self.cache.clear();
    }

    /// Allocates the number of a link that is being established. It has no effect before `open`.
    pub(super) fn new_link(&self) -> LinkNumber {
        let mut links = lock(&self.links);
        links.made += 1;
        LinkNumber(links.made)
    }

    /// `link` receives every change from now on, and only its confirmations count. Everything cached before is dropped.
    pub(super) fn open(&self, link: LinkNumber) {
        let mut links = lock(&self.links);
        if link.0 > links.open {
            self.confirmed_until.store(0, Ordering::Release);
            links.open = link.0;
            self.drop_all();
        }
    }

    /// The server has answered a heartbeat sent over `link` at `sent`, and all its earlier invalidations have been processed.
    pub(super) fn confirm(&self, link: LinkNumber, sent: Instant) {
        let links = lock(&self.links);
        if links.open == link.0 {
            self.confirmed_until.fetch_max(self.millis(sent + CONFIRMED_FOR), Ordering::Release);
            if !self.grace.is_zero() {
                self.grace_until.fetch_max(self.millis(sent + self.grace), Ordering::Release);
            }
        }
    }

    /// `link` receives nothing any more. The cached sessions remain for the grace period.
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

/// No code that holds one of these locks panics midway, so the data behind a poisoned lock is still consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
