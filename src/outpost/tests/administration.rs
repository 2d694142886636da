//! The operators' session administration, with a store that works and with one that fails.

use std::sync::atomic::Ordering;

use super::test_outpost::{Browser, TestOutpost, test_outpost};
use crate::outpost::administration::{EndFault, NamedUser, SessionFilter, SessionScan, UserEnd, UserSelector};

/// Two sessions of alice and one of bob, at the wiki.
async fn lived_in() -> TestOutpost {
    let test_outpost = test_outpost();
    for user in ["alice", "alice", "bob"] {
        *test_outpost.provider.user.lock().unwrap() = user.to_owned();
        Browser::default().sign_in(&test_outpost, "https://wiki.example.com/").await;
    }
    assert_eq!(test_outpost.sessions(), 3);
    test_outpost
}

fn called(name: &str) -> UserSelector {
    UserSelector::Name(name.to_owned())
}

#[tokio::test]
async fn sm_5_a_subject_is_found_by_index_and_a_name_by_a_walk() {
    let test_outpost = lived_in().await;
    let subject = UserSelector::Subject("sub-alice".to_owned());
    let ended = test_outpost.outpost.end_sessions_of(&subject, None).await.unwrap();
    assert!(matches!(ended, UserEnd::Ended(NamedUser { name, .. }, 2) if name == "alice"));
    assert_eq!((test_outpost.sessions(), test_outpost.store.pages.load(Ordering::Relaxed)), (1, 0));
    assert_eq!(test_outpost.outpost.end_sessions_of(&subject, None).await.unwrap(), UserEnd::NoSuchUser);

    for name in ["nobody", "BOB"] {
        assert_eq!(test_outpost.outpost.end_sessions_of(&called(name), None).await.unwrap(), UserEnd::NoSuchUser);
    }
    let elsewhere = test_outpost.outpost.end_sessions_of(&called("bob"), Some("https://other.example.com/")).await;
    assert_eq!(elsewhere.unwrap(), UserEnd::NoSuchUser);
    let ended = test_outpost.outpost.end_sessions_of(&called("bob"), None).await.unwrap();
    assert!(matches!(ended, UserEnd::Ended(_, 1)));
    assert_eq!(test_outpost.sessions(), 0);
}

#[tokio::test]
async fn sm_12_a_store_that_cannot_say_is_not_nobody() {
    let test_outpost = lived_in().await;
    test_outpost.fail_store_at(1);
    assert!(test_outpost.outpost.advance(&mut SessionScan::new(SessionFilter::default())).await.is_err());
    for selector in [called("alice"), UserSelector::Subject("sub-alice".to_owned())] {
        test_outpost.fail_store_at(1);
        let fault = test_outpost.outpost.end_sessions_of(&selector, None).await.unwrap_err();
        assert!(matches!(fault, EndFault::Search(_)), "{fault:?}");
    }
    let mut scan = SessionScan::new(SessionFilter { user: Some("bob".to_owned()), ..SessionFilter::default() });
    let found = test_outpost.outpost.advance(&mut scan).await.unwrap().unwrap();
    let [bob] = found.as_slice() else { panic!("{found:?}") };
    for call in [1, 2] {
        // The first call only loads the time of the last use.
        test_outpost.fail_store_at(call);
        let ended = test_outpost.outpost.end_session(&bob.key).await;
        assert_eq!(matches!(ended, Err(EndFault::End(_))), call == 2, "{ended:?}");
        if call == 1 {
            assert_eq!(ended.unwrap().map(|ended| ended.user.name).as_deref(), Some("bob"));
        }
    }
    let mut call = 0;
    let fault = loop {
        call += 1;
        test_outpost.fail_store_at(call);
        match test_outpost.outpost.end_sessions_of(&called("alice"), None).await {
            Err(EndFault::Search(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(fault, Err(EndFault::End(_))), "{fault:?}");
    test_outpost.fail_store_at(0);
    assert_eq!(test_outpost.sessions(), 2, "this store makes up for nothing");
}
