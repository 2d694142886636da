//! Servers that are absent, hang, come back, or refuse access.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use crate::outbound::store::redis::pending::End;
use crate::outbound::store::redis::testing::{Make, Server, eventually, free_port, settings, store};
use crate::outbound::store::redis::{Access, Address, Credentials, RedisSettings, RedisStore, Topology};
use crate::outbound::store::testing::{LIFETIMES, at, block_on, key, keys, session, user};
use crate::ports::SessionStore;
use crate::testing::{ManualClock, SystemEntropy};

fn impatient(topology: Topology) -> RedisSettings {
    let (connect_timeout, command_timeout) = (Duration::from_millis(300), Duration::from_millis(100));
    RedisSettings { connect_timeout, command_timeout, ..settings(topology) }
}

async fn is_down(store: &impl SessionStore) -> bool {
    store.load(&key(9)).await.is_err()
}

async fn is_there(store: &impl SessionStore, number: u64) -> bool {
    matches!(store.load(&key(number)).await, Ok(Some(_)))
}

#[test]
fn a_store_begins_without_its_server_and_finds_it_later() {
    let port = free_port();
    let address = Address { host: "127.0.0.1".to_owned(), port };
    block_on(async {
        let store = store(impatient(Topology::Single(address)));
        assert!(is_down(&store).await);
        eventually("it says why", async || {
            store.load(&key(9)).await.is_err_and(|fault| fault.to_string().contains("refused"))
        })
        .await;
        let _server = Server::start_at(Make::Redis, port, &[]);
        eventually("it is found", async || store.save(&key(1), session("jane", 100, 200)).await.is_ok()).await;
        assert!(is_there(&store, 1).await);
    });
}

#[test]
fn a_revocation_that_is_sent_again_ends_no_later_session_of_its_key() {
    let server = Server::start(Make::Redis);
    block_on(async {
        let store = store(settings(Topology::Single(server.address())));
        store.save(&key(1), session("jane", 0, 9000)).await.expect("saves");
        store.end(&key(1)).await.expect("ends");

        let replay = store.client.ends.replay().await;
        let (key_1, key_2) = (key(1), key(2));
        let mut later = store.save(&key_1, session("mary", 0, 9000));
        tokio::select! {
            biased;
            _ = &mut later => panic!("the revocation that is on its way would end this session"),
            saved = store.save(&key_2, session("john", 0, 9000)) => saved.expect("a key that was not ended does not wait"),
        }
        drop(replay);
        later.await.expect("saves");
        assert!(is_there(&store, 1).await && store.client.ends.recent().is_empty());
    });
}

#[test]
fn during_an_outage_ends_hold_here_and_afterwards_everywhere() {
    let server = Server::start(Make::Redis);
    block_on(async {
        let settings = impatient(Topology::Single(server.address()));
        let (store, elsewhere) = (store(settings.clone()), store(settings));
        for (number, subject) in [(1, "jane"), (2, "mary"), (3, "mary"), (4, "john")] {
            eventually("saved", async || store.save(&key(number), session(subject, 0, 9000)).await.is_ok()).await;
        }
        server.signal("STOP");
        eventually("the outage is noticed", async || is_down(&store).await).await;
        assert!(store.end(&key(1)).await.is_err(), "the end is not acknowledged");
        assert!(store.end_user(&user("mary")).await.is_err());
        assert!(store.load(&key(1)).await.expect("it is known here").is_none());
        server.signal("CONT");
        eventually("the server is back", async || is_there(&store, 4).await).await;
        assert!(!is_there(&store, 1).await && !is_there(&store, 2).await && !is_there(&store, 3).await);
        for number in [1, 2, 3] {
            eventually("it ends elsewhere, too", async || matches!(elsewhere.load(&key(number)).await, Ok(None))).await;
        }
        assert!(is_there(&elsewhere, 4).await);
        eventually("mary signs in again", async || {
            store.save(&key(5), session("mary", 1, 9000)).await.is_ok() && is_there(&store, 5).await
        })
        .await;
    });
}

#[test]
fn a_revocation_that_the_server_refuses_keeps_no_other_from_being_delivered() {
    /// More than are sent at the same time.
    const USERS: u64 = 150;
    let server = Server::start(Make::Redis);
    block_on(async {
        let settings = impatient(Topology::Single(server.address()));
        let (store, elsewhere) = (store(settings.clone()), store(settings));
        for number in 0..=USERS {
            let subject = format!("user-{number}");
            eventually("saved", async || store.save(&key(number), session(&subject, 0, 9000)).await.is_ok()).await;
        }
        // The owner of a session is no text any more, so the server refuses to read it.
        let pointer = store.client.keys.pointer(&key(0));
        let _: () = server.ask(&["DEL", &pointer]);
        let _: () = server.ask(&["RPUSH", &pointer, "no text"]);
        server.signal("STOP");
        eventually("the outage is noticed", async || is_down(&store).await).await;
        assert!(store.end(&key(0)).await.is_err());
        for number in 1..=USERS {
            assert!(store.end_user(&user(&format!("user-{number}"))).await.is_err());
        }
        server.signal("CONT");
        for number in 1..=USERS {
            eventually("it ends elsewhere", async || matches!(elsewhere.load(&key(number)).await, Ok(None))).await;
        }
        assert_eq!(store.client.ends.waiting(), [End::Session(key(0))]);
        assert!(store.load(&key(0)).await.expect("it is known here").is_none());
    });
}

#[test]
fn a_server_that_hangs_does_not_hold_anybody_up() {
    let server = Server::start(Make::Redis);
    block_on(async {
        let store = store(impatient(Topology::Single(server.address())));
        eventually("connected", async || !is_down(&store).await).await;
        server.signal("STOP");
        // Once the connection is given up and a new one fails, answers come at once.
        eventually("answers come at once", async || {
            let begun = Instant::now();
            let down = is_down(&store).await;
            down && begun.elapsed() < Duration::from_millis(20)
        })
        .await;
        server.signal("CONT");
        eventually("it is back", async || !is_down(&store).await).await;
    });
}

#[test]
fn a_broken_connection_is_made_anew() {
    let server = Server::start(Make::Redis);
    block_on(async {
        let store = store(impatient(Topology::Single(server.address())));
        eventually("saved", async || store.save(&key(1), session("jane", 0, 9000)).await.is_ok()).await;
        for _ in 0..3 {
            let _: i64 = server.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            eventually("it is back", async || is_there(&store, 1).await).await;
        }
        let _: () = server.ask(&["SCRIPT", "FLUSH"]);
        eventually("scripts are brought again", async || store.touch(&key(1), at(7)).await.is_ok()).await;
        let stored = store.load(&key(1)).await.expect("loads").expect("is there");
        assert_eq!(stored.last_seen, at(7));
    });
}

#[test]
fn who_may_not_get_in_is_told_without_the_password() {
    let server = Server::start_with(Make::Redis, &["--requirepass", "right"]);
    block_on(async {
        for (password, expected) in [(Some("hush-wrong"), "user name and password"), (None, "")] {
            let password = password.map(SecretString::from);
            let credentials = Credentials { username: None, password };
            let store = store(RedisSettings { credentials, ..impatient(Topology::Single(server.address())) });
            eventually("it says why", async || {
                let fault = store.load(&key(1)).await.expect_err("nobody gets in").to_string();
                assert!(!fault.contains("hush"), "{fault}");
                fault.contains("refused") && fault.contains(expected)
            })
            .await;
        }
    });
}

#[test]
fn another_password_is_taken_while_the_store_is_in_use() {
    let users =
        ["--user", "one", "on", ">first", "~*", "&*", "+@all", "--user", "two", "on", ">second", "~*", "&*", "+@all"];
    let server = Server::start_with(Make::Redis, &users);
    let access = |username: &str, password: &str| Credentials {
        username: Some(username.to_owned()),
        password: Some(password.into()),
    };
    block_on(async {
        let settings =
            RedisSettings { credentials: access("one", "first"), ..impatient(Topology::Single(server.address())) };
        let (store, sender) =
            RedisStore::open(settings.clone(), keys(1), LIFETIMES, Arc::new(SystemEntropy), ManualClock::at(0));
        eventually("saved", async || store.save(&key(1), session("jane", 0, 9000)).await.is_ok()).await;

        // The server refuses it, so the present connection stays.
        let wrong = RedisSettings { credentials: access("two", "wrong"), ..settings.clone() };
        sender.send_replace(Access::of(&wrong));
        eventually("it is tried", async || {
            let refused: Vec<redis::Value> = server.ask(&["ACL", "LOG"]);
            !refused.is_empty()
        })
        .await;
        assert!(is_there(&store, 1).await);

        let right = RedisSettings { credentials: access("two", "second"), ..settings };
        sender.send_replace(Access::of(&right));
        eventually("it is used", async || server.ask::<String>(&["CLIENT", "LIST"]).contains("user=two")).await;
        let _: u32 = server.ask(&["ACL", "DELUSER", "one"]);
        eventually("the store goes on", async || is_there(&store, 1).await).await;
    });
}

#[test]
fn a_user_of_the_access_control_list_needs_few_rights() {
    // docs/sessions.md lists these rights.
    let rights = "~gatepost* resetchannels +@read +@write +@connection +@scripting -@dangerous +role";
    let mut settings_of_server = vec!["--user", "gatepost", "on", ">hush"];
    settings_of_server.extend(rights.split(' '));
    settings_of_server.extend(["--user", "default", "off"]);
    let server = Server::start_with(Make::Redis, &settings_of_server);
    block_on(async {
        let credentials = Credentials { username: Some("gatepost".to_owned()), password: Some("hush".into()) };
        let store = store(RedisSettings { credentials, ..impatient(Topology::Single(server.address())) });
        eventually("saved", async || store.save(&key(1), session("jane", 0, 9000)).await.is_ok()).await;
        store.touch(&key(1), at(5)).await.expect("touches");
        let page = store.page(&crate::ports::Cursor::default(), 10).await.expect("a page");
        assert_eq!(page.sessions.len(), 1);
        assert_eq!(store.of_user(&user("jane")).await.expect("lists").len(), 1);
        assert_eq!(store.end_user(&user("jane")).await.expect("ends").len(), 1);
    });
}

#[test]
fn a_replica_is_not_taken_for_a_master() {
    let master = Server::start(Make::Redis);
    let port = master.port.to_string();
    let replica = Server::start_with(Make::Redis, &["--replicaof", "127.0.0.1", &port]);
    block_on(async {
        let store = store(impatient(Topology::Single(replica.address())));
        eventually("it says why", async || {
            store.load(&key(1)).await.is_err_and(|fault| fault.to_string().contains("no master"))
        })
        .await;
    });
}
