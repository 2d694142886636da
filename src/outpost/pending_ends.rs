//! Provider sessions that ended while the store could not end what belongs to them.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// Identifiers (claim `sid`) of provider sessions whose sessions count as ended, although the store still has them.
#[derive(Default)]
pub(super) struct PendingEnds(ArcSwap<HashSet<String>>);

impl PendingEnds {
    /// Whether a session of this provider session counts as ended.
    pub(super) fn contain(&self, provider_session: Option<&str>) -> bool {
        provider_session.is_some_and(|id| self.0.load().contains(id))
    }

    pub(super) fn add(&self, id: &str) {
        self.change(|ids| ids.insert(id.to_owned()));
    }

    pub(super) fn remove(&self, id: &str) {
        self.change(|ids| ids.remove(id));
    }

    fn change(&self, change: impl Fn(&mut HashSet<String>) -> bool) {
        self.0.rcu(|present| {
            let mut ids = HashSet::clone(present);
            if change(&mut ids) { Arc::new(ids) } else { Arc::clone(present) }
        });
    }
}
