//! A file of format 1 is brought up to the present one, whole or not at all.

use std::path::PathBuf;

use redb::ReadableDatabase as _;
use tempfile::TempDir;

use super::tables::{BY_PROVIDER_SESSION, GENERATION, META, PROVIDER_SESSION};
use super::*;
use crate::domain::sealing::SealingKey;
use crate::outbound::store::private_file;
use crate::outbound::store::testing::{
    SystemEntropy, at, block_on, key, keys, open_file, provider_session, renewed, resting_on, user,
};

/// Sessions of jane's: two on the provider's `a`, one on `b`, one on none. One of them was used.
fn first_format(directory: &TempDir) -> PathBuf {
    let path = directory.path().join("sessions.redb");
    block_on(async {
        let store = open_file(&path);
        for (number, id) in [(1, Some("a")), (2, Some("a")), (3, Some("b")), (4, None)] {
            store.save(&key(number), resting_on(id, "jane", 100, 9000)).await.unwrap();
        }
        store.touch(&key(1), at(150)).await.unwrap();
    });
    take_back(&path);
    path
}

fn database_in(path: &Path) -> redb::Database {
    let file = private_file::open_or_make(path).unwrap();
    redb::Builder::new().create_with_backend(redb::backends::FileBackend::new(file).unwrap()).unwrap()
}

/// Leaves in the file what format 1 had, and nothing else.
fn take_back(path: &Path) {
    let database = database_in(path);
    let transaction = database.begin_write().unwrap();
    transaction.delete_table(GENERATION).unwrap();
    transaction.delete_table(PROVIDER_SESSION).unwrap();
    transaction.delete_table(BY_PROVIDER_SESSION).unwrap();
    transaction.open_table(META).unwrap().insert("format", 1_u32.to_be_bytes().as_slice()).unwrap();
    transaction.commit().unwrap();
}

fn format_of(path: &Path) -> Vec<u8> {
    let database = database_in(path);
    let transaction = database.begin_read().unwrap();
    transaction.open_table(META).unwrap().get("format").unwrap().unwrap().value().to_vec()
}

async fn ended(store: &dyn SessionStore, id: &str) -> usize {
    match store.end_provider_session(&provider_session(id), Some(&user("jane"))).await.unwrap() {
        ProviderSessionEnd::Ended(ended) => ended.len(),
        ProviderSessionEnd::OtherUser => panic!("they are jane's"),
    }
}

#[test]
fn sessions_of_the_first_format_can_be_renewed_and_end_with_the_providers() {
    let directory = TempDir::new().unwrap();
    let path = first_format(&directory);
    assert_eq!(format_of(&path), 1_u32.to_be_bytes());
    block_on(async {
        let store = open_file(&path);
        assert_eq!(store.load(&key(1)).await.unwrap().unwrap().last_seen, at(150));
        assert!(store.renew(&key(4), renewed("jane", 100, 9000, 1)).await.unwrap());
        assert!(!store.renew(&key(4), renewed("jane", 100, 9000, 1)).await.unwrap());
        assert_eq!(ended(&*store, "a").await, 2);
        assert_eq!(ended(&*store, "a").await, 0);
        drop(store);

        let store = open_file(&path);
        assert_eq!(ended(&*store, "b").await, 1, "still indexed at the second start");
        assert_eq!(store.load(&key(4)).await.unwrap().unwrap().session.record().generation, 1);
        assert_eq!(store.end_user(&user("jane")).await.unwrap().len(), 1);
    });
    assert_eq!(format_of(&path), 2_u32.to_be_bytes());
}

#[test]
fn without_the_key_the_first_format_stays_as_it_is() {
    let directory = TempDir::new().unwrap();
    let path = first_format(&directory);
    let refused = FileStore::open(&path, keys(2), Arc::new(SystemEntropy));
    assert!(matches!(refused, Err(OpenFault::WrongKey { .. })));
    assert_eq!(format_of(&path), 1_u32.to_be_bytes());
    block_on(async { assert_eq!(ended(&*open_file(&path), "a").await, 2) });
}

#[test]
fn sessions_that_do_not_open_are_kept_and_rest_on_nothing() {
    let directory = TempDir::new().unwrap();
    let path = first_format(&directory);
    let key_of = |byte| SealingKey::new([byte; 32]);
    let open = |keys| FileStore::open(&path, keys, Arc::new(SystemEntropy)).unwrap();
    // Rotated, and then the former key was taken out of use: the index secret opens, the records do not.
    drop(open(SealingKeys::new(key_of(2), vec![key_of(1)])));
    take_back(&path);
    block_on(async {
        let store = open(SealingKeys::new(key_of(2), Vec::new()));
        assert!(store.load(&key(1)).await.unwrap().is_none());
        assert_eq!(ended(&store, "a").await, 0);
        drop(store);
        let store = open(SealingKeys::new(key_of(2), vec![key_of(1)]));
        assert!(store.load(&key(1)).await.unwrap().is_some());
        assert_eq!(store.end_user(&user("jane")).await.unwrap().len(), 4);
    });
}
