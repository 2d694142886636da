//! A session cache in memory, for the stores that keep sessions elsewhere; bounded by its memory use.
//!
//! A load that began before a change may return after it with the old session. Every change therefore increments an epoch,
//! under the lock under which a load inserts what it found, and what was found in an older epoch is not inserted. Changes
//! are counted in stripes, so that one change rejects few unrelated loads.
//!
//! A session at rest takes a few hundred bytes: its record, compressed. Sessions in use are also cached in decompressed
//! form, with the answer made from them. Only the compressed entry decides whether a session is cached at all: a
//! decompressed one is valid only for the very entry from which it was made.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::Counter;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::admission_filter::AdmissionFilter;
use super::record_cipher::ShortUserHash;
use super::record_compression::{CompressedRecord, RecordCompression};
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::ports::StoredSession;
use crate::telemetry::names;

/// The memory of any entry besides its compressed record: key, user hash, the links of the cache.
const ENTRY_BYTES: u64 = 176;
/// The memory of a session in use per compressed byte, as the record becomes a tree; and besides, mainly for the answer.
const UNPACKED_PER_PACKED: u64 = 16;
const IN_USE_BYTES: u64 = 2304;
/// The divisor of the total memory that yields the share of sessions in use.
const IN_USE_SHARE: u64 = 8;
/// The usual size of an entry in bytes, from which the initial capacity is estimated; a rough figure is enough.
const USUAL_ENTRY: u64 = 320;
const USUAL_IN_USE: u64 = 4096;

/// A session at rest.
pub(super) struct Entry {
    packed: CompressedRecord,
    user: ShortUserHash,
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

/// Weighs entries by their memory use.
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

/// Takes the last bytes of a key for its hash. Keys are SHA-256 of ids that are drawn here, and only those of sessions that were
/// found are put into a cache: nobody chooses them, so they need not be hashed once more.
#[derive(Default)]
struct ByKey(u64);

impl Hasher for ByKey {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.last_chunk().copied().map_or(self.0, u64::from_le_bytes);
    }

    /// The length of the key, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A cache by keys of sessions.
type ByKeys<V> = Cache<SessionKey, V, ByBytes, BuildHasherDefault<ByKey>>;

fn by_keys<V: Clone>(entries: u64, bytes: u64) -> ByKeys<V>
where
    ByBytes: Weighter<SessionKey, V>,
{
    Cache::with(laid_out(entries), bytes, ByBytes, BuildHasherDefault::default(), DefaultLifecycle::default())
}

/// The number of stripes in which changes are counted.
const STRIPES: usize = 1024;

/// A load in progress: the epoch when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Loading {
    key: SessionKey,
    epoch: u64,
}

/// Cached sessions by their keys. Look-ups take no lock but the caches' own.
pub(super) struct SessionCache {
    at_rest: ByKeys<Arc<Entry>>,
    in_use: ByKeys<InUse>,
    admission_filter: AdmissionFilter,
    compression: RecordCompression,
    hits: Counter,
    misses: Counter,
    epochs: [Mutex<u64>; STRIPES],
}

impl SessionCache {
    /// A cache of at most `bytes`.
    pub(super) fn new(bytes: u64) -> Self {
        let in_use = bytes / IN_USE_SHARE;
        let at_rest = bytes - in_use;
        Self {
            at_rest: by_keys(at_rest / USUAL_ENTRY, at_rest),
            in_use: by_keys(in_use / USUAL_IN_USE, in_use),
            admission_filter: AdmissionFilter::new(),
            compression: RecordCompression::default(),
            hits: metrics::counter!(names::SESSION_CACHE, "outcome" => "hit"),
            misses: metrics::counter!(names::SESSION_CACHE, "outcome" => "miss"),
            epochs: [const { Mutex::new(0) }; STRIPES],
        }
    }

    /// The session, for use by a request; counts a hit or a miss.
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
        if self.admission_filter.has_seen(key) {
            self.in_use.insert(*key, InUse { of: entry, session: Arc::clone(&session) });
        }
        Some(StoredSession { session, last_seen })
    }

    /// `None` cannot occur, because every entry was compressed here.
    fn unpack(&self, entry: &Entry) -> Option<Arc<Session>> {
        self.compression.unpack(&entry.packed).map(|record| Arc::new(Session::restore(record)))
    }

    /// Must be called before a session is read from the store.
    pub(super) fn begin_load(&self, key: &SessionKey) -> Loading {
        Loading { key: *key, epoch: *self.epoch(key) }
    }

    /// Whether no change is known since `loading` began.
    pub(super) fn is_current(&self, loading: &Loading) -> bool {
        *self.epoch(&loading.key) == loading.epoch
    }

    /// Must be called with the session that was found, and its user.
    pub(super) fn finish_load(&self, loading: &Loading, found: &StoredSession, user: ShortUserHash) {
        let (StoredSession { session, last_seen }, key) = (found, loading.key);
        // Compression takes a while, so it is done before the lock is taken.
        let packed = self.compression.pack(session.record());
        let entry = Arc::new(Entry { packed, user, last_seen: AtomicU64::new(last_seen.as_unix()) });
        let epoch = self.epoch(&key);
        if *epoch != loading.epoch {
            return;
        }
        if self.admission_filter.has_seen(&key) {
            self.in_use.insert(key, InUse { of: Arc::clone(&entry), session: Arc::clone(session) });
        }
        self.at_rest.insert(key, entry);
    }

    /// Moves the last use of a session forward.
    pub(super) fn touch(&self, key: &SessionKey, last_seen: Timestamp) {
        if let Some(entry) = self.at_rest.peek(key) {
            entry.last_seen.fetch_max(last_seen.as_unix(), Ordering::Relaxed);
        }
    }

    /// Removes a session that changed or ended. Must be called after the store was changed, or may have been: a load in between
    /// may still return the old session.
    pub(super) fn remove(&self, key: &SessionKey) {
        let mut epoch = self.epoch(key);
        *epoch += 1;
        self.at_rest.remove(key);
        self.in_use.remove(key);
    }

    /// Removes all sessions of a user.
    pub(super) fn remove_user(&self, user: ShortUserHash) {
        self.turn_loads_away();
        self.at_rest.retain(|_, entry| entry.user != user);
        self.in_use.retain(|_, in_use| in_use.of.user != user);
    }

    /// Removes all sessions.
    pub(super) fn clear(&self) {
        self.turn_loads_away();
        self.at_rest.clear();
        self.in_use.clear();
    }

    /// What a load inserted before its stripe is incremented is present and can be removed; what arrives later is rejected.
    fn turn_loads_away(&self) {
        self.epochs.iter().for_each(|epoch| *lock(epoch) += 1);
    }

    fn epoch(&self, key: &SessionKey) -> MutexGuard<'_, u64> {
        let [first, second, ..] = *key.as_bytes();
        #[expect(clippy::indexing_slicing, reason = "a remainder of the length is below it")]
        lock(&self.epochs[usize::from(u16::from_be_bytes([first, second])) % STRIPES])
    }
}

/// No code that holds one of these locks panics midway, so the data behind a poisoned lock is still consistent.
fn lock(epoch: &Mutex<u64>) -> MutexGuard<'_, u64> {
    epoch.lock().unwrap_or_else(PoisonError::into_inner)
}

fn laid_out(entries: u64) -> usize {
    usize::try_from(entries).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
