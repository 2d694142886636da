//! Runs work once for all callers that need its result at the same time. The work belongs to none of them: it continues
//! when the request that began it is cancelled.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout_at};

/// Work under way, at most one task for each key.
pub(crate) struct SingleFlight<K, T> {
    limit: usize,
    under_way: Mutex<HashMap<K, Call<T>>>,
}

/// A task that was begun.
#[derive(Clone)]
pub(crate) struct Call<T> {
    begun: Instant,
    result: Shared<BoxFuture<'static, Option<T>>>,
}

impl<K: Copy + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static> SingleFlight<K, T> {
    /// At most `limit` tasks are under way.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, under_way: Mutex::default() })
    }

    /// The task under way for `key`, else the one that `begin` creates. `None` when `begin` returns `None`, or when the
    /// limit is reached.
    ///
    /// `begin` is called under the lock, where no other task can begin or end: the effects of an earlier task for the
    /// same key are complete by then.
    pub(crate) fn join<F>(self: &Arc<Self>, key: K, begin: impl FnOnce() -> Option<F>) -> Option<Call<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = self.lock();
        if let Some(call) = under_way.get(&key) {
            return Some(call.clone());
        }
        let work = begin()?;
        if under_way.len() >= self.limit {
            return None;
        }
        let all = Arc::clone(self);
        let task = tokio::spawn(async move {
            // Created inside the task: a runtime that shuts down drops the task in `spawn`, while the list is locked.
            let _leaving = Leaving { all, key };
            work.await
        });
        let call = Call { begun: Instant::now(), result: task.map(Result::ok).boxed().shared() };
        under_way.insert(key, call.clone());
        Some(call)
    }

    /// Any task under way, if there is one.
    pub(crate) fn any(&self) -> Option<Call<T>> {
        self.lock().values().next().cloned()
    }
}

impl<K, T> SingleFlight<K, T> {
    /// No code panics while this lock is held, so the contents of a poisoned lock are consistent.
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Call<T>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Call<T> {
    /// Waits for the result; `None` when the work panicked.
    pub(crate) async fn result(self) -> Option<T> {
        self.result.await
    }

    /// Waits for the result until `timeout` after the task began. A later caller does not wait as long again, so that
    /// one slow task does not delay request after request.
    pub(crate) async fn result_within(self, timeout: Duration) -> Option<T> {
        timeout_at(self.begun + timeout, self.result).await.ok().flatten()
    }
}

/// Removes a task from the list when it ends, however it ends.
struct Leaving<K: Eq + Hash, T> {
    all: Arc<SingleFlight<K, T>>,
    key: K,
}

impl<K: Eq + Hash, T> Drop for Leaving<K, T> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests;
