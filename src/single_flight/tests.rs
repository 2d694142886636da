//! Who shares a piece of work, who does not, and work that ends badly.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;

const LIMIT: usize = 256;

fn calls() -> Arc<SingleFlight<usize, usize>> {
    SingleFlight::new(LIMIT)
}

#[tokio::test]
async fn f_21_who_comes_meanwhile_shares_it_and_it_goes_on_without_who_began_it() {
    let (calls, times, gate) = (calls(), AtomicUsize::new(0), Arc::new(Semaphore::new(0)));
    let join = || {
        let gate = Arc::clone(&gate);
        let begin = || {
            times.fetch_add(1, Ordering::Relaxed);
            Some(async move {
                drop(gate.acquire().await);
                7
            })
        };
        calls.join(1, begin).expect("is under way")
    };
    drop(join());
    let waiting: Vec<_> = (0..200).map(|_| join()).collect();
    gate.add_permits(1);
    for call in waiting {
        assert_eq!(call.result().await, Some(7));
    }
    assert_eq!(times.load(Ordering::Relaxed), 1);
    assert!(calls.any().is_none(), "it left the list");
}

#[tokio::test]
async fn what_is_known_by_now_is_not_begun_again() {
    let calls = calls();
    assert!(calls.join(1, || None::<std::future::Pending<usize>>).is_none());
    assert!(calls.any().is_none());
    calls.join(1, || Some(pending())).expect("begins");
    assert!(calls.join(1, || None::<std::future::Pending<usize>>).is_some(), "what is under way is shared");
}

#[tokio::test]
async fn a_panic_is_no_result_and_blocks_nobody() {
    let calls = calls();
    let crashed = calls.join(1, || Some(async { panic!("told to") })).expect("begins");
    assert_eq!(crashed.result().await, None);
    assert!(calls.any().is_none(), "it left the list");
    let second = calls.join(1, || Some(async { 2 })).expect("begins anew");
    assert_eq!(second.result().await, Some(2));
    assert!(calls.any().is_none());
}

#[tokio::test]
async fn there_are_so_many_places_and_no_more() {
    let calls = calls();
    let begun = (0..1000).filter_map(|number| calls.join(number, || Some(pending()))).count();
    assert_eq!(begun, LIMIT);
    assert!(calls.join(0, || Some(pending())).is_some(), "what is under way is shared");
}

#[tokio::test]
async fn f_2_who_comes_late_does_not_wait_as_long_again() {
    let calls = calls();
    let begun = Instant::now();
    for _ in 0..100 {
        let call = calls.join(1, || Some(pending())).expect("is under way");
        assert_eq!(call.result_within(Duration::from_millis(50)).await, None);
    }
    let took = begun.elapsed();
    assert!(Duration::from_millis(45) <= took && took < Duration::from_secs(3), "{took:?}");
}

/// The work is dropped while it is begun, and takes itself off a list that is locked.
#[test]
fn a_runtime_that_shuts_down_is_not_blocked() {
    let calls = calls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let handle = runtime.handle().clone();
    drop(runtime);
    let _inside = handle.enter();
    assert_eq!(calls.join(1, || Some(pending())).expect("begins").result().now_or_never(), Some(None));
}
