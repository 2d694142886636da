//! Ready means that no latch is held any more; whoever asks can be told which one still is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the service still waits for.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Readiness {
    /// Holds readiness back under `name` until the latch is dropped.
    #[must_use]
    pub fn hold(&self, name: &'static str) -> Latch {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Latch { readiness: self.clone(), name }
    }

    /// The names of all latches that are held.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}

/// Something that has to happen before the service is ready; it has, once this is dropped.
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
