//! Refreshing a session: compare-and-swap on its generation, concurrent with every kind of end; and leases.

use std::time::Duration;

use secrecy::SecretString;

use super::*;
use crate::domain::session::SessionRecord;
use crate::outbound::store::testing::{provider_session, refreshed};
use crate::ports::{Lease, LeaseHolder, StoredSession};

const HOLDER: LeaseHolder = [7; 16];
const SPAN: Duration = Duration::from_secs(2);

pub(super) const SCENARIOS: &[Scenario] = &[
    ("a refreshed session is loaded whole, its last use and indexes kept", |store| {
        Box::pin(refreshed_is_loaded(store))
    }),
    ("only the next generation replaces one", |store| Box::pin(only_the_next(store))),
    ("refreshing revives no session, however it ended", |store| Box::pin(revives_nothing(store))),
    ("a refreshed session ends when it now ends", |store| Box::pin(new_end(store))),
    ("of many that refresh one generation, one is first", |store| Box::pin(one_refreshes(store))),
    ("SM-4: an end beats the refreshes on their way", |store| Box::pin(end_beats_refreshes(store))),
    ("a key saved again begins at its own generation", |store| Box::pin(saved_over_refreshed(store))),
    ("who holds the lease sees the session as it is", |store| Box::pin(lease_shows(store))),
];

async fn load(store: &Store, number: u64) -> StoredSession {
    store.load(&key(number)).await.expect("loads").expect("is there")
}

async fn refresh(store: &Store, number: u64, generation: u32) -> bool {
    store.replace(&key(number), refreshed("jane", 100, 9000, generation)).await.expect("is no fault")
}

/// The session with its tokens, as the lease returns it for a refresh.
async fn whole(store: &Store, number: u64) -> StoredSession {
    let lease = store.lease(&key(number), &HOLDER, SPAN).await.expect("leases");
    store.release(&key(number), &HOLDER).await.expect("gives it back");
    let Lease::Held(Some(stored)) = lease else { panic!("{lease:?}") };
    stored
}

fn tokens_of(record: &SessionRecord) -> (String, String) {
    let text = |token: Option<&SecretString>| token.expect("is whole").expose_secret().to_owned();
    (text(record.id_token.as_ref()), text(record.refresh_token()))
}

async fn generation(store: &Store, number: u64) -> Option<u32> {
    let stored = store.load(&key(number)).await.expect("loads");
    stored.map(|stored| stored.session.record().generation)
}

async fn refreshed_is_loaded(store: Store) {
    save(&store, 1, "jane", 100, 9000).await;
    store.touch(&key(1), at(150)).await.expect("touches");
    for generation in 1..=3 {
        assert!(refresh(&store, 1, generation).await);
        for stored in [load(&store, 1).await, whole(&store, 1).await] {
            let record = stored.session.record();
            assert_eq!((record.generation, record.created, stored.last_seen), (generation, at(100), at(150)));
            let refresh = record.refresh.as_ref().expect("can be refreshed");
            assert_eq!((refresh.due, refresh.stale), (at(100), at(9000)));
        }
        let tokens = (format!("header.jane.signature {generation}"), format!("refresh {generation}"));
        assert_eq!(tokens_of(whole(&store, 1).await.session.record()), tokens);
    }
    store.touch(&key(1), at(140)).await.expect("touches");
    assert_eq!(load(&store, 1).await.last_seen, at(150));
    assert_eq!(store.of_user(&user("jane")).await.expect("lists").len(), 1);
    assert_eq!(store.end_user(&user("jane")).await.expect("ends").len(), 1);
}

async fn only_the_next(store: Store) {
    save(&store, 1, "jane", 100, 9000).await;
    for wrong in [0, 2, u32::MAX] {
        assert!(!refresh(&store, 1, wrong).await);
    }
    assert_eq!(generation(&store, 1).await, Some(0));
    assert!(refresh(&store, 1, 1).await);
    for wrong in [0, 1, 3] {
        assert!(!refresh(&store, 1, wrong).await);
    }
    assert_eq!(generation(&store, 1).await, Some(1));
    assert!(refresh(&store, 1, 2).await);
    assert_eq!(generation(&store, 1).await, Some(2));
}

async fn revives_nothing(store: Store) {
    assert!(!refresh(&store, 9, 1).await);
    for number in 0..3 {
        save(&store, number, "jane", 100, 9000).await;
        assert!(refresh(&store, number, 1).await);
        match number {
            0 => {
                let ended = store.end(&key(number)).await.expect("ends").expect("was there");
                let newest = ("header.jane.signature 1".to_owned(), "refresh 1".to_owned());
                assert_eq!(tokens_of(ended.record()), newest, "the newest refresh token is the one to revoke");
            }
            1 => assert_eq!(store.end_user(&user("jane")).await.expect("ends").len(), 1),
            _ => {
                store.end_provider_session(&provider_session("sid-1"), None).await.expect("ends");
            }
        }
        for next in 0..3 {
            assert!(!refresh(&store, number, next).await);
        }
        assert!(!there(&store, number).await);
    }
    assert!(!there(&store, 9).await);
}

async fn new_end(store: Store) {
    for (number, ends) in [(1, 300), (2, 200)] {
        save(&store, number, "jane", 100, 250).await;
        let session = refreshed("jane", 100, ends, 1);
        assert!(store.replace(&key(number), session).await.expect("refreshes"));
    }
    assert_eq!(store.expire(at(250), at(0)).await.expect("expires"), 1);
    assert!(there(&store, 1).await && !there(&store, 2).await);
    assert_eq!(store.expire(at(300), at(0)).await.expect("expires"), 1);
    assert!(!there(&store, 1).await);
}

async fn one_refreshes(store: Store) {
    save(&store, 1, "jane", 100, 9000).await;
    let refreshes = (0..20).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { refresh(&store, 1, 1).await })
    });
    let outcomes: Vec<bool> = join_all(refreshes).await.into_iter().map(|outcome| outcome.expect("ran")).collect();
    assert_eq!(outcomes.iter().filter(|is_first| **is_first).count(), 1);
    assert_eq!(generation(&store, 1).await, Some(1));
}

async fn end_beats_refreshes(store: Store) {
    for round in 0..20 {
        save(&store, round, "jane", 100, 9000).await;
        let refreshing = Arc::clone(&store);
        let refreshes = tokio::spawn(async move {
            let mut next = 1;
            while refresh(&refreshing, round, next).await {
                next += 1;
            }
            next - 1
        });
        task_turns(round).await;
        let ended = match round % 3 {
            0 => store.end(&key(round)).await.expect("ends"),
            1 => store.end_user(&user("jane")).await.expect("ends").pop().map(|ended| ended.session),
            _ => {
                store.end_provider_session(&provider_session("sid-1"), Some(&user("jane"))).await.expect("ends");
                None
            }
        };
        assert!(!there(&store, round).await, "it had ended already");
        let newest = refreshes.await.expect("ran");
        assert!(!there(&store, round).await, "and no refresh brought it back");
        if let Some(ended) = ended {
            assert_eq!(ended.record().generation, newest, "what ended is the newest there was");
        }
    }
}

/// Yields to other tasks for a number of turns that differs from round to round.
async fn task_turns(round: u64) {
    for _ in 0..round * 3 {
        tokio::task::yield_now().await;
    }
}

async fn saved_over_refreshed(store: Store) {
    save(&store, 1, "jane", 100, 9000).await;
    assert!(refresh(&store, 1, 1).await);
    save(&store, 1, "jane", 100, 9000).await;
    assert!(!refresh(&store, 1, 2).await);
    assert!(refresh(&store, 1, 1).await);
}

async fn lease_shows(store: Store) {
    let lease = async |holder| store.lease(&key(1), &holder, SPAN).await.expect("is no fault");
    assert!(matches!(lease(HOLDER).await, Lease::Held(None)), "of nothing");
    store.release(&key(1), &HOLDER).await.expect("is no fault");
    save(&store, 1, "jane", 100, 9000).await;
    for generation in 0..3 {
        let Lease::Held(Some(stored)) = lease(HOLDER).await else { panic!("held, and again by its holder") };
        assert_eq!((stored.session.record().generation, stored.last_seen), (generation, at(100)));
        assert!(refresh(&store, 1, generation + 1).await);
    }
    for _ in 0..2 {
        store.release(&key(1), &HOLDER).await.expect("is no fault");
    }
    assert!(matches!(lease([8; 16]).await, Lease::Held(Some(_))), "another's turn");
    store.release(&key(1), &HOLDER).await.expect("not theirs to give back, and no fault");
    store.end(&key(1)).await.expect("ends");
    assert!(matches!(lease([8; 16]).await, Lease::Held(None)));
}
