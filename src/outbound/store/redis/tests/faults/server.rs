//! Servers that are killed, stall, are full, are demoted, or refuse access.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::faulty_redis::{
    FaultyRedis, SOON, is_none, is_there, is_warm, living, load, load_living, save, settle, soon, warm_up,
};
use crate::outbound::store::redis::RedisStore;
use crate::outbound::store::testing::{key, user};
use crate::ports::SessionStore as _;

/// Waits until the store has noticed that the server does not answer.
async fn until_cold(store: &RedisStore) {
    soon("a fault", async || load_living(store, &key(1)).await, Result::is_err).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_6_killed_and_started_again() {
    let mut redis = FaultyRedis::new().await;
    let store = redis.store();
    settle(&store, 3).await;
    redis.kill();
    until_cold(&store).await;
    assert!(store.end(&key(2)).await.is_err(), "an end that did not reach the server is no success");
    assert!(is_none(&load(&store, &key(2)).await), "and still holds here");
    assert!(store.save(&key(9), living(9, 0)).await.is_err());
    for _ in 0..20 {
        assert!(load_living(&store, &key(1)).await.is_err());
        sleep(Duration::from_millis(5)).await;
    }
    redis.start_again();
    let took = soon("back", async || load_living(&store, &key(1)).await, is_there).await;
    println!("back after {took:?}");
    soon("nobody was signed out", async || load_living(&store, &key(3)).await, is_there).await;
    assert!(is_none(&load(&store, &key(2)).await), "but who wanted to be");
    let neighbour = redis.neighbour();
    let ended = async || load(&neighbour, &key(2)).await;
    let begun = Instant::now();
    while !is_none(&ended().await) {
        // PendingRevocations are sent once a second.
        assert!(begun.elapsed() < Duration::from_secs(3), "the end was made up for");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_6_no_stampede_when_the_server_is_back() {
    let mut redis = FaultyRedis::new().await;
    let store = redis.store();
    settle(&store, 1).await;
    redis.kill();
    until_cold(&store).await;
    redis.start_again();
    let mut loads = JoinSet::new();
    for _ in 0..200 {
        let store = std::sync::Arc::clone(&store);
        loads.spawn(async move {
            let begun = Instant::now();
            while !is_there(&load_living(&store, &key(1)).await) {
                assert!(begun.elapsed() < SOON, "not yet back");
                sleep(Duration::from_millis(2)).await;
            }
            begun.elapsed()
        });
    }
    let longest = loads.join_all().await.into_iter().max();
    let questions = redis.questions().await;
    println!("back after {longest:?}, with {questions} questions");
    assert!(questions <= 10, "{questions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f_7_a_server_that_stands_still() {
    let redis = FaultyRedis::new().await;
    let store = redis.store();
    settle(&store, 2).await;
    redis.signal("STOP");
    let stopped = Instant::now();
    until_cold(&store).await;
    while stopped.elapsed() < Duration::from_millis(2500) {
        assert!(load_living(&store, &key(1)).await.is_err());
        sleep(Duration::from_millis(20)).await;
    }
    redis.signal("CONT");
    let took = soon("back", async || load_living(&store, &key(1)).await, is_there).await;
    println!("back after {took:?}");
    warm_up(&store, &key(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_7_the_grace_serves_what_is_known_and_no_end() {
    let redis = FaultyRedis::with_grace(Duration::from_secs(5)).await;
    let store = redis.store();
    settle(&store, 4).await;
    redis.signal("STOP");
    let stopped = Instant::now();
    while stopped.elapsed() < Duration::from_secs(2) {
        assert!(is_there(&load_living(&store, &key(1)).await), "in its grace");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(!is_warm(&store, &key(1)));
    assert!(load(&store, &key(99)).await.is_err(), "who is not known is neither there nor none");
    assert!(store.end(&key(2)).await.is_err());
    assert!(is_none(&load(&store, &key(2)).await), "ended here");
    assert!(store.end_user(&user("user 3")).await.is_err());
    assert!(!is_there(&load(&store, &key(3)).await), "ended here, too");
    while stopped.elapsed() < Duration::from_secs(5) {
        sleep(Duration::from_millis(20)).await;
    }
    assert!(load_living(&store, &key(1)).await.is_err(), "the grace is over");
    redis.signal("CONT");
    soon("back", async || load_living(&store, &key(1)).await, is_there).await;
    soon("the others", async || load_living(&store, &key(4)).await, is_there).await;
    for ended in [key(2), key(3)] {
        soon("ended it stays", async || load(&store, &ended).await, is_none).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_7_a_full_server() {
    let redis = FaultyRedis::new().await;
    let store = redis.store();
    settle(&store, 2).await;
    redis.order(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    redis.order(&["CONFIG", "SET", "maxmemory", "1mb"]).await;
    let refused = store.save(&key(9), living(9, 0)).await;
    assert!(refused.is_err(), "a session that is not kept is none");
    assert!(is_there(&load_living(&redis.neighbour(), &key(1)).await), "reads go on");
    redis.neighbour().end(&key(2)).await.expect("ends go on");
    assert!(is_none(&load(&redis.neighbour(), &key(2)).await));
    redis.order(&["CONFIG", "SET", "maxmemory", "0"]).await;
    save(&store, 9).await;
    warm_up(&store, &key(9)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_8_a_server_that_is_demoted() {
    let redis = FaultyRedis::new().await;
    let store = redis.store();
    settle(&store, 2).await;
    redis.order(&["REPLICAOF", "127.0.0.1", "1"]).await;
    until_cold(&store).await;
    assert!(store.save(&key(9), living(9, 0)).await.is_err());
    assert!(load_living(&store, &key(2)).await.is_err(), "what a replica says may be out of date");
    redis.order(&["REPLICAOF", "NO", "ONE"]).await;
    let took = soon("back", async || load_living(&store, &key(1)).await, is_there).await;
    println!("back after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f_8_a_master_without_its_replicas() {
    let redis = FaultyRedis::new().await;
    let store = redis.store();
    settle(&store, 2).await;
    redis.order(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    assert!(store.save(&key(9), living(9, 0)).await.is_err());
    assert!(store.end(&key(2)).await.is_err());
    assert!(is_none(&load(&store, &key(2)).await), "holds here");
    assert!(is_there(&load_living(&redis.neighbour(), &key(1)).await), "reads go on");
    redis.order(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    save(&store, 9).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_6_a_password_that_is_not_ours_any_more() {
    let redis = FaultyRedis::new().await;
    let store = redis.store();
    settle(&store, 1).await;
    redis.order(&["CONFIG", "SET", "requirepass", "another"]).await;
    let _: i64 = redis.ask_as(":another@", &["CLIENT", "KILL", "TYPE", "normal"]).await;
    until_cold(&store).await;
    assert!(store.end(&key(99)).await.is_err());
    let _: String = redis.ask_as(":another@", &["CONFIG", "SET", "requirepass", ""]).await;
    let took = soon("back", async || load_living(&store, &key(1)).await, is_there).await;
    println!("back after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f_6_rights_that_are_taken_away() {
    let redis = FaultyRedis::new().await;
    let store = redis.store();
    settle(&store, 2).await;
    redis.order(&["ACL", "SETUSER", "default", "resetkeys"]).await;
    assert!(is_there(&load_living(&store, &key(1)).await), "the mirror is as good as before");
    assert!(load_living(&redis.neighbour(), &key(1)).await.is_err());
    assert!(store.end(&key(2)).await.is_err());
    redis.order(&["ACL", "SETUSER", "default", "~*"]).await;
    assert!(is_there(&load_living(&redis.neighbour(), &key(1)).await));
}
