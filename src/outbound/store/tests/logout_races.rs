//! BL-13: once an end has returned, nothing in progress revives the session: no refresh, no use, no save of another session
//! of the same user.

use std::sync::Arc;

use tokio::task::{JoinSet, yield_now};

use crate::domain::oidc::user::ProviderSession;
use crate::domain::session::Session;
use crate::outbound::store::testing::{ISSUER, at, block_on, key, session, stores, user};
use crate::ports::{EndedSession, ProviderSessionEnd, SessionStore};

const ROUNDS: u64 = 10_000;
/// For stores that seal and write, which takes minutes in an unoptimised build.
const FEWER_ROUNDS: u64 = 1_000;
/// The number of concurrent rounds, so that a store with durable writes writes many changes together.
const TOGETHER: usize = 200;
/// The first key of the other sessions, which are saved meanwhile.
const OTHERS: u64 = 1_000_000;

type Store = Arc<dyn SessionStore>;

fn subject(round: u64) -> String {
    format!("user-{round}")
}

fn provider_session(round: u64) -> ProviderSession {
    ProviderSession { issuer: ISSUER.to_owned(), id: format!("sid-{round}") }
}

fn generation(round: u64, generation: u32) -> Session {
    let mut record = session(&subject(round), 100, 1000).record().clone();
    record.provider_session = Some(provider_session(round).id);
    record.generation = generation;
    Session::restore(record)
}

async fn is_there(store: &Store, round: u64) -> bool {
    store.load(&key(round)).await.expect("loads").is_some()
}

/// Refreshes as the service does: the loaded session is refreshed as long as it exists.
async fn keep_refreshing(store: Store, round: u64) {
    for _ in 0..4 {
        let Some(stored) = store.load(&key(round)).await.expect("loads") else { return };
        let next = generation(round, stored.session.record().generation + 1);
        store.replace(&key(round), next).await.expect("refreshes");
    }
}

/// Records uses as Checks do.
async fn keep_using(store: Store, round: u64) {
    for second in 101..105 {
        store.touch(&key(round), at(second)).await.expect("touches");
        yield_now().await;
    }
}

/// Ends the session in one of three ways; each returns the session that it ended.
async fn end(store: &Store, round: u64) {
    let ended = match round % 3 {
        0 => store
            .end(&key(round))
            .await
            .expect("ends")
            .into_iter()
            .map(|session| EndedSession { key: key(round), session })
            .collect(),
        1 => store.end_user(&user(&subject(round))).await.expect("ends"),
        _ => {
            let of = user(&subject(round));
            match store.end_provider_session(&provider_session(round), Some(&of)).await.expect("ends") {
                ProviderSessionEnd::Ended(ended) => ended,
                ProviderSessionEnd::OtherUser => panic!("round {round}: it is this user's"),
            }
        }
    };
    let own = provider_session(round);
    assert!(
        ended.iter().any(|ended| ended.key == key(round) && ended.session.provider_session().as_ref() == Some(&own)),
        "round {round}"
    );
}

async fn run(name: &'static str, store: Store, round: u64) {
    store.save(&key(round), generation(round, 0)).await.expect("saves");
    let refreshing = tokio::spawn(keep_refreshing(store.clone(), round));
    let using = tokio::spawn(keep_using(store.clone(), round));
    let other = store.clone();
    let saving = tokio::spawn(async move {
        other.save(&key(OTHERS + round), session(&subject(round), 100, 1000)).await.expect("saves");
    });
    for _ in 0..round % 7 {
        yield_now().await;
    }
    end(&store, round).await;
    assert!(!is_there(&store, round).await, "{name}, round {round}: right after the end");
    for task in [refreshing, using, saving] {
        task.await.expect("ends");
    }
    assert!(!is_there(&store, round).await, "{name}, round {round}: when all have finished");
    assert!(!store.replace(&key(round), generation(round, 1)).await.expect("refreshes"), "{name}, round {round}");
}

#[test]
fn bl_13_no_refresh_use_or_save_revives_what_ended() {
    for (name, store, _directory) in stores() {
        let all = if name == "memory" { ROUNDS } else { FEWER_ROUNDS };
        block_on(async {
            let mut rounds = JoinSet::new();
            for round in 0..all {
                rounds.spawn(run(name, store.clone(), round));
                if rounds.len() >= TOGETHER {
                    rounds.join_next().await.expect("runs").expect("holds");
                }
            }
            while let Some(round) = rounds.join_next().await {
                round.expect("holds");
            }
            for round in 0..all {
                assert!(!is_there(&store, round).await, "{name}, round {round}: after all");
            }
        });
    }
}
