//! Ending by a provider session: the sessions that belong to it, no others, and no other user's.

use super::*;
use crate::domain::oidc::user::ProviderSession;
use crate::outbound::store::testing::{provider_session, refreshed, resting_on};
use crate::ports::ProviderSessionEnd;

pub(super) const SCENARIOS: &[Scenario] = &[
    ("SM-5: ending a provider's session ends what rests on it", |store| Box::pin(rests_on_it(store))),
    ("BL-12: another user's session does not end", |store| Box::pin(others_stay(store))),
    ("an unknown session of the provider's is no fault", |store| Box::pin(unknown(store))),
    ("issuer and session are told apart", |store| Box::pin(issuers(store))),
    ("a key saved again rests on the later session alone", |store| Box::pin(saved_again(store))),
    ("a refreshed session still rests on it", |store| Box::pin(refreshed_rests(store))),
    ("what expired rests on nothing", |store| Box::pin(expired(store))),
];

async fn save_on(store: &Store, number: u64, id: Option<&str>, subject: &str) {
    store.save(&key(number), resting_on(id, subject, 100, 200)).await.expect("saves");
}

/// The number of sessions that ended; `None` when they belong to another user.
async fn end(store: &Store, id: &str, of: Option<&str>) -> Option<usize> {
    let user = of.map(user);
    match store.end_provider_session(&provider_session(id), user.as_ref()).await.expect("ends") {
        ProviderSessionEnd::Ended(ended) => {
            assert!(ended.iter().all(|ended| ended.session.record().provider_session.as_deref() == Some(id)));
            Some(ended.len())
        }
        ProviderSessionEnd::OtherUser => None,
    }
}

async fn rests_on_it(store: Store) {
    for (number, id) in [(1, Some("a")), (2, Some("a")), (3, Some("b")), (4, None)] {
        save_on(&store, number, id, "jane").await;
        assert!(there(&store, number).await);
    }
    assert_eq!(end(&store, "a", None).await, Some(2));
    for number in 1..=4 {
        assert_eq!(there(&store, number).await, number > 2, "session {number}");
    }
    assert_eq!(end(&store, "a", None).await, Some(0));
    assert_eq!(end(&store, "b", Some("jane")).await, Some(1));
    assert_eq!(store.end_user(&user("jane")).await.expect("ends").len(), 1);
}

async fn others_stay(store: Store) {
    save_on(&store, 1, Some("a"), "jane").await;
    save_on(&store, 2, Some("a"), "jane").await;
    for stranger in ["mary", "", "jane2"] {
        assert_eq!(end(&store, "a", Some(stranger)).await, None);
        assert!(there(&store, 1).await && there(&store, 2).await);
    }
    assert_eq!(end(&store, "a", Some("jane")).await, Some(2));
    assert!(!there(&store, 1).await && !there(&store, 2).await);
}

async fn unknown(store: Store) {
    save_on(&store, 1, None, "jane").await;
    for of in [None, Some("jane")] {
        assert_eq!(end(&store, "a", of).await, Some(0));
    }
    assert!(there(&store, 1).await);
}

async fn issuers(store: Store) {
    save_on(&store, 1, Some("a"), "jane").await;
    let issuer = provider_session("a").issuer;
    let (shorter, last) = issuer.split_at(issuer.len() - 1);
    for (issuer, id) in [("https://other.example.com/", "a".to_owned()), (shorter, format!("{last}a"))] {
        let stranger = ProviderSession { issuer: issuer.to_owned(), id };
        let ended = store.end_provider_session(&stranger, None).await.expect("is no fault");
        assert!(matches!(ended, ProviderSessionEnd::Ended(ended) if ended.is_empty()));
    }
    // Nor is a user confused with a provider session.
    assert_eq!(end(&store, "jane", None).await, Some(0));
    assert_eq!(store.end_user(&user("a")).await.expect("is no fault").len(), 0);
    assert!(there(&store, 1).await);
}

async fn saved_again(store: Store) {
    save_on(&store, 1, Some("a"), "jane").await;
    save_on(&store, 1, Some("b"), "mary").await;
    assert_eq!(end(&store, "a", None).await, Some(0));
    assert!(there(&store, 1).await);
    assert_eq!(end(&store, "b", Some("mary")).await, Some(1));
    save_on(&store, 1, Some("a"), "jane").await;
    save_on(&store, 1, None, "jane").await;
    assert_eq!(end(&store, "a", None).await, Some(0));
    assert!(there(&store, 1).await);
}

async fn refreshed_rests(store: Store) {
    save_on(&store, 1, Some("sid-1"), "jane").await;
    assert!(store.replace(&key(1), refreshed("jane", 100, 200, 1)).await.expect("refreshes"));
    assert_eq!(end(&store, "sid-1", Some("mary")).await, None);
    assert_eq!(end(&store, "sid-1", Some("jane")).await, Some(1));
    assert!(!there(&store, 1).await);
}

async fn expired(store: Store) {
    save_on(&store, 1, Some("a"), "jane").await;
    save_on(&store, 2, Some("a"), "jane").await;
    store.end(&key(2)).await.expect("ends");
    assert_eq!(store.expire(at(200), at(0)).await.expect("expires"), 1);
    assert_eq!(end(&store, "a", Some("mary")).await, Some(0), "nobody's any more");
}
