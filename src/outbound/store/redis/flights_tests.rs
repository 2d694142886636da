//! Who shares a flight, who does not, and flights that end badly.

use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::*;
use crate::outbound::store::redis::found::Found;
use crate::outbound::store::testing::{at, key, session};

fn house(limit: Duration) -> (Arc<Flights>, Arc<Mirror>) {
    (Arc::new(Flights::new(limit)), Arc::new(Mirror::new(1 << 20, Duration::ZERO, Instant::now())))
}

const LONG: Duration = Duration::from_secs(60);

fn stored(mirror: &Mirror, loading: &Loading) -> StoredSession {
    let found = Found { session: session("jane", 0, 100), user: [0; 32], last_seen: at(0) };
    mirror.finish_load(loading, found)
}

#[tokio::test]
async fn who_comes_while_a_load_is_under_way_shares_it() {
    let (flights, mirror) = house(LONG);
    let (asked, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let mut passengers = JoinSet::new();
    for _ in 0..200 {
        let (flights, mirror, asked, gate) = (flights.clone(), mirror.clone(), asked.clone(), gate.clone());
        passengers.spawn(async move {
            let asking = |loading| {
                asked.fetch_add(1, Ordering::Relaxed);
                let mirror = mirror.clone();
                async move {
                    gate.notified().await;
                    Ok(Some(stored(&mirror, &loading)))
                }
            };
            flights.join(&mirror, &key(0), || None, asking).await
        });
    }
    tokio::task::yield_now().await;
    gate.notify_one();
    let answers = passengers.join_all().await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Some(_)))));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert!(flights.lock().flights.is_empty());
}

#[tokio::test]
async fn a_load_from_before_a_change_is_not_joined() {
    let (flights, mirror) = house(LONG);
    let (key, gate) = (key(0), Arc::new(Notify::new()));
    let waiting = gate.clone();
    let asking = |_| async move {
        waiting.notified().await;
        Ok(None)
    };
    let mut before = Box::pin(flights.join(&mirror, &key, || None, asking));
    assert!(before.as_mut().now_or_never().is_none(), "under way");
    mirror.drop_session(&key);
    let after = flights.join(&mirror, &key, || None, |_| async { Err(StoreFault("a new one".to_owned())) }).await;
    assert_eq!(after.expect_err("its own").0, "a new one");
    gate.notify_one();
    assert!(before.await.expect("answered").is_none());
    assert!(flights.lock().flights.is_empty());
}

#[tokio::test]
async fn an_answer_that_came_meanwhile_is_not_asked_for_again() {
    let (flights, mirror) = house(LONG);
    let known = stored(&mirror, &mirror.begin_load(&key(0)));
    let answer = flights.join(&mirror, &key(0), || Some(known), |_| async { panic!("nobody asks") }).await;
    assert!(answer.expect("known").is_some());
}

#[tokio::test]
async fn a_crash_and_a_delay_are_faults_and_block_nobody() {
    let (flights, mirror) = house(Duration::from_millis(5));
    let crashed = flights.join(&mirror, &key(0), || None, |_| async { panic!("told to") }).await;
    assert_eq!(crashed.expect_err("a fault").0, "a load was given up");
    let late = flights.join(&mirror, &key(0), || None, |_| std::future::pending()).await;
    assert_eq!(late.expect_err("a fault").0, "no answer within 5ms");
    assert!(flights.lock().flights.is_empty());
    assert_eq!(flights.seats.available_permits(), MAX_FLIGHTS);
}

#[tokio::test]
async fn a_flight_goes_on_without_the_one_who_began_it() {
    let (flights, mirror) = house(LONG);
    let (key, gate) = (key(0), Arc::new(Notify::new()));
    {
        let gate = gate.clone();
        let asking = |_| async move {
            gate.notified().await;
            Ok(None)
        };
        let mut first = Box::pin(flights.join(&mirror, &key, || None, asking));
        assert!(first.as_mut().now_or_never().is_none());
    }
    let mut second = Box::pin(flights.join(&mirror, &key, || None, |_| async { panic!("it is under way") }));
    assert!(second.as_mut().now_or_never().is_none());
    gate.notify_one();
    assert!(second.await.expect("answered").is_none());
}

#[tokio::test]
async fn more_than_fit_are_turned_away_at_once() {
    let (flights, mirror) = house(LONG);
    for number in 0..MAX_FLIGHTS as u64 {
        let key = key(number);
        let mut waiting = Box::pin(flights.join(&mirror, &key, || None, |_| std::future::pending()));
        assert!(waiting.as_mut().now_or_never().is_none());
    }
    let key = key(MAX_FLIGHTS as u64);
    let refused = flights.join(&mirror, &key, || None, |_| std::future::pending()).await;
    assert_eq!(refused.expect_err("a fault").0, "too many loads are under way");
}
