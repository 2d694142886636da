//! The purpose of the client-side cache, with a real server: warm look-ups send no command, and still nothing stale is
//! answered.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::faulty_redis::{
    FaultyRedis, is_none, is_there, is_warm, living, load, load_living, save, settle, soon, warm_up,
};
use crate::outbound::store::redis::testing::{TIMEOUT, settings, store};
use crate::outbound::store::redis::tests::cluster::Cluster;
use crate::outbound::store::redis::{RedisSettings, RedisStore};
use crate::outbound::store::testing::{LIFETIMES, at, key, keys, user};
use crate::ports::SessionStore as _;
use crate::testing::{ManualClock, SystemEntropy};

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_look_up_asks_nobody() {
    let redis = FaultyRedis::new().await;
    let store = redis.neighbour();
    settle(&store, 10).await;
    let before = redis.questions().await;
    for number in (1..=10).cycle().take(5000) {
        assert!(is_there(&load(&store, &key(number)).await));
    }
    assert_eq!(redis.questions().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_changes_the_others_see_within_a_second() {
    let redis = FaultyRedis::new().await;
    let (one, other) = (redis.neighbour(), redis.neighbour());
    let mut longest = Duration::ZERO;
    for round in 0..40 {
        settle(&other, 2).await;
        warm_up(&one, &key(1)).await;
        warm_up(&one, &key(2)).await;
        assert!(other.replace(&key(1), living(1, 1)).await.expect("refreshed"));
        let generation =
            async || load(&one, &key(1)).await.map(|found| found.map(|found| found.session.record().generation));
        longest = longest.max(soon("the refresh", generation, |found| matches!(found, Ok(Some(1)))).await);
        warm_up(&one, &key(1)).await;
        match round % 3 {
            0 => drop(other.end(&key(1)).await.expect("ended")),
            1 => drop(other.end_user(&user("user 1")).await.expect("ended")),
            _ => {
                let provider_session = living(1, 0).provider_session().expect("one");
                drop(other.end_provider_session(&provider_session, Some(&user("user 1"))).await.expect("ended"));
            }
        }
        assert!(is_none(&load(&other, &key(1)).await), "at once where it ended");
        longest = longest.max(soon("the end", async || load(&one, &key(1)).await, is_none).await);
        assert!(is_there(&load(&one, &key(2)).await), "another user's");
    }
    println!("the longest was {longest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_end_holds_at_once_while_others_load() {
    let redis = FaultyRedis::new().await;
    let store = redis.neighbour();
    for _ in 0..50 {
        settle(&store, 1).await;
        let mut loads = JoinSet::new();
        for _ in 0..8 {
            let store = Arc::clone(&store);
            loads.spawn(async move {
                while is_there(&load(&store, &key(1)).await) {
                    tokio::task::yield_now().await;
                    store.client.client_side_cache.drop_session(&key(1));
                }
            });
        }
        store.end(&key(1)).await.expect("ended");
        for _ in 0..20 {
            let answer = load(&store, &key(1)).await;
            assert!(is_none(&answer), "{answer:?}");
        }
        loads.join_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_may_empty_expire_and_delete() {
    let redis = FaultyRedis::new().await;
    let store = redis.neighbour();
    settle(&store, 3).await;
    let names: Vec<String> = redis.ask(&["KEYS", &format!("{}s:*", redis.settings().key_prefix)]).await;
    assert_eq!(names.len(), 3);
    let of = |number: u64| {
        let hex = crate::outbound::store::redis::keys::hex(key(number).as_bytes());
        names.iter().find(|name| name.ends_with(&hex)).expect("a record").clone()
    };
    redis.order(&["PEXPIRE", &of(1), "20"]).await;
    soon("it expired", async || load(&store, &key(1)).await, is_none).await;
    redis.order(&["DEL", &of(2)]).await;
    soon("it was deleted", async || load(&store, &key(2)).await, is_none).await;
    assert!(is_warm(&store, &key(3)));
    redis.order(&["FLUSHALL"]).await;
    soon("all was deleted", async || load(&store, &key(3)).await, is_none).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_closed_is_replaced_and_nothing_is_overlooked() {
    let redis = FaultyRedis::new().await;
    let (store, neighbour) = (redis.neighbour(), redis.neighbour());
    settle(&store, 2).await;
    for _ in 0..5 {
        redis.order(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        warm_up(&store, &key(1)).await;
        warm_up(&neighbour, &key(1)).await;
    }
    // The neighbour's first command may still go to the connection that was closed.
    soon("ended", async || neighbour.end(&key(1)).await.map(|_| ()), Result::is_ok).await;
    soon("the end", async || load(&store, &key(1)).await, is_none).await;
    assert!(is_there(&load_living(&store, &key(2)).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_active_elsewhere_is_not_idle_here() {
    let redis = FaultyRedis::new().await;
    let clock = ManualClock::at(0);
    let settings = RedisSettings { command_timeout: TIMEOUT, ..redis.settings().clone() };
    let store = RedisStore::open(settings, keys(1), LIFETIMES, Arc::new(SystemEntropy), Arc::clone(&clock) as _).0;
    settle(&store, 1).await;
    let idle = LIFETIMES.idle.as_secs();
    redis.neighbour().touch(&key(1), at(idle - 10)).await.expect("noted");
    assert!(is_warm(&store, &key(1)), "uses are not told of");
    clock.set(idle - 1);
    assert_eq!(load(&store, &key(1)).await.expect("an answer").expect("there").last_seen, at(0));
    clock.set(idle);
    assert_eq!(load(&store, &key(1)).await.expect("an answer").expect("there").last_seen, at(idle - 10));
    let before = redis.questions().await;
    assert!(is_there(&load(&store, &key(1)).await));
    assert_eq!(redis.questions().await, before, "warm again");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_be_told_every_look_up_asks() {
    let redis = FaultyRedis::new().await;
    redis.order(&["ACL", "SETUSER", "default", "-client|tracking"]).await;
    let store = redis.neighbour();
    save(&store, 1).await;
    let before = redis.questions().await;
    for _ in 0..3 {
        assert!(is_there(&load(&store, &key(1)).await));
    }
    assert!(redis.questions().await >= before + 3 && !is_warm(&store, &key(1)));
    let neighbour = redis.neighbour();
    neighbour.end(&key(1)).await.expect("ended");
    assert!(is_none(&load(&store, &key(1)).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_of_a_cluster_tells_what_changes() {
    let cluster = Cluster::start();
    let settings = settings(cluster.topology());
    let (one, other) = (store(settings.clone()), store(settings));
    for number in 1..=30 {
        save(&other, number).await;
        warm_up(&one, &key(number)).await;
    }
    for number in 1..=30 {
        other.end(&key(number)).await.expect("ended");
        soon("the end", async || load(&one, &key(number)).await, is_none).await;
    }
    assert!(!is_warm(&one, &key(30)));
}
