//! The service is ready when no latch is held; the names of held latches can be reported.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the service still waits for.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Readiness {
    /// Delays readiness under `name` until the returned latch is dropped.
    #[must_use]
    pub fn hold(&self, name: &'static str) -> Latch {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Latch { readiness: self.clone(), name }
    }

    /// The names of all held latches.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}

/// A condition for readiness; dropping it means that the condition is met.
pub struct Latch {
    readiness: Readiness,
    name: &'static str,
}

impl Drop for Latch {
    fn drop(&mut self) {
        let mut held = self.readiness.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                held.remove(self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_once_every_latch_is_dropped() {
        let readiness = Readiness::default();
        let store = readiness.hold("store");
        let listeners = [readiness.hold("listeners"), readiness.hold("listeners")];
        assert_eq!(readiness.missing(), ["listeners", "store"]);
        drop(listeners);
        assert_eq!(readiness.missing(), ["store"]);
        drop(store);
        assert!(readiness.missing().is_empty());
    }
}
