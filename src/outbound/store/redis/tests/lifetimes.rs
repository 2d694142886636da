//! The lifetimes of keys at the server, and what remains there.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::session::Lifetimes;
use crate::outbound::store::redis::testing::{Make, Server, eventually, settings};
use crate::outbound::store::redis::{RedisSettings, RedisStore, Topology};
use crate::outbound::store::testing::{at, block_on, key, keys, session, user};
use crate::ports::{Lease, SessionStore};
use crate::testing::{ManualClock, SystemEntropy};

const HOUR_MS: i64 = 3_600_000;

/// The time of these tests' clock. Sessions expire after half an hour of idleness.
const NOW: u64 = 1_000_000;

fn store(settings: RedisSettings) -> RedisStore {
    let lifetimes = Lifetimes { absolute: Duration::from_hours(24), idle: Duration::from_mins(30) };
    RedisStore::open(settings, keys(1), lifetimes, Arc::new(SystemEntropy), ManualClock::at(NOW)).0
}

struct Bench {
    server: Server,
    settings: RedisSettings,
}

impl Bench {
    fn new() -> Self {
        let server = Server::start(Make::Redis);
        let settings = settings(Topology::Single(server.address()));
        Self { server, settings }
    }

    /// The names of this store's keys of one kind.
    fn names(&self, kind: &str) -> Vec<String> {
        self.server.ask(&["KEYS", &format!("{}{kind}:*", self.settings.key_prefix)])
    }

    /// The remaining lifetime of the only key of a kind.
    fn life(&self, kind: &str) -> i64 {
        let names = self.names(kind);
        assert_eq!(names.len(), 1, "{names:?}");
        self.server.ask(&["PTTL", &names[0]])
    }

    fn shorten(&self, kind: &str, life: i64) {
        let _: i64 = self.server.ask(&["PEXPIRE", &self.names(kind)[0], &life.to_string()]);
    }
}

fn near(life: i64, expected: i64) -> bool {
    (expected - 60_000..=expected).contains(&life)
}

#[test]
fn nothing_outlives_its_session_and_idle_ones_leave_early() {
    let bench = Bench::new();
    block_on(async {
        let store = store(bench.settings.clone());
        store.save(&key(1), session("jane", NOW, NOW + 10 * 3600)).await.expect("saves");
        for kind in ["k", "u", "p"] {
            assert!(near(bench.life(kind), 10 * HOUR_MS), "{kind}");
        }
        assert!(near(bench.life("s"), HOUR_MS) && near(bench.life("t"), HOUR_MS), "twice the idle lifetime");

        bench.shorten("s", HOUR_MS * 3 / 4);
        store.touch(&key(1), at(NOW + 5)).await.expect("touches");
        assert!(bench.life("s") <= HOUR_MS * 3 / 4, "enough is left: nobody is told for nothing");
        bench.shorten("s", HOUR_MS / 4);
        store.touch(&key(1), at(NOW + 6)).await.expect("touches");
        assert!(near(bench.life("s"), HOUR_MS) && near(bench.life("t"), HOUR_MS), "little was left");

        store.save(&key(1), session("jane", NOW, NOW + 600)).await.expect("saves");
        assert!(near(bench.life("s"), 600_000));
        bench.shorten("s", 60_000);
        store.touch(&key(1), at(NOW + 7)).await.expect("touches");
        assert!(near(bench.life("s"), 600_000), "never beyond the end");
        assert!(near(bench.life("u"), 10 * HOUR_MS), "the index lives as long as any session of the user");
    });
}

#[test]
fn an_end_leaves_only_what_points_to_nothing() {
    let bench = Bench::new();
    block_on(async {
        let store = store(bench.settings.clone());
        store.save(&key(1), session("jane", NOW, NOW + 600)).await.expect("saves");
        assert!(matches!(store.lease(&key(1), &[1; 16], Duration::from_secs(9)).await, Ok(Lease::Held(Some(_)))));
        store.end(&key(1)).await.expect("ends");
        for kind in ["s", "t", "u", "l", "k"] {
            assert!(bench.names(kind).is_empty(), "{kind}");
        }
        store.save(&key(2), session("jane", NOW, NOW + 600)).await.expect("saves");
        store.end_user(&user("jane")).await.expect("ends");
        for kind in ["s", "t", "u"] {
            assert!(bench.names(kind).is_empty(), "{kind}");
        }
    });
}

#[test]
fn the_index_forgets_sessions_that_are_gone() {
    let bench = Bench::new();
    block_on(async {
        let store = store(bench.settings.clone());
        for number in 0..300 {
            store.save(&key(number), session("jane", NOW, NOW + 600)).await.expect("saves");
            // The session was idle for too long.
            let _: i64 = bench.server.ask(&["DEL", &bench.names("s")[0]]);
        }
        let known: i64 = bench.server.ask(&["HLEN", &bench.names("u")[0]]);
        assert!(known < 40, "{known}");
    });
}

#[test]
fn what_is_over_leaves_by_itself() {
    let bench = Bench::new();
    block_on(async {
        let store = store(bench.settings.clone());
        store.save(&key(1), session("jane", NOW, NOW + 1)).await.expect("saves");
        assert!(store.load(&key(1)).await.expect("loads").is_some());
        eventually("it is gone", async || store.load(&key(1)).await.expect("loads").is_none()).await;
        eventually("all of it", async || bench.server.ask::<i64>(&["DBSIZE"]) == 0).await;
    });
}

#[test]
fn a_lease_is_one_holders_and_runs_out() {
    let bench = Bench::new();
    block_on(async {
        let store = store(bench.settings.clone());
        store.save(&key(1), session("jane", NOW, NOW + 600)).await.expect("saves");
        let lease = async |holder: u8, ms| store.lease(&key(1), &[holder; 16], Duration::from_millis(ms)).await;
        assert!(matches!(lease(1, 60_000).await, Ok(Lease::Held(Some(_)))));
        assert!(matches!(lease(2, 60_000).await, Ok(Lease::Taken)));
        store.release(&key(1), &[2; 16]).await.expect("is no fault");
        assert!(matches!(lease(2, 60_000).await, Ok(Lease::Taken)), "not his to give back");
        assert!(matches!(lease(1, 60_000).await, Ok(Lease::Held(Some(_)))), "extended");
        store.release(&key(1), &[1; 16]).await.expect("gives back");
        assert!(matches!(lease(2, 1).await, Ok(Lease::Held(Some(_)))));
        eventually("it runs out", async || matches!(lease(1, 60_000).await, Ok(Lease::Held(Some(_))))).await;
        store.end(&key(1)).await.expect("ends");
        assert!(matches!(lease(2, 60_000).await, Ok(Lease::Held(None))));
    });
}
