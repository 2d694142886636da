//! The fetch of newer keys for tokens whose key is unknown: one at a time, shared by all who wait for it, so many of them and no
//! more, and as often as the brake lets strangers cause it (OC-24). It belongs to nobody: it goes on when the request that
//! began it is given up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::rate_limiter::RateLimiter;
use crate::domain::oidc::jws::KeySet;

/// How many may wait for it.
const MAX_WAITING: usize = 256;

/// What a fetch brings; nothing when it failed.
type Keys = Option<Arc<KeySet>>;

/// What became of the wish to fetch.
pub(super) enum FetchedKeys {
    /// It was fetched for this wish.
    Own(Keys),
    /// It was under way already.
    Joined(Keys),
    /// It was fetched too often of late.
    RateLimited,
    /// Too many wait for it already.
    AtCapacity,
}

/// The fetch under way, if any.
pub(super) struct KeyFetch {
    state: Mutex<State>,
    waiting: Semaphore,
}

struct State {
    rate_limiter: RateLimiter,
    under_way: Option<Shared<BoxFuture<'static, Keys>>>,
}

impl KeyFetch {
    pub(super) fn new() -> Self {
        let state = State { rate_limiter: RateLimiter::new(Instant::now()), under_way: None };
        Self { state: Mutex::new(state), waiting: Semaphore::new(MAX_WAITING) }
    }

    /// Waits for the fetch that is under way, else for `fetch`.
    pub(super) async fn join(&self, fetch: impl Future<Output = Keys> + Send + 'static) -> FetchedKeys {
        let Ok(_permit) = self.waiting.try_acquire() else { return FetchedKeys::AtCapacity };
        let (fetched, is_own) = {
            let mut state = self.state();
            match state.under_way.clone().filter(|fetched| fetched.peek().is_none()) {
                Some(fetched) => (fetched, false),
                None if !state.rate_limiter.release(Instant::now()) => return FetchedKeys::RateLimited,
                None => {
                    let fetched = tokio::spawn(fetch).map(|landed| landed.ok().flatten()).boxed().shared();
                    state.under_way = Some(fetched.clone());
                    (fetched, true)
                }
            }
        };
        let catch = fetched.await;
        if is_own { FetchedKeys::Own(catch) } else { FetchedKeys::Joined(catch) }
    }

    /// Nothing panics while it is locked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{join_all, pending};

    use super::*;

    #[tokio::test]
    async fn all_share_one_fetch_and_one_of_them_began_it() {
        let (fetch, fetches) = (KeyFetch::new(), Arc::new(AtomicUsize::new(0)));
        let request = || {
            let fetches = Arc::clone(&fetches);
            fetch.join(async move {
                fetches.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Some(Arc::new(KeySet::default()))
            })
        };
        let landed = join_all((0..100).map(|_| request())).await;
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
        assert_eq!(landed.iter().filter(|landed| matches!(landed, FetchedKeys::Own(Some(_)))).count(), 1);
        assert_eq!(landed.iter().filter(|landed| matches!(landed, FetchedKeys::Joined(Some(_)))).count(), 99);
    }

    #[tokio::test]
    async fn who_finds_no_place_is_told_at_once() {
        let fetch = KeyFetch::new();
        let waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(fetch.join(pending()))).collect();
        let mut waiting = join_all(waiting);
        assert!((&mut waiting).now_or_never().is_none());
        assert!(matches!(fetch.join(pending()).now_or_never(), Some(FetchedKeys::AtCapacity)));
        drop(waiting);
        assert!(fetch.join(pending()).now_or_never().is_none(), "who gives up makes room");
    }
}
