//! Opened sessions in memory, bounded by what they take. Stores decide what may stand in there, and until when.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::vault::Mark;
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::ports::StoredSession;

/// Sessions that a cache is laid out for; a rough figure is enough.
const CACHED_SESSIONS: usize = 16 * 1024;
/// An opened session takes a few times the space of its sealed record: the claims become a tree.
const OPENED_PER_SEALED: u64 = 4;
/// What any entry takes beside its record: above all the answer that is kept with a session in use.
const ENTRY_BYTES: u64 = 2304;

/// A session in memory.
pub(super) struct Entry {
    session: Arc<Session>,
    user: Mark,
    last_seen: AtomicU64,
    bytes: u64,
}

impl Entry {
    pub(super) fn new(session: Session, user: Mark, last_seen: Timestamp, sealed_bytes: usize) -> Self {
        let bytes = ENTRY_BYTES + OPENED_PER_SEALED * sealed_bytes as u64;
        Self { session: Arc::new(session), user, last_seen: AtomicU64::new(last_seen.as_unix()), bytes }
    }

    pub(super) fn stored(&self) -> StoredSession {
        let last_seen = Timestamp::from_unix(self.last_seen.load(Ordering::Relaxed));
        StoredSession { session: Arc::clone(&self.session), last_seen }
    }

    /// Moves its last use forward.
    pub(super) fn touch(&self, last_seen: Timestamp) {
        self.last_seen.fetch_max(last_seen.as_unix(), Ordering::Relaxed);
    }

    pub(super) fn is_of(&self, user: &Mark) -> bool {
        self.user == *user
    }

    /// What a store's index knows its user as.
    pub(super) const fn user(&self) -> &Mark {
        &self.user
    }
}

/// Counts what entries take.
#[derive(Clone)]
pub(super) struct ByBytes;

impl Weighter<SessionKey, Arc<Entry>> for ByBytes {
    fn weight(&self, _: &SessionKey, entry: &Arc<Entry>) -> u64 {
        entry.bytes
    }
}

/// Sessions in memory by their keys. Look-ups take no lock but its own.
pub(super) type Opened = Cache<SessionKey, Arc<Entry>, ByBytes>;

/// A cache whose entries may take so many bytes.
pub(super) fn opened(bytes: u64) -> Opened {
    Cache::with_weighter(CACHED_SESSIONS, bytes, ByBytes)
}
