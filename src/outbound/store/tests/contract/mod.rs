//! The contract of `ports::SessionStore`, as one list of scenarios that every store must pass.

mod provider_sessions;
mod refresh;
mod walking;

use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use secrecy::ExposeSecret;

use crate::domain::oidc::user::User;
use crate::outbound::store::testing::{at, attempt, block_on, key, session, stores, user};
use crate::ports::{Consumption, SessionStore};

pub(in crate::outbound::store) type Store = Arc<dyn SessionStore>;
pub(in crate::outbound::store) type Scenario = (&'static str, fn(Store) -> BoxFuture<'static, ()>);

const SCENARIOS: &[Scenario] = &[
    ("what was saved is loaded whole", |store| Box::pin(saved_is_loaded(store))),
    ("an unknown key is nothing", |store| Box::pin(unknown_is_nothing(store))),
    ("an ended session is gone and stays so", |store| Box::pin(ended_is_gone(store))),
    ("SM-5: ending a user ends all his sessions and nobody else's", |store| Box::pin(user_is_ended(store))),
    ("issuer and subject are told apart", |store| Box::pin(issuer_and_subject(store))),
    ("last uses move forward only", |store| Box::pin(touch_moves_forward(store))),
    ("SM-2: the absolute end deletes, at that second", |store| Box::pin(absolute_end(store))),
    ("SM-1: idleness deletes, touches postpone it", |store| Box::pin(idle_end(store))),
    ("expiry of many takes them all", |store| Box::pin(many_expire(store))),
    ("an attempt is consumed once, until its replay key expires", |store| Box::pin(attempt_once(store))),
    ("of many concurrent attempts to consume one replay key, one is first", |store| Box::pin(one_is_first(store))),
    ("a key saved again holds the later session alone", |store| Box::pin(saved_again(store))),
];

/// All scenarios. Each needs an empty store.
pub(in crate::outbound::store) fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    [SCENARIOS, refresh::SCENARIOS, provider_sessions::SCENARIOS, walking::SCENARIOS].into_iter().flatten()
}

#[test]
fn every_store_keeps_the_contract() {
    for (scenario, run) in scenarios() {
        for (kind, store, _directory) in stores() {
            println!("{kind}: {scenario}");
            block_on(run(store));
        }
    }
}

async fn there(store: &Store, number: u64) -> bool {
    store.load(&key(number)).await.expect("loads").is_some()
}

async fn save(store: &Store, number: u64, subject: &str, created: u64, ends: u64) {
    store.save(&key(number), session(subject, created, ends)).await.expect("saves");
}

async fn saved_is_loaded(store: Store) {
    save(&store, 1, "jane", 100, 200).await;
    let expected = session("jane", 100, 200);
    let expected = expected.record();
    for _ in 0..2 {
        let stored = store.load(&key(1)).await.expect("loads").expect("is there");
        let found = stored.session.record();
        assert_eq!(stored.last_seen, at(100));
        assert_eq!((&found.user, &found.application), (&expected.user, &expected.application));
        assert_eq!((found.created, found.ends), (at(100), at(200)));
        assert_eq!((&found.claims, &found.provider_session), (&expected.claims, &expected.provider_session));
        assert_eq!(found.access_token.as_ref().map(ExposeSecret::expose_secret), Some("access"));
    }
}

async fn unknown_is_nothing(store: Store) {
    assert!(!there(&store, 1).await);
    store.touch(&key(1), at(5)).await.expect("is no fault");
    store.end(&key(1)).await.expect("is no fault");
    assert_eq!(store.end_user(&user("jane")).await.expect("is no fault").len(), 0);
    assert_eq!(store.expire(at(u64::MAX), at(u64::MAX)).await.expect("is no fault"), 0);
    assert!(!there(&store, 1).await);
}

async fn ended_is_gone(store: Store) {
    save(&store, 1, "jane", 100, 200).await;
    save(&store, 2, "jane", 100, 200).await;
    assert!(there(&store, 1).await);
    store.end(&key(1)).await.expect("ends");
    assert!(!there(&store, 1).await);
    // A Check that was in progress while the user signed out.
    store.touch(&key(1), at(150)).await.expect("is no fault");
    assert_eq!(store.expire(at(101), at(1)).await.expect("expires"), 0);
    assert!(!there(&store, 1).await);
    assert!(there(&store, 2).await);
}

async fn user_is_ended(store: Store) {
    for number in 0..30 {
        save(&store, number, if number % 10 == 0 { "jane" } else { "others" }, 100, 200).await;
        assert!(there(&store, number).await);
    }
    assert_eq!(store.end_user(&user("jane")).await.expect("ends").len(), 3);
    for number in 0..30 {
        assert_eq!(there(&store, number).await, number % 10 != 0);
    }
    assert_eq!(store.end_user(&user("jane")).await.expect("ends").len(), 0);
    save(&store, 0, "jane", 100, 200).await;
    assert!(there(&store, 0).await);
}

async fn issuer_and_subject(store: Store) {
    save(&store, 1, "jane", 100, 200).await;
    let elsewhere = User { issuer: "https://other.example.com/".to_owned(), subject: "jane".to_owned() };
    let mut shifted = user("ane");
    shifted.issuer.push('j');
    for stranger in [elsewhere, shifted, user("jane2")] {
        assert_eq!(store.end_user(&stranger).await.expect("ends").len(), 0);
    }
    assert!(there(&store, 1).await);
}

async fn touch_moves_forward(store: Store) {
    save(&store, 1, "jane", 100, 200).await;
    for (touched, expected) in [(130, 130), (120, 130), (131, 131)] {
        store.touch(&key(1), at(touched)).await.expect("touches");
        assert_eq!(store.load(&key(1)).await.expect("loads").expect("is there").last_seen, at(expected));
    }
}

async fn absolute_end(store: Store) {
    save(&store, 1, "jane", 100, 200).await;
    save(&store, 2, "jane", 100, 201).await;
    store.touch(&key(1), at(199)).await.expect("touches");
    assert_eq!(store.expire(at(199), at(0)).await.expect("expires"), 0);
    assert!(there(&store, 1).await);
    assert_eq!(store.expire(at(200), at(0)).await.expect("expires"), 1);
    assert!(!there(&store, 1).await);
    assert!(there(&store, 2).await);
    assert_eq!(store.end_user(&user("jane")).await.expect("ends").len(), 1);
}

async fn idle_end(store: Store) {
    save(&store, 1, "jane", 100, 9000).await;
    save(&store, 2, "jane", 100, 9000).await;
    save(&store, 3, "jane", 101, 9000).await;
    store.touch(&key(2), at(150)).await.expect("touches");
    assert_eq!(store.expire(at(160), at(101)).await.expect("expires"), 1);
    assert_eq!((there(&store, 1).await, there(&store, 2).await, there(&store, 3).await), (false, true, true));
    assert_eq!(store.expire(at(160), at(151)).await.expect("expires"), 2);
    assert!(!there(&store, 2).await);
}

async fn many_expire(store: Store) {
    let saves = (0..5000).map(|number| {
        let store = Arc::clone(&store);
        async move { save(&store, number, "jane", 100 + number % 2, 200 + number % 3).await }
    });
    join_all(saves).await;
    // Every third expires by its end; of the others every second by idleness.
    assert_eq!(store.expire(at(200), at(101)).await.expect("expires"), 1667 + 1666);
    assert_eq!(store.end_user(&user("jane")).await.expect("ends").len(), 1667);
}

async fn attempt_once(store: Store) {
    let consume_once = async |number, until| store.consume_once(&attempt(number), at(until)).await.expect("spends");
    let is_consumed = async |number| store.is_consumed(&attempt(number)).await.expect("says");
    assert!(!is_consumed(1).await && !is_consumed(1).await, "asking marks nothing");
    assert_eq!(consume_once(1, 700).await, Consumption::First);
    assert_eq!(consume_once(1, 700).await, Consumption::Repeated);
    assert!(is_consumed(1).await && !is_consumed(2).await);
    assert_eq!(consume_once(2, 800).await, Consumption::First);
    store.expire(at(699), at(0)).await.expect("expires");
    assert_eq!(consume_once(1, 700).await, Consumption::Repeated);
    store.expire(at(700), at(0)).await.expect("expires");
    assert!(!is_consumed(1).await && is_consumed(2).await);
    assert_eq!(consume_once(1, 900).await, Consumption::First);
    assert_eq!(consume_once(2, 800).await, Consumption::Repeated);
}

async fn one_is_first(store: Store) {
    let attempts = (0..40).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.consume_once(&attempt(1), at(700)).await.expect("spends") })
    });
    let consumed: Vec<Consumption> =
        join_all(attempts).await.into_iter().map(|consumed| consumed.expect("ran")).collect();
    assert_eq!(consumed.iter().filter(|consumed| **consumed == Consumption::First).count(), 1);
}

async fn saved_again(store: Store) {
    save(&store, 1, "jane", 100, 200).await;
    assert!(there(&store, 1).await);
    save(&store, 1, "mary", 110, 300).await;
    let stored = store.load(&key(1)).await.expect("loads").expect("is there");
    assert_eq!((stored.session.record().user.subject.as_str(), stored.last_seen), ("mary", at(110)));
    assert_eq!(store.end_user(&user("jane")).await.expect("ends").len(), 0);
    assert_eq!(store.expire(at(200), at(105)).await.expect("expires"), 0);
    assert_eq!(store.end_user(&user("mary")).await.expect("ends").len(), 1);
}
