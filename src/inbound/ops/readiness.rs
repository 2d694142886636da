//! The service is ready when no latch is held; the names of held latches can be reported, and notes beside them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the service still waits for, and what an operator should know although it does not prevent readiness.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    held: BTreeMap<&'static str, usize>,
    notes: BTreeMap<&'static str, String>,
}

impl Readiness {
    /// Delays readiness under `name` until the returned latch is dropped.
    #[must_use]
    pub fn hold(&self, name: &'static str) -> Latch {
        *self.state().held.entry(name).or_default() += 1;
        Latch { readiness: self.clone(), name }
    }

    /// Replaces the note under `name`, or removes it. A note does not prevent readiness.
    pub fn note(&self, name: &'static str, text: Option<String>) {
        match text {
            Some(text) => self.state().notes.insert(name, text),
            None => self.state().notes.remove(name),
        };
    }

    /// The names of all held latches.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        self.state().held.keys().copied().collect()
    }

    /// All notes, sorted by name; each is one line, also when its text has line breaks.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let one_line = |text: &str| text.replace(char::is_control, " ");
        self.state().notes.iter().map(|(name, text)| format!("{name}: {}", one_line(text))).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A condition for readiness; dropping it means that the condition is met.
pub struct Latch {
    readiness: Readiness,
    name: &'static str,
}

impl Drop for Latch {
    fn drop(&mut self) {
        let held = &mut self.readiness.state().held;
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
    #[test]
    fn a_note_is_one_line_until_it_is_removed_and_does_not_prevent_readiness() {
        let readiness = Readiness::default();
        let shared = readiness.clone();
        shared.note("store", Some("an old text".to_owned()));
        shared.note("authentik", Some("no answer\r\nready\u{1b}[2J".to_owned()));
        shared.note("store", Some("slow".to_owned()));
        assert_eq!(readiness.notes(), ["authentik: no answer  ready [2J", "store: slow"]);
        assert!(readiness.missing().is_empty());
        readiness.note("authentik", None);
        readiness.note("never", None);
        assert_eq!(shared.notes(), ["store: slow"]);
    }
}
