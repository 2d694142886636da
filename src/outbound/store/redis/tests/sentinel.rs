//! A master, its replica and a sentinel: the state after a fail-over.

use std::collections::HashMap;
use std::time::Duration;

use tempfile::TempDir;

use crate::domain::session::SessionKey;
use crate::outbound::store::redis::testing::{Make, Server, eventually, free_port, settings, store};
use crate::outbound::store::redis::{Address, RedisSettings, Topology};
use crate::outbound::store::testing::{block_on, key, session, user};
use crate::ports::SessionStore;

/// A group that fails over quickly.
struct Group {
    master: Server,
    replica: Server,
    sentinel: Server,
    _folder: TempDir,
}

impl Group {
    fn start() -> Self {
        let master = Server::start_with(Make::Redis, &["--repl-diskless-sync-delay", "0"]);
        let port = master.port.to_string();
        let replica = Server::start_with(Make::Redis, &["--replicaof", "127.0.0.1", &port]);
        // A sentinel queries a master for its replicas only rarely, so they must be connected before.
        master.wait_until("the replica follows", || {
            master.ask::<String>(&["INFO", "replication"]).contains("state=online")
        });
        let folder = TempDir::new().expect("a folder");
        let (path, own) = (folder.path().join("sentinel.conf"), free_port());
        let text = format!(
            "port {own}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {port} 1\n\
             sentinel down-after-milliseconds main 300\nsentinel failover-timeout main 3000\n"
        );
        std::fs::write(&path, text).expect("written");
        let sentinel = Server::run(Make::Redis, own, &[path.to_str().expect("a path"), "--sentinel"]);
        // A sentinel promotes no replica from which it has not had an answer.
        sentinel.wait_until("it knows the replica", || {
            let replicas: Vec<HashMap<String, String>> = sentinel.ask(&["SENTINEL", "REPLICAS", "main"]);
            let is = |name: &str, value: &str| {
                replicas.iter().any(|replica| replica.get(name).is_some_and(|it| it == value))
            };
            is("master-link-status", "ok") && is("flags", "slave")
        });
        Self { master, replica, sentinel, _folder: folder }
    }

    /// Settings of a store whose first sentinel does not exist.
    fn settings(&self) -> RedisSettings {
        let nobody = Address { host: "127.0.0.1".to_owned(), port: free_port() };
        let sentinels = vec![nobody, self.sentinel.address()];
        let (connect_timeout, command_timeout) = (Duration::from_millis(500), Duration::from_millis(500));
        let topology = Topology::Sentinel { sentinels, master: "main".to_owned() };
        RedisSettings { connect_timeout, command_timeout, ..settings(topology) }
    }

    /// `None` while the replica closes connections, because it becomes the master.
    fn replica_has(&self, pattern: &str) -> Option<bool> {
        Some(!self.replica.try_ask::<Vec<String>>(&["KEYS", pattern]).ok()?.is_empty())
    }

    fn replica_is_master(&self) -> bool {
        self.replica.try_ask::<String>(&["INFO", "replication"]).is_ok_and(|info| info.contains("role:master"))
    }
}

fn record_of(settings: &RedisSettings, key: &SessionKey) -> String {
    format!("{}s:*:{}", settings.key_prefix, crate::outbound::store::redis::keys::hex(key.as_bytes()))
}

#[test]
fn f_20_a_fail_over_is_followed_and_revives_no_session() {
    let mut group = Group::start();
    block_on(async {
        let settings = group.settings();
        let store = store(settings.clone());
        for (number, subject) in [(1, "jane"), (2, "john"), (3, "mary"), (4, "mary")] {
            eventually("saved", async || store.save(&key(number), session(subject, 0, 9000)).await.is_ok()).await;
        }
        let (jane, mary) = (record_of(&settings, &key(1)), record_of(&settings, &key(4)));
        let both = |group: &Group, has| group.replica_has(&jane) == has && group.replica_has(&mary) == has;
        eventually("the replica has them", async || both(&group, Some(true))).await;

        // From now on the replica receives nothing, and what only the master knows is lost with it.
        let _: () = group.master.ask(&["ACL", "SETUSER", "default", "-psync", "-sync"]);
        let _: i64 = group.master.ask(&["CLIENT", "KILL", "TYPE", "replica"]);
        assert!(store.end(&key(1)).await.expect("ends").is_some());
        assert_eq!(store.end_user(&user("mary")).await.expect("ends").len(), 2);
        assert!(both(&group, Some(true)), "the replica has not heard of it");
        group.master.kill();

        eventually("the fail-over is followed", async || {
            for number in [1, 3, 4] {
                let loaded = store.load(&key(number)).await;
                assert!(!matches!(loaded, Ok(Some(_))), "{number} came back");
            }
            matches!(store.load(&key(2)).await, Ok(Some(_)))
        })
        .await;
        eventually("the new master is told", async || both(&group, Some(false))).await;
        store.save(&key(5), session("jane", 1, 9000)).await.expect("the new master takes writes");
    });
}

#[test]
fn a_move_to_another_server_is_noticed_while_the_old_one_still_answers() {
    let group = Group::start();
    block_on(async {
        let settings = group.settings();
        let store = store(settings.clone());
        eventually("saved", async || store.save(&key(1), session("jane", 0, 9000)).await.is_ok()).await;
        eventually("the replica has it", async || group.replica_has(&record_of(&settings, &key(1))) == Some(true))
            .await;
        let _: () = group.sentinel.ask(&["SENTINEL", "FAILOVER", "main"]);
        let new = record_of(&settings, &key(2));
        eventually("the new master is written to", async || {
            let _ = store.save(&key(2), session("jane", 0, 9000)).await;
            group.replica_is_master() && group.replica_has(&new) == Some(true)
        })
        .await;
        assert!(store.load(&key(1)).await.expect("loads").is_some());
    });
}

#[test]
fn an_unknown_master_is_named() {
    let group = Group::start();
    block_on(async {
        let topology = Topology::Sentinel { sentinels: vec![group.sentinel.address()], master: "other".to_owned() };
        let store = store(RedisSettings { topology, ..group.settings() });
        eventually("it says why", async || {
            store.load(&key(1)).await.is_err_and(|fault| fault.to_string().contains("no master `other`"))
        })
        .await;
    });
}
