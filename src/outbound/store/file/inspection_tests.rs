//! FI-7 for files that are opened without a full check: damage is found while the store works, said, and never lived with.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::inspection::{Finding, look_at};
use super::*;
use crate::outbound::store::testing::{SystemEntropy, at, block_on, key, keys, renewed, session};

/// No file is small enough to be checked at the start.
const UNCHECKED: Limits = Limits { checked_at_start: 0, ..Limits::USUAL };
const SESSIONS: u64 = 200;

fn open(path: &Path) -> Result<FileStore, OpenFault> {
    FileStore::open_with(path, keys(1), Arc::new(SystemEntropy), UNCHECKED)
}

async fn fill(store: &FileStore) {
    let saves = (0..SESSIONS).map(|number| async move {
        store.save(&key(number), session(&format!("user-{number}"), 100, 9000)).await.unwrap();
    });
    futures_util::future::join_all(saves).await;
}

fn healthy(directory: &TempDir) -> PathBuf {
    let path = directory.path().join("sessions.redb");
    block_on(async { fill(&open(&path).unwrap()).await });
    path
}

/// Changes a byte wherever the file names the session.
fn damage(path: &Path, number: u64) {
    let mut content = fs::read(path).unwrap();
    let name = *key(number).as_bytes();
    let places: Vec<usize> =
        content.windows(name.len()).enumerate().filter(|(_, window)| *window == name).map(|(place, _)| place).collect();
    assert!(!places.is_empty());
    for place in places {
        content[place + 20] ^= 0x41;
    }
    fs::write(path, content).unwrap();
}

/// What the store says once it has found the damage.
async fn complaint_of(store: &FileStore) -> String {
    for _ in 0..6000 {
        if let Err(fault) = store.load(&key(1)).await {
            return fault.to_string();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the damage was not found")
}

#[test]
fn damage_in_a_large_file_is_found_while_the_store_works() {
    let directory = TempDir::new().unwrap();
    let path = healthy(&directory);
    damage(&path, 7);
    block_on(async {
        let store = open(&path).unwrap();
        let complaint = complaint_of(&store).await;
        assert!(complaint.contains("cannot read"), "{complaint}");
        // Nobody is let in by what is left, and nobody is told that there is no session.
        for number in 0..SESSIONS {
            assert!(store.load(&key(number)).await.is_err(), "session {number}");
        }
        assert!(store.save(&key(900), session("jane", 100, 200)).await.is_err());
        assert!(store.end(&key(1)).await.is_err());
    });
    for limits in [UNCHECKED, Limits::USUAL] {
        let refused = FileStore::open_with(&path, keys(1), Arc::new(SystemEntropy), limits);
        assert!(matches!(refused, Err(OpenFault::Damaged { .. })), "the next start refuses it");
    }
}

#[test]
fn a_healthy_file_looks_whole_whatever_is_written_meanwhile() {
    let directory = TempDir::new().unwrap();
    let path = healthy(&directory);
    block_on(async {
        let store = Arc::new(open(&path).unwrap());
        let writing = Arc::clone(&store);
        let writer = tokio::spawn(async move {
            for round in 1..=30_u32 {
                fill(&writing).await;
                for number in 0..SESSIONS / 2 {
                    writing.touch(&key(number), at(100 + u64::from(round))).await.unwrap();
                }
                writing.writer.write(Change::Flush).await.unwrap();
                writing.renew(&key(1), renewed("user-1", 100, 9000, 1)).await.unwrap();
                writing.expire(at(101), at(101)).await.unwrap();
            }
        });
        let mut looks = 0;
        while !writer.is_finished() || looks == 0 {
            let looked = Arc::clone(&store);
            let finding = task::spawn_blocking(move || look_at(&looked.reader.disk)).await.unwrap();
            match finding {
                Finding::Whole => looks += 1,
                Finding::Odd(cause) | Finding::Unfinished(cause) => panic!("{cause}"),
            }
        }
        writer.await.unwrap();
    });
}

#[test]
fn a_false_alarm_costs_no_session() {
    let directory = TempDir::new().unwrap();
    let path = healthy(&directory);
    block_on(async {
        let store = open(&path).unwrap();
        assert_eq!(store.reader.disk.judge(), None);
        for number in 0..SESSIONS {
            assert!(store.load(&key(number)).await.unwrap().is_some());
        }
        store.save(&key(900), session("jane", 100, 200)).await.unwrap();
        drop(store);
        assert!(open(&path).unwrap().load(&key(900)).await.unwrap().is_some());
    });
}

#[test]
fn walking_through_all_sessions_leaves_the_cache_to_who_is_active() {
    let directory = TempDir::new().unwrap();
    let path = healthy(&directory);
    block_on(async {
        let store = open(&path).unwrap();
        for number in 0..10 {
            assert!(store.load(&key(number)).await.unwrap().is_some());
        }
        let mut next = Some(Cursor::default());
        while let Some(cursor) = next {
            next = store.page(&cursor, 30).await.unwrap().next;
        }
        for number in 0..SESSIONS {
            assert_eq!(store.recent.cached(&key(number)).is_some(), number < 10, "session {number}");
        }
    });
}
