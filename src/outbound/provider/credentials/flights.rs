//! One flight per credential: whoever comes while it is under way waits for the same answer. The flight is nobody's own:
//! it goes on when the request that began it is given up, so that the next one finds the answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use super::Verdict;
use super::verdicts::Key;

/// How many may be under way; strangers' credentials begin them.
const MOST: usize = 1024;

/// A flight's answer; `None` when it crashed.
type Landing = Shared<BoxFuture<'static, Option<Verdict>>>;

/// All flights under way.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Key, Landing>>);

impl Flights {
    /// The answer of the flight under `key`: one under way, or else `flight`, unless the last one's answer is
    /// `remembered` by now. `None` when it crashed, or when too many are under way.
    pub(super) async fn join(
        self: &Arc<Self>,
        key: Key,
        remembered: impl FnOnce() -> Option<Verdict> + Send,
        flight: impl Future<Output = Verdict> + Send + 'static,
    ) -> Option<Verdict> {
        let landing = {
            let mut flights = self.lock();
            let all = flights.len();
            match flights.entry(key) {
                Entry::Occupied(under_way) => under_way.get().clone(),
                Entry::Vacant(vacant) => match remembered() {
                    Some(verdict) => return Some(verdict),
                    None if all >= MOST => return None,
                    None => vacant.insert(self.take_off(key, flight)).clone(),
                },
            }
        };
        landing.await
    }

    fn take_off(self: &Arc<Self>, key: Key, flight: impl Future<Output = Verdict> + Send + 'static) -> Landing {
        let leaving = Leaving { flights: Arc::clone(self), key };
        let task = tokio::spawn(async move {
            let _leaving = leaving;
            flight.await
        });
        task.map(Result::ok).boxed().shared()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Landing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a flight off the list when it ends, however it ends.
struct Leaving {
    flights: Arc<Flights>,
    key: Key,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}

#[cfg(test)]
#[path = "flights_tests.rs"]
mod tests;
