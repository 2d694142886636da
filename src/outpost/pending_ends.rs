//! Provider sessions that ended while the store could not end what belongs to them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

/// Identifiers (claim `sid`) of provider sessions whose sessions count as ended, although the store may still have them.
///
/// Their number has no limit: an end that is dropped would let an ended session pass. Only the provider reports them, each
/// takes about 200 bytes, and it is removed as soon as the store has ended its sessions.
#[derive(Default)]
pub(super) struct PendingEnds {
    ids: RwLock<HashSet<String>>,
    /// The number of `ids`. Every request of a signed-in user asks, and there are none as a rule, so that the lock is not
    /// taken.
    count: AtomicUsize,
}

impl PendingEnds {
    /// Whether a session of this provider session counts as ended.
    pub(super) fn contain(&self, provider_session: Option<&str>) -> bool {
        self.count.load(Ordering::Acquire) > 0
            && provider_session.is_some_and(|id| self.ids.read().unwrap_or_else(PoisonError::into_inner).contains(id))
    }

    pub(super) fn add(&self, id: &str) {
        self.change(|ids| _ = ids.insert(id.to_owned()));
    }

    pub(super) fn remove(&self, id: &str) {
        self.change(|ids| _ = ids.remove(id));
    }

    /// No code panics while this lock is held, so the contents of a poisoned lock are consistent.
    fn change(&self, change: impl FnOnce(&mut HashSet<String>)) {
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut ids);
        self.count.store(ids.len(), Ordering::Release);
    }
}
