//! One flight per session: whoever asks for it while a load is under way waits for the same answer, so that a store that
//! comes back is not run over. The flight is nobody's own: it goes on when the request that began it is given up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;

use super::mirror::{Loading, Mirror};
use crate::domain::session::SessionKey;
use crate::ports::{StoreFault, StoredSession};

/// Loads under way at once; more are turned away, because waiting longer would help nobody.
const MAX_FLIGHTS: usize = 1024;

type Answer = Result<Option<StoredSession>, Arc<str>>;

struct Flight {
    number: u64,
    loading: Loading,
    landing: Shared<BoxFuture<'static, Answer>>,
}

#[derive(Default)]
struct UnderWay {
    begun: u64,
    flights: HashMap<SessionKey, Flight>,
}

/// All loads under way.
pub(super) struct Flights {
    under_way: Mutex<UnderWay>,
    seats: Arc<Semaphore>,
    limit: Duration,
}

impl Flights {
    /// Flights that are given up as a fault after `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        Self { under_way: Mutex::default(), seats: Arc::new(Semaphore::new(MAX_FLIGHTS)), limit }
    }

    /// The answer of the flight under `key`: of one under way, unless the session is known to have changed since it began,
    /// or else of a new one that `ask`s; unless the last one's answer is `remembered` by now.
    pub(super) async fn join<F>(
        self: &Arc<Self>,
        mirror: &Mirror,
        key: &SessionKey,
        remembered: impl FnOnce() -> Option<StoredSession>,
        ask: impl FnOnce(Loading) -> F,
    ) -> Result<Option<StoredSession>, StoreFault>
    where
        F: Future<Output = Result<Option<StoredSession>, StoreFault>> + Send + 'static,
    {
        let landing = {
            let mut under_way = self.lock();
            let joined = under_way.flights.get(key).filter(|flight| mirror.is_current(&flight.loading));
            match (joined, remembered()) {
                (_, Some(stored)) => return Ok(Some(stored)),
                (Some(flight), None) => flight.landing.clone(),
                (None, None) => self.take_off(&mut under_way, mirror.begin_load(key), key, ask)?,
            }
        };
        landing.await.map_err(|fault| StoreFault(fault.to_string()))
    }

    fn take_off<F>(
        self: &Arc<Self>,
        under_way: &mut UnderWay,
        loading: Loading,
        key: &SessionKey,
        ask: impl FnOnce(Loading) -> F,
    ) -> Result<Shared<BoxFuture<'static, Answer>>, StoreFault>
    where
        F: Future<Output = Result<Option<StoredSession>, StoreFault>> + Send + 'static,
    {
        let seat = Arc::clone(&self.seats).try_acquire_owned();
        let seat = seat.map_err(|_| StoreFault("too many loads are under way".to_owned()))?;
        under_way.begun += 1;
        let number = under_way.begun;
        let (flights, key, limit, asking) = (Arc::clone(self), *key, self.limit, ask(loading));
        let task = tokio::spawn(async move {
            // Made in here: a runtime that shuts down drops the whole flight in `spawn`, while the list is locked.
            let _leaving = Leaving { flights, key, number, _seat: seat };
            let answer = time::timeout(limit, asking).await;
            answer.unwrap_or_else(|_| Err(StoreFault(format!("no answer within {limit:?}"))))
        });
        let landed = |answer: Result<Result<_, StoreFault>, _>| match answer {
            Ok(answer) => answer.map_err(|StoreFault(fault)| Arc::from(fault)),
            Err(_) => Err(Arc::from("a load was given up")),
        };
        let landing = task.map(landed).boxed().shared();
        // In the place of one that is out of date, if there is one: those who wait for it asked before the change.
        under_way.flights.insert(key, Flight { number, loading, landing: landing.clone() });
        Ok(landing)
    }

    /// Nothing that holds the lock panics half-way, so what a poisoned one guards is still whole.
    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a flight off the list when it ends, however it ends.
struct Leaving {
    flights: Arc<Flights>,
    key: SessionKey,
    number: u64,
    _seat: OwnedSemaphorePermit,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut under_way = self.flights.lock();
        if under_way.flights.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            under_way.flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
#[path = "flights_tests.rs"]
mod tests;
