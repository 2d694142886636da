//! The fetch of newer keys for tokens whose key is unknown: one at a time, shared by all waiting requests, whose number is
//! limited, and rate-limited, because unauthenticated clients can cause it (OC-24). The fetch is a task of its own: it
//! continues when the request that began it is cancelled.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::fetch_limit::FetchLimit;
use crate::domain::oidc::jws::KeySet;
use crate::single_flight::SingleFlight;

/// The limit for the requests that wait for the fetch.
const MAX_WAITING: usize = 256;

/// The result of a fetch; `None` when it failed.
type Keys = Option<Arc<KeySet>>;

/// The result of a request to fetch.
pub(super) enum FetchedKeys {
    /// The fetch was started for this request.
    Own(Keys),
    /// The fetch was in progress already.
    Joined(Keys),
    /// The rate limit is reached.
    RateLimited,
    /// The limit for waiting requests is reached.
    AtCapacity,
}

/// The fetch in progress, if any.
pub(super) struct KeyFetch {
    fetch: Arc<SingleFlight<(), Keys>>,
    limit: FetchLimit,
    waiting: Semaphore,
}

impl KeyFetch {
    pub(super) fn new() -> Self {
        Self { fetch: SingleFlight::new(1), limit: FetchLimit::new(), waiting: Semaphore::new(MAX_WAITING) }
    }

    /// Waits for the fetch in progress, else for `fetch`.
    pub(super) async fn join(&self, fetch: impl Future<Output = Keys> + Send + 'static) -> FetchedKeys {
        let Ok(_permit) = self.waiting.try_acquire() else { return FetchedKeys::AtCapacity };
        let mut is_own = false;
        let begin = || {
            is_own = self.limit.try_acquire();
            is_own.then_some(fetch)
        };
        let Some(fetched) = self.fetch.join((), begin) else { return FetchedKeys::RateLimited };
        let keys = fetched.result().await.flatten();
        if is_own { FetchedKeys::Own(keys) } else { FetchedKeys::Joined(keys) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use futures_util::future::{join_all, pending};

    use super::*;

    #[tokio::test]
    async fn concurrent_callers_share_one_fetch() {
        let (fetch, fetches) = (KeyFetch::new(), Arc::new(AtomicUsize::new(0)));
        let request = || {
            let fetches = Arc::clone(&fetches);
            fetch.join(async move {
                fetches.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Some(Arc::new(KeySet::default()))
            })
        };
        let results = join_all((0..100).map(|_| request())).await;
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
        assert_eq!(results.iter().filter(|result| matches!(result, FetchedKeys::Own(Some(_)))).count(), 1);
        assert_eq!(results.iter().filter(|result| matches!(result, FetchedKeys::Joined(Some(_)))).count(), 99);
    }

    #[tokio::test]
    async fn a_caller_beyond_the_limit_is_refused_at_once() {
        let fetch = KeyFetch::new();
        let waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(fetch.join(pending()))).collect();
        let mut waiting = join_all(waiting);
        assert!((&mut waiting).now_or_never().is_none());
        assert!(matches!(fetch.join(pending()).now_or_never(), Some(FetchedKeys::AtCapacity)));
        drop(waiting);
        assert!(fetch.join(pending()).now_or_never().is_none(), "a caller that gives up makes room");
    }
}
