//! Flights that crash, and more than there are places.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn key(number: u16) -> SessionKey {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    SessionKey::from_bytes(bytes)
}

#[tokio::test]
async fn a_crash_leaves_the_list_and_frees_whoever_waits() {
    let flights = Arc::new(Flights::default());
    flights.join(key(1), || true, || async { panic!("told to") }).expect("begins").landed().await;
    assert!(flights.any().is_none());
    flights.join(key(1), || true, || async {}).expect("begins anew").landed().await;
}

#[tokio::test]
async fn f_21_who_comes_meanwhile_shares_it_and_nobody_owns_it() {
    let (flights, begun) = (Arc::new(Flights::default()), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let join = || {
        let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
        let flight = || async move {
            begun.fetch_add(1, Ordering::Relaxed);
            drop(gate.acquire().await);
        };
        flights.join(key(1), || true, flight).expect("is under way")
    };
    drop(join());
    let waiting: Vec<Landing> = (0..200).map(|_| join()).collect();
    gate.add_permits(1);
    for landing in waiting {
        landing.landed().await;
    }
    assert_eq!(begun.load(Ordering::Relaxed), 1);
    assert!(flights.any().is_none());
}

#[tokio::test]
async fn there_are_so_many_places_and_no_more() {
    let flights = Arc::new(Flights::default());
    let begun = (0..1000).filter_map(|number| flights.join(key(number), || true, std::future::pending)).count();
    assert_eq!(begun, MOST);
    assert!(flights.join(key(0), || false, std::future::pending).is_some(), "one under way is shared");
    let other = Arc::new(Flights::default());
    assert!(other.join(key(0), || false, std::future::pending).is_none(), "a pause begins none");
}

#[tokio::test]
async fn f_2_who_comes_late_does_not_wait_as_long_again() {
    let flights = Arc::new(Flights::default());
    let join = || flights.join(key(1), || true, std::future::pending).expect("is under way");
    let begun = Instant::now();
    for _ in 0..100 {
        join().within(Duration::from_millis(50)).await;
    }
    let took = begun.elapsed();
    assert!(Duration::from_millis(45) <= took && took < Duration::from_secs(3), "{took:?}");
}
