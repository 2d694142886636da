//! Changes in the middle of a sign-in: the provider's keys, our own key, and the process.

use std::path::Path;

use gatepost::domain::crypto::sealing::{SealingKey, SealingKeys};
use gatepost::outbound::store::{StoreSettings, sealing_key};
use gatepost::testing::{ManualClock, SystemEntropy};
use serde_json::json;

use crate::browser::{Browser, WIKI};
use crate::op::HostileOp;
use crate::op::signing::{self, Key};
use crate::test_outpost::{Storage, TestOutpost, application, wiki};

#[tokio::test]
async fn f_3_oc_24_the_provider_rotates_its_keys_in_the_middle_of_a_sign_in() {
    let (test_outpost, op) = wiki().await;
    Browser::default().sign_in(&test_outpost, &op, WIKI).await;
    let mut browser = Browser::default();
    let back = op.authorize(&browser.begin(&test_outpost, WIKI).await);
    let before = op.recorded("/keys").len();
    op.behave(|b| {
        b.key = Key::RsaB;
        b.header = json!({"kid": "b"});
        b.key_set = json!({"keys": [signing::jwk(&Key::RsaB, "b")]});
    });
    assert!(browser.open(&test_outpost, back.as_str()).await.sets_session());
    assert_eq!(op.recorded("/keys").len(), before + 1, "fetched once");
    Browser::default().sign_in(&test_outpost, &op, WIKI).await;
    assert_eq!(op.recorded("/keys").len(), before + 1, "and remembered");

    op.behave(|b| {
        b.key = Key::RsaA;
        b.header = json!({"kid": "a"});
    });
    let mut browser = Browser::default();
    let old = browser.come_back(&test_outpost, &op, WIKI).await;
    old.expect_refusal(403, "the key that was withdrawn");
}

/// An outpost on the file store in `folder`, with the sealing key beside it.
fn in_folder(folder: &Path, op: &HostileOp, clock: &std::sync::Arc<ManualClock>) -> TestOutpost {
    let keys = SealingKeys::new(sealing_key(&folder.join("sessions.key"), &SystemEntropy).unwrap(), Vec::new());
    let storage = Storage { store: StoreSettings::File { path: folder.join("sessions.db") }, keys };
    TestOutpost::new(vec![application("wiki", op.issuer())], clock, &storage)
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_sign_in_is_not_noticed() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    let op = HostileOp::start(clock.clone()).await;
    let test_outpost = in_folder(folder.path(), &op, &clock);
    let (mut alice, mut bob) = (Browser::default(), Browser::default());
    alice.sign_in(&test_outpost, &op, WIKI).await;
    let used = op.authorize(&alice.begin(&test_outpost, "https://wiki.example.com/outpost.goauthentik.io/start").await);
    assert!(alice.open(&test_outpost, used.as_str()).await.sets_session());
    let back = op.authorize(&bob.begin(&test_outpost, WIKI).await);
    drop(test_outpost);

    let test_outpost = in_folder(folder.path(), &op, &clock);
    assert_eq!(alice.open(&test_outpost, WIKI).await.user(), Some(crate::op::SUBJECT), "sessions are in the file");
    let answer = bob.open(&test_outpost, back.as_str()).await;
    assert_eq!((answer.reason.as_str(), answer.location().as_str()), ("sign_in_completed", WIKI));
    assert!(bob.open(&test_outpost, WIKI).await.allowed);
    let calls = op.recorded("/token").len();
    alice.cookies.retain(|(_, name), _| name.contains("binding"));
    assert_eq!(
        alice.open(&test_outpost, used.as_str()).await.reason,
        "sign_in_restarted",
        "PK-4: used before the restart"
    );
    assert_eq!(op.recorded("/token").len(), calls);
    drop(test_outpost);

    let test_outpost = in_folder(folder.path(), &op, &clock);
    let url = "https://wiki.example.com/outpost.goauthentik.io/sign_out";
    let before = bob.clone();
    assert_eq!(bob.open_with(&test_outpost, url, &[("sec-fetch-site", "none")]).await.reason, "signed_out");
    drop(test_outpost);
    let test_outpost = in_folder(folder.path(), &op, &clock);
    let again = before.clone().open(&test_outpost, WIKI).await;
    assert_eq!(again.reason, "sign_in_started", "SM-4: an ended session stays ended after a restart");
}

#[tokio::test]
async fn a_55_f_20_our_own_key_is_rotated_in_the_middle_of_a_sign_in() {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    let (old, new) = (SealingKey::new([1; 32]), SealingKey::new([2; 32]));
    let with = |keys| {
        TestOutpost::new(vec![application("wiki", op.issuer())], &clock, &Storage { keys, ..Storage::default() })
    };
    let first = with(SealingKeys::new(old.clone(), Vec::new()));
    let (mut alice, mut bob) = (Browser::default(), Browser::default());
    let hers = op.authorize(&alice.begin(&first, WIKI).await);
    let his = op.authorize(&bob.begin(&first, WIKI).await);

    let both = with(SealingKeys::new(new.clone(), vec![old]));
    assert!(alice.open(&both, hers.as_str()).await.sets_session(), "begun under the old key");
    Browser::default().sign_in(&both, &op, WIKI).await;

    let without = with(SealingKeys::new(new, Vec::new()));
    bob.open(&without, his.as_str()).await.expect_refusal(400, "the old key is gone");
}
