//! Sessions in memory, bounded by what they take. Stores decide what may stand in there, and until when.
//!
//! A session at rest takes a few hundred bytes: its facts, packed. Sessions in use have their facts unpacked beside that, and
//! the answer that is made from them. Whether a session is there at all is said by the packed one alone: what is unpacked
//! counts only for the very entry that it came from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Counter;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::doorkeeper::Doorkeeper;
use super::packing::{Packed, Packing};
use super::vault::Mark;
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::ports::StoredSession;
use crate::telemetry::names;

/// What any entry takes beside its packed facts: key, mark, the links of the cache.
const ENTRY_BYTES: u64 = 176;
/// What a session in use takes for each packed byte, the facts becoming a tree; and beside it, above all for the answer.
const UNPACKED_PER_PACKED: u64 = 16;
const IN_USE_BYTES: u64 = 2304;
/// The share of the memory that is for sessions in use.
const IN_USE_SHARE: u64 = 8;
/// What a cache is laid out for, in bytes per entry; a rough figure is enough.
const USUAL_ENTRY: u64 = 320;
const USUAL_IN_USE: u64 = 4096;

/// The beginning of a user's mark. That two share it is next to impossible, and would only cost one a place in memory.
type Initial = [u8; 8];

fn initial(mark: &Mark) -> Initial {
    mark.first_chunk().copied().unwrap_or_default()
}

/// A session at rest.
pub(super) struct Entry {
    packed: Packed,
    user: Initial,
    last_seen: AtomicU64,
}

impl Entry {
    fn last_seen(&self) -> Timestamp {
        Timestamp::from_unix(self.last_seen.load(Ordering::Relaxed))
    }
}

/// A session in use.
#[derive(Clone)]
struct InUse {
    of: Arc<Entry>,
    session: Arc<Session>,
}

/// Counts what entries take.
#[derive(Clone)]
struct ByBytes;

impl Weighter<SessionKey, Arc<Entry>> for ByBytes {
    fn weight(&self, _: &SessionKey, entry: &Arc<Entry>) -> u64 {
        ENTRY_BYTES + entry.packed.len() as u64
    }
}

impl Weighter<SessionKey, InUse> for ByBytes {
    fn weight(&self, _: &SessionKey, in_use: &InUse) -> u64 {
        IN_USE_BYTES + UNPACKED_PER_PACKED * in_use.of.packed.len() as u64
    }
}

/// Sessions in memory by their keys. Look-ups take no lock but the caches' own.
pub(super) struct Opened {
    at_rest: Cache<SessionKey, Arc<Entry>, ByBytes>,
    in_use: Cache<SessionKey, InUse, ByBytes>,
    doorkeeper: Doorkeeper,
    packing: Packing,
    hits: Counter,
    misses: Counter,
}

impl Opened {
    /// Memory for sessions, `bytes` of it.
    pub(super) fn new(bytes: u64) -> Self {
        let in_use = bytes / IN_USE_SHARE;
        let at_rest = bytes - in_use;
        Self {
            at_rest: Cache::with_weighter(laid_out(at_rest / USUAL_ENTRY), at_rest, ByBytes),
            in_use: Cache::with_weighter(laid_out(in_use / USUAL_IN_USE), in_use, ByBytes),
            doorkeeper: Doorkeeper::new(),
            packing: Packing::default(),
            hits: metrics::counter!(names::SESSION_CACHE, "outcome" => "hit"),
            misses: metrics::counter!(names::SESSION_CACHE, "outcome" => "miss"),
        }
    }

    /// The session, for who uses it.
    pub(super) fn get(&self, key: &SessionKey) -> Option<StoredSession> {
        let found = self.find(key);
        if found.is_some() { &self.hits } else { &self.misses }.increment(1);
        found
    }

    fn find(&self, key: &SessionKey) -> Option<StoredSession> {
        let entry = self.at_rest.get(key)?;
        let last_seen = entry.last_seen();
        if let Some(in_use) = self.in_use.get(key).filter(|in_use| Arc::ptr_eq(&in_use.of, &entry)) {
            return Some(StoredSession { session: in_use.session, last_seen });
        }
        let session = self.unpack(&entry)?;
        if self.doorkeeper.has_seen(key) {
            self.in_use.insert(*key, InUse { of: entry, session: Arc::clone(&session) });
        }
        Some(StoredSession { session, last_seen })
    }

    /// The session, for who only looks around.
    pub(super) fn peek(&self, key: &SessionKey) -> Option<StoredSession> {
        let entry = self.at_rest.peek(key)?;
        Some(StoredSession { session: self.unpack(&entry)?, last_seen: entry.last_seen() })
    }

    /// `None` never happens: what was packed unpacks.
    fn unpack(&self, entry: &Entry) -> Option<Arc<Session>> {
        self.packing.unpack(&entry.packed).map(|record| Arc::new(Session::restore(record)))
    }

    /// A session of this user as it may rest here. Packing takes a while: it is done before any lock is taken.
    pub(super) fn pack(&self, stored: &StoredSession, user: &Mark) -> Arc<Entry> {
        let StoredSession { session, last_seen } = stored;
        let packed = self.packing.pack(session.record());
        Arc::new(Entry { packed, user: initial(user), last_seen: AtomicU64::new(last_seen.as_unix()) })
    }

    /// Keeps a session at hand, and what was packed of it.
    pub(super) fn insert(&self, key: &SessionKey, session: &Arc<Session>, entry: Arc<Entry>) {
        if self.doorkeeper.has_seen(key) {
            self.in_use.insert(*key, InUse { of: Arc::clone(&entry), session: Arc::clone(session) });
        }
        self.at_rest.insert(*key, entry);
    }

    /// Moves its last use forward.
    pub(super) fn touch(&self, key: &SessionKey, last_seen: Timestamp) {
        if let Some(entry) = self.at_rest.peek(key) {
            entry.last_seen.fetch_max(last_seen.as_unix(), Ordering::Relaxed);
        }
    }

    /// Forgets one session.
    pub(super) fn remove(&self, key: &SessionKey) {
        self.at_rest.remove(key);
        self.in_use.remove(key);
    }

    /// Forgets all sessions of a user.
    pub(super) fn remove_user(&self, user: &Mark) {
        let user = initial(user);
        self.at_rest.retain(|_, entry| entry.user != user);
        self.in_use.retain(|_, in_use| in_use.of.user != user);
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.at_rest.clear();
        self.in_use.clear();
    }
}

fn laid_out(entries: u64) -> usize {
    usize::try_from(entries).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[path = "opened_tests.rs"]
mod tests;
