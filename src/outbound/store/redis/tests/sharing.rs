//! Several Gateposts at one server: a change by one takes effect at the others, also while sealing keys are rotated.

use std::sync::Arc;

use crate::domain::crypto::sealing::{SealingKey, SealingKeys};
use crate::domain::oidc::user::ProviderSession;
use crate::domain::session::Session;
use crate::outbound::store::redis::testing::{Make, Server, settings};
use crate::outbound::store::redis::{RedisSettings, RedisStore, Topology};
use crate::outbound::store::testing::{ISSUER, LIFETIMES, block_on, key, session, user};
use crate::ports::{ProviderSessionEnd, SessionStore};
use crate::testing::{ManualClock, SystemEntropy};

/// A store whose present sealing key is the first.
fn with_keys(settings: &RedisSettings, numbers: &[u8]) -> RedisStore {
    let mut keys = numbers.iter().map(|number| SealingKey::new([*number; 32]));
    let keys = SealingKeys::new(keys.next().expect("a key"), keys.collect());
    RedisStore::open(settings.clone(), keys, LIFETIMES, Arc::new(SystemEntropy), ManualClock::at(0)).0
}

fn refreshed(generation: u32) -> Session {
    let mut record = session("jane", 0, 9000).record().clone();
    record.generation = generation;
    Session::restore(record)
}

#[test]
fn sealing_keys_change_without_anybody_noticing() {
    let server = Server::start(Make::Redis);
    let settings = settings(Topology::Single(server.address()));
    block_on(async {
        let (old, both, new) = (with_keys(&settings, &[1]), with_keys(&settings, &[2, 1]), with_keys(&settings, &[2]));
        old.save(&key(1), session("jane", 0, 9000)).await.expect("saves");
        old.save(&key(2), session("jane", 0, 9000)).await.expect("saves");
        both.save(&key(3), session("jane", 0, 9000)).await.expect("saves");
        for number in 1..4 {
            assert!(both.load(&key(number)).await.expect("loads").is_some(), "{number}");
        }
        assert!(new.load(&key(1)).await.expect("loads").is_none(), "sealed under a key that is no longer known");
        assert_eq!(both.of_user(&user("jane")).await.expect("lists").len(), 3);
        assert!(both.replace(&key(1), refreshed(1)).await.expect("refreshes"), "and sealed anew");
        assert!(new.load(&key(1)).await.expect("loads").is_some());
        assert!(both.end(&key(2)).await.expect("ends").is_some());
        let sid = ProviderSession { issuer: ISSUER.to_owned(), id: "sid-1".to_owned() };
        let ended = both.end_provider_session(&sid, Some(&user("jane"))).await.expect("ends");
        assert!(matches!(ended, ProviderSessionEnd::Ended(sessions) if sessions.len() == 2));
        assert!(old.load(&key(1)).await.expect("loads").is_none() && new.load(&key(3)).await.expect("loads").is_none());
        old.save(&key(4), session("jane", 0, 9000)).await.expect("saves");
        both.save(&key(5), session("jane", 0, 9000)).await.expect("saves");
        assert_eq!(both.end_user(&user("jane")).await.expect("ends").len(), 2);
    });
}

#[test]
fn f_19_what_one_does_holds_at_the_other() {
    let server = Server::start(Make::Redis);
    let settings = settings(Topology::Single(server.address()));
    block_on(async {
        let (one, other) = (with_keys(&settings, &[1]), with_keys(&settings, &[1]));
        one.save(&key(1), session("jane", 0, 9000)).await.expect("saves");
        assert!(other.load(&key(1)).await.expect("loads").is_some());
        assert!(other.replace(&key(1), refreshed(1)).await.expect("refreshes"));
        assert!(!one.replace(&key(1), refreshed(1)).await.expect("is no fault"), "of two refreshes one counts");
        let found = one.load(&key(1)).await.expect("loads").expect("is there");
        assert_eq!(found.session.record().generation, 1);
        assert!(other.end(&key(1)).await.expect("ends").is_some());
        assert!(one.load(&key(1)).await.expect("loads").is_none());
        assert!(!one.replace(&key(1), refreshed(2)).await.expect("is no fault"), "nothing comes back");
        assert!(one.end(&key(1)).await.expect("is no fault").is_none());
    });
}

#[test]
fn a_session_of_the_provider_ends_at_all_its_applications_and_for_its_user_alone() {
    let server = Server::start(Make::Redis);
    let settings = settings(Topology::Single(server.address()));
    block_on(async {
        let store = with_keys(&settings, &[1]);
        for number in 0..3 {
            store.save(&key(number), session("jane", 0, 9000)).await.expect("saves");
        }
        let sid = ProviderSession { issuer: ISSUER.to_owned(), id: "sid-1".to_owned() };
        let other = store.end_provider_session(&sid, Some(&user("mary"))).await.expect("is no fault");
        assert!(matches!(other, ProviderSessionEnd::OtherUser));
        assert!(store.load(&key(0)).await.expect("loads").is_some());
        let none = ProviderSession { issuer: ISSUER.to_owned(), id: "sid-2".to_owned() };
        let none = store.end_provider_session(&none, None).await.expect("is no fault");
        assert!(matches!(none, ProviderSessionEnd::Ended(sessions) if sessions.is_empty()));
        let ended = store.end_provider_session(&sid, None).await.expect("ends");
        assert!(matches!(ended, ProviderSessionEnd::Ended(sessions) if sessions.len() == 3));
        assert!(store.load(&key(0)).await.expect("loads").is_none());
        let again = store.end_provider_session(&sid, Some(&user("mary"))).await.expect("is no fault");
        assert!(matches!(again, ProviderSessionEnd::Ended(sessions) if sessions.is_empty()), "nothing is left of it");
    });
}

#[test]
fn a_record_moved_to_another_key_opens_for_nobody() {
    let server = Server::start(Make::Redis);
    let settings = settings(Topology::Single(server.address()));
    block_on(async {
        let store = with_keys(&settings, &[1]);
        store.save(&key(1), session("jane", 0, 9000)).await.expect("saves");
        store.save(&key(2), session("jane", 0, 9000)).await.expect("saves");
        let names: Vec<String> = server.ask(&["KEYS", &format!("{}s:*", settings.key_prefix)]);
        let _: i64 = server.ask(&["COPY", &names[0], &names[1], "REPLACE"]);
        let found = [store.load(&key(1)).await, store.load(&key(2)).await];
        assert_eq!(found.iter().filter(|found| found.as_ref().is_ok_and(Option::is_some)).count(), 1);
        let all: Vec<String> = server.ask(&["KEYS", "*"]);
        for name in &all {
            let dump: Vec<u8> = server.ask(&["DUMP", name]);
            for secret in ["jane", "refresh", "access", "sid-1", "header."] {
                assert!(!name.contains(secret) && !dump.windows(secret.len()).any(|part| part == secret.as_bytes()));
            }
        }
    });
}
