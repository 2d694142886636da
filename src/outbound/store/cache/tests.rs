//! The cache returns what was inserted, and nothing that was removed.

use super::*;
use crate::outbound::store::testing::{at, key, refreshed, session};

const USER: ShortUserHash = 1;

fn stored(subject: &str, last_seen: u64) -> StoredSession {
    StoredSession { session: Arc::new(session(subject, 1, 9).without_tokens()), last_seen: at(last_seen) }
}

fn put(cache: &SessionCache, number: u64, stored: &StoredSession, user: ShortUserHash) {
    cache.finish_load(&cache.begin_load(&key(number)), stored, user);
}

fn subject(stored: Option<StoredSession>) -> Option<String> {
    stored.map(|stored| stored.session.record().user.subject.clone())
}

#[test]
fn a_session_in_use_is_one_and_the_same() {
    let cache = SessionCache::new(1 << 20);
    put(&cache, 1, &stored("jane", 1), USER);
    let [first, again] = [(), ()].map(|()| cache.get(&key(1)).unwrap().session);
    assert!(Arc::ptr_eq(&first, &again), "who comes again is in use");
    cache.touch(&key(1), at(5));
    cache.touch(&key(1), at(4));
    assert_eq!(cache.get(&key(1)).unwrap().last_seen, at(5));
    assert_eq!(subject(cache.get(&key(2))), None);
}

#[test]
fn far_more_sessions_rest_than_are_in_use() {
    let cache = SessionCache::new(1 << 20);
    for number in 0..1000 {
        put(&cache, number, &stored(&format!("user {number}"), 1), USER);
    }
    assert!(cache.in_use.len() < 100, "{}", cache.in_use.len());
    for number in 0..1000 {
        assert_eq!(subject(cache.get(&key(number))), Some(format!("user {number}")));
    }
    let again = cache.get(&key(999)).unwrap();
    assert!(Arc::ptr_eq(&again.session, &cache.get(&key(999)).unwrap().session));
    assert!(again.session.record().id_token.is_none());
}

#[test]
fn what_was_taken_out_or_replaced_is_not_found() {
    let cache = SessionCache::new(1 << 20);
    for (number, user) in [(1, USER), (2, USER), (3, 2)] {
        put(&cache, number, &stored("jane", 1), user);
    }
    cache.remove(&key(1));
    assert!(cache.get(&key(1)).is_none() && cache.get(&key(2)).is_some());
    cache.remove_user(USER);
    assert!(cache.get(&key(2)).is_none() && cache.get(&key(3)).is_some());
    let next = StoredSession { session: Arc::new(refreshed("jane", 1, 9, 1)), last_seen: at(1) };
    put(&cache, 3, &next, 2);
    assert_eq!(cache.get(&key(3)).unwrap().session.record().generation, 1);
    cache.clear();
    assert!(cache.get(&key(3)).is_none());
}

/// The two parts are read one after the other; an entry of the second is valid only with its entry in the first.
#[test]
fn a_session_in_use_does_not_outlive_its_entry() {
    let cache = SessionCache::new(1 << 20);
    put(&cache, 1, &stored("jane", 1), USER);
    cache.get(&key(1));
    let in_use = cache.in_use.get(&key(1)).unwrap();
    cache.remove(&key(1));
    cache.in_use.insert(key(1), in_use.clone());
    assert!(cache.get(&key(1)).is_none());
    put(&cache, 1, &stored("mary", 1), USER);
    cache.in_use.insert(key(1), in_use);
    assert_eq!(subject(cache.get(&key(1))), Some("mary".to_owned()));
}
