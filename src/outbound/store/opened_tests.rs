//! What is at hand is what was put there, and nothing that was taken out.

use super::*;
use crate::outbound::store::testing::{at, key, renewed, session};

const USER: Mark = [1; 32];

fn stored(subject: &str, last_seen: u64) -> StoredSession {
    StoredSession { session: Arc::new(session(subject, 1, 9).without_tokens()), last_seen: at(last_seen) }
}

fn put(opened: &Opened, number: u64, stored: &StoredSession, user: Mark) {
    opened.insert(&key(number), &stored.session, opened.pack(stored, &user));
}

fn subject(stored: Option<StoredSession>) -> Option<String> {
    stored.map(|stored| stored.session.record().user.subject.clone())
}

#[test]
fn a_session_in_use_is_one_and_the_same() {
    let opened = Opened::new(1 << 20);
    put(&opened, 1, &stored("jane", 1), USER);
    let [first, again] = [(), ()].map(|()| opened.get(&key(1)).unwrap().session);
    assert!(Arc::ptr_eq(&first, &again), "who comes again is in use");
    opened.touch(&key(1), at(5));
    opened.touch(&key(1), at(4));
    assert_eq!(opened.get(&key(1)).unwrap().last_seen, at(5));
    assert_eq!(opened.peek(&key(1)).unwrap().last_seen, at(5));
    assert_eq!(subject(opened.get(&key(2))), None);
}

#[test]
fn far_more_sessions_rest_than_are_in_use() {
    let opened = Opened::new(1 << 20);
    for number in 0..1000 {
        put(&opened, number, &stored(&format!("user {number}"), 1), USER);
    }
    assert!(opened.in_use.len() < 100, "{}", opened.in_use.len());
    for number in 0..1000 {
        assert_eq!(subject(opened.get(&key(number))), Some(format!("user {number}")));
    }
    let again = opened.get(&key(999)).unwrap();
    assert!(Arc::ptr_eq(&again.session, &opened.get(&key(999)).unwrap().session));
    assert!(again.session.record().id_token.is_none());
}

#[test]
fn what_was_taken_out_or_replaced_is_not_found() {
    let opened = Opened::new(1 << 20);
    for (number, user) in [(1, USER), (2, USER), (3, [2; 32])] {
        put(&opened, number, &stored("jane", 1), user);
    }
    opened.remove(&key(1));
    assert!(opened.get(&key(1)).is_none() && opened.get(&key(2)).is_some());
    opened.remove_user(&USER);
    assert!(opened.get(&key(2)).is_none() && opened.get(&key(3)).is_some());
    let next = StoredSession { session: Arc::new(renewed("jane", 1, 9, 1)), last_seen: at(1) };
    put(&opened, 3, &next, [2; 32]);
    assert_eq!(opened.get(&key(3)).unwrap().session.record().generation, 1);
    opened.clear();
    assert!(opened.get(&key(3)).is_none() && opened.peek(&key(3)).is_none());
}

/// The two parts are looked at one after the other; what lies in the second counts for nothing without the first.
#[test]
fn a_session_in_use_does_not_outlive_its_entry() {
    let opened = Opened::new(1 << 20);
    put(&opened, 1, &stored("jane", 1), USER);
    opened.get(&key(1));
    let in_use = opened.in_use.get(&key(1)).unwrap();
    opened.remove(&key(1));
    opened.in_use.insert(key(1), in_use.clone());
    assert!(opened.get(&key(1)).is_none());
    put(&opened, 1, &stored("mary", 1), USER);
    opened.in_use.insert(key(1), in_use);
    assert_eq!(subject(opened.get(&key(1))), Some("mary".to_owned()));
}
