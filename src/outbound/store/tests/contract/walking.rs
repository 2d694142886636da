//! Scanning all sessions page by page, and listing those of one user.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::session::SessionKey;
use crate::outbound::store::testing::refreshed;
use crate::ports::{Cursor, ListedSession};

pub(super) const SCENARIOS: &[Scenario] = &[
    ("the number of sessions is right, where it is told", |store| Box::pin(counted(store))),
    ("a walk meets every session once, whatever the size of a page", |store| Box::pin(every_session(store))),
    ("a walk through nothing ends at once", |store| Box::pin(nothing(store))),
    ("a walk goes on while sessions come and go", |store| Box::pin(while_they_change(store))),
    ("a listed session is the one that would be loaded", |store| Box::pin(as_loaded(store))),
    ("SM-5: a user's list holds all his sessions and nobody else's", |store| Box::pin(of_user(store))),
];

/// Scans all sessions in pages of about `limit`; returns how often each occurred.
async fn scan(store: &Store, limit: usize) -> BTreeMap<SessionKey, usize> {
    let (mut met, mut cursor) = (BTreeMap::new(), Cursor::default());
    for _ in 0..10_000 {
        let page = store.page(&cursor, limit).await.expect("a page");
        for listed in page.sessions {
            *met.entry(listed.key).or_default() += 1;
        }
        match page.next {
            Some(next) => cursor = next,
            None => return met,
        }
    }
    panic!("the walk has no end");
}

async fn every_session(store: Store) {
    for number in 0..40 {
        save(&store, number, if number % 4 == 0 { "jane" } else { "mary" }, 100, 200 + number % 3).await;
    }
    let expected: BTreeMap<_, _> = (0..40).map(|number| (key(number), 1)).collect();
    for limit in [1, 3, 20, 39, 40, 41, 1000] {
        assert_eq!(scan(&store, limit).await, expected, "pages of {limit}");
    }
}

async fn nothing(store: Store) {
    assert!(scan(&store, 10).await.is_empty());
    save(&store, 1, "jane", 100, 200).await;
    store.end(&key(1)).await.expect("ends");
    assert!(scan(&store, 10).await.is_empty());
    assert!(store.of_user(&user("jane")).await.expect("lists").is_empty());
}

/// Checks the count where a store reports one: replicas that share a store would each have to query it.
async fn counted(store: Store) {
    for (change, expected) in [("nothing", 0), ("three", 3), ("one ends", 2), ("the others expire", 0)] {
        match change {
            "three" => {
                for number in 0..3 {
                    store.save(&key(number), session("jane", 100, 200)).await.expect("saves");
                }
            }
            "one ends" => drop(store.end(&key(1)).await.expect("ends")),
            "the others expire" => drop(store.expire(at(200), at(1)).await.expect("expires")),
            _ => {}
        }
        let count = store.count().await.expect("is no fault");
        assert!(count.is_none_or(|count| count == expected), "{change}: {count:?}");
    }
}

async fn while_they_change(store: Store) {
    // Sessions with even numbers stay throughout; odd ones end as soon as the scan has begun, and others are added.
    for number in 0..40 {
        save(&store, number, "jane", 100, 200).await;
    }
    let first = store.page(&Cursor::default(), 5).await.expect("a page");
    let mut met: BTreeSet<SessionKey> = first.sessions.into_iter().map(|listed| listed.key).collect();
    for number in (1..40).step_by(2) {
        store.end(&key(number)).await.expect("ends");
        save(&store, 100 + number, "jane", 100, 200).await;
    }
    let mut next = first.next;
    while let Some(cursor) = next {
        let page = store.page(&cursor, 5).await.expect("a page");
        for ListedSession { key: met_key, .. } in page.sessions {
            assert!(!(1..40).step_by(2).any(|number| key(number) == met_key), "it ended before this page");
            met.insert(met_key);
        }
        next = page.next;
    }
    for number in (0..40).step_by(2) {
        assert!(met.contains(&key(number)), "session {number} was there all the while");
    }
}

async fn as_loaded(store: Store) {
    save(&store, 1, "jane", 100, 200).await;
    store.touch(&key(1), at(150)).await.expect("touches");
    assert!(store.replace(&key(1), refreshed("jane", 100, 200, 1)).await.expect("refreshes"));
    // A page may be empty where a server holds many other keys; the pages together have the session once.
    let (mut paged, mut next) = (Vec::new(), Some(Cursor::default()));
    while let Some(cursor) = next {
        let page = store.page(&cursor, 10).await.expect("a page");
        paged.extend(page.sessions);
        next = page.next;
    }
    for listed in [paged, store.of_user(&user("jane")).await.expect("lists")] {
        let [ListedSession { key: listed_key, stored }] = listed.as_slice() else { panic!("one session") };
        let record = stored.session.record();
        assert_eq!((*listed_key, stored.last_seen, record.generation), (key(1), at(150), 1));
        assert_eq!((&record.user, record.created, record.ends), (&user("jane"), at(100), at(200)));
    }
}

async fn of_user(store: Store) {
    for number in 0..30 {
        save(&store, number, if number % 10 == 0 { "jane" } else { "others" }, 100, 200).await;
    }
    let mut listed: Vec<_> = store.of_user(&user("jane")).await.expect("lists").iter().map(|one| one.key).collect();
    listed.sort_unstable();
    let mut expected = [key(0), key(10), key(20)];
    expected.sort_unstable();
    assert_eq!(listed, expected);
    store.end(&key(10)).await.expect("ends");
    assert_eq!(store.of_user(&user("jane")).await.expect("lists").len(), 2);
    assert!(store.of_user(&user("nobody")).await.expect("lists").is_empty());
    assert_eq!(store.end_user(&user("jane")).await.expect("ends").len(), 2);
    assert!(store.of_user(&user("jane")).await.expect("lists").is_empty());
}
