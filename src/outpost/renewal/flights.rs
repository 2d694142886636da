//! One renewal at a time of each session in this process: whoever comes while it is under way shares it. It is nobody's own and
//! goes on when the request that began it is given up.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout_at};

use crate::domain::session::SessionKey;

/// How many may be under way; sessions that find no place are renewed a little later.
const MOST: usize = 256;

/// The end of a renewal, however it ends.
#[derive(Clone)]
pub(super) struct Landing {
    begun: Instant,
    landed: Shared<BoxFuture<'static, ()>>,
}

impl Landing {
    /// Waits for it.
    pub(super) async fn landed(self) {
        self.landed.await;
    }

    /// Waits for it until it has taken this long. Who comes later does not wait: a provider that is slow once is not to slow down
    /// request after request.
    pub(super) async fn within(self, patience: Duration) {
        // Whatever became of it, the store knows.
        let _ = timeout_at(self.begun + patience, self.landed).await;
    }
}

/// All renewals under way.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<SessionKey, Landing>>);

impl Flights {
    /// The renewal of this session that is under way, else a new one if it `may_begin` and there is a place.
    pub(super) fn join<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        key: SessionKey,
        may_begin: impl FnOnce() -> bool,
        flight: impl FnOnce() -> F,
    ) -> Option<Landing> {
        let mut flights = self.lock();
        let under_way = flights.len();
        match flights.entry(key) {
            Entry::Occupied(landing) => Some(landing.get().clone()),
            Entry::Vacant(_) if under_way >= MOST || !may_begin() => None,
            Entry::Vacant(vacant) => Some(vacant.insert(self.take_off(key, flight())).clone()),
        }
    }

    /// One of those under way, if there is any.
    pub(super) fn any(&self) -> Option<Landing> {
        self.lock().values().next().cloned()
    }

    fn take_off(self: &Arc<Self>, key: SessionKey, flight: impl Future<Output = ()> + Send + 'static) -> Landing {
        let leaving = Leaving { flights: Arc::clone(self), key };
        let task = tokio::spawn(async move {
            let _leaving = leaving;
            flight.await;
        });
        Landing { begun: Instant::now(), landed: task.map(drop).boxed().shared() }
    }

    /// Nothing panics while it is locked.
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Landing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a renewal off the list when it ends, however it ends.
struct Leaving {
    flights: Arc<Flights>,
    key: SessionKey,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}

#[cfg(test)]
#[path = "flights_tests.rs"]
mod tests;
