//! Networks that are slow, stall, break, and lose everything.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::faulty_redis::{FaultyRedis, is_none, is_there, is_warm, load, load_living, save, settle, soon, warm_up};
use crate::outbound::store::testing::key;
use crate::ports::SessionStore as _;

#[tokio::test(flavor = "multi_thread")]
async fn f_7_a_slow_network() {
    for (delay, served) in [(50, true), (150, false), (1000, false)] {
        let redis = FaultyRedis::new().await;
        let store = redis.store();
        settle(&store, 2).await;
        redis.relay.delay(Duration::from_millis(delay));
        sleep(Duration::from_secs(1)).await;
        let mut times_served = 0;
        for _ in 0..10 {
            times_served += u32::from(is_there(&load_living(&store, &key(1)).await));
            store.client.client_side_cache.drop_session(&key(1));
        }
        // The cache may have answered the first load: the server's invalidation comes late, but within the limit.
        assert!(times_served > 0 || !served, "+{delay} ms");
        redis.relay.delay(Duration::ZERO);
        let took = soon("back", async || load_living(&store, &key(2)).await, is_there).await;
        println!("+{delay} ms: back after {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_7_while_nothing_comes_through_nobody_waits_for_long() {
    let redis = FaultyRedis::new().await;
    let store = redis.store();
    settle(&store, 1).await;
    redis.relay.stand_still(true);
    soon("a fault", async || load_living(&store, &key(1)).await, Result::is_err).await;
    let begun = Instant::now();
    let mut loads = JoinSet::new();
    for number in 0..3000 {
        let store = Arc::clone(&store);
        loads.spawn(async move { load(&store, &key(1 + number % 1500)).await.is_err() });
    }
    assert!(loads.join_all().await.into_iter().all(|fault| fault));
    println!("3000 loads were turned away after {:?}", begun.elapsed());
    sleep(Duration::from_millis(1500)).await;
    let begun = Instant::now();
    assert!(load_living(&store, &key(1)).await.is_err());
    println!("one load was turned away after {:?}", begun.elapsed());
    redis.relay.stand_still(false);
    let took = soon("back", async || load_living(&store, &key(1)).await, is_there).await;
    println!("back after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_while_the_network_stood_still_is_not_served_afterwards() {
    let redis = FaultyRedis::new().await;
    let (store, neighbour) = (redis.store(), redis.neighbour());
    settle(&store, 2).await;
    for still in [300, 1200, 2500] {
        save(&store, 1).await;
        warm_up(&store, &key(1)).await;
        redis.relay.stand_still(true);
        neighbour.end(&key(1)).await.expect("ended");
        let ended = Instant::now();
        while ended.elapsed() < Duration::from_millis(still) {
            // The clock is read before the look-up: an answer given later was still allowed at that moment.
            let late = ended.elapsed() >= Duration::from_secs(1);
            assert!(!(is_warm(&store, &key(1)) && late), "after a second");
            sleep(Duration::from_millis(10)).await;
        }
        redis.relay.stand_still(false);
        soon("the end", async || load(&store, &key(1)).await, is_none).await;
        soon("back", async || load_living(&store, &key(2)).await, is_there).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_8_cut_and_closed() {
    let redis = FaultyRedis::new().await;
    let (store, neighbour) = (redis.store(), redis.neighbour());
    settle(&store, 3).await;
    for _ in 0..10 {
        redis.relay.cut();
        soon("back", async || load_living(&store, &key(1)).await, is_there).await;
    }
    redis.relay.close();
    neighbour.end(&key(2)).await.expect("ended");
    soon("a fault", async || load_living(&store, &key(1)).await, Result::is_err).await;
    redis.relay.open();
    let took = soon("back", async || load_living(&store, &key(1)).await, is_there).await;
    println!("back after {took:?}");
    soon("what ended meanwhile", async || load(&store, &key(2)).await, is_none).await;
    soon("the others", async || load_living(&store, &key(3)).await, is_there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_once_is_asked_of_the_server_once() {
    let redis = FaultyRedis::new().await;
    let store = redis.store();
    settle(&store, 1).await;
    store.client.client_side_cache.drop_session(&key(1));
    redis.relay.delay(Duration::from_millis(20));
    let before = redis.questions().await;
    let mut loads = JoinSet::new();
    for _ in 0..200 {
        let store = Arc::clone(&store);
        loads.spawn(async move { load_living(&store, &key(1)).await });
    }
    assert!(loads.join_all().await.iter().any(is_there));
    let questions = redis.questions().await - before;
    assert!(questions <= 2, "{questions}");
}
