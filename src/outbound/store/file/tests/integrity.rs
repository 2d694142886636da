//! FI-7 for files that are opened without a full check: damage is found and reported while the store is in use, and the file
//! is not used any more.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tempfile::TempDir;

use crate::outbound::store::file::integrity::{Finding, check, inspect};
use crate::outbound::store::file::*;
use crate::outbound::store::testing::{at, block_on, key, keys, refreshed, session, user};
use crate::testing::SystemEntropy;

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
    let path = directory.path().join("sessions.db");
    block_on(async { fill(&open(&path).unwrap()).await });
    path
}

/// Changes a byte wherever the session's key occurs in the file.
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

/// The diagnostic of the store once it has found the damage.
async fn message_of(store: &FileStore) -> String {
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
        let message = message_of(&store).await;
        assert!(message.contains("cannot read"), "{message}");
        // No remaining session is accepted, and no session is reported as absent.
        for number in 0..SESSIONS {
            assert!(store.load(&key(number)).await.is_err(), "session {number}");
        }
        assert!(store.save(&key(900), session("jane", 100, 200)).await.is_err());
        assert!(store.end(&key(1)).await.is_err());
    });
    for limits in [UNCHECKED, Limits::USUAL] {
        let refused = FileStore::open_with(&path, keys(1), Arc::new(SystemEntropy), limits);
        assert!(matches!(refused, Err(OpenFault { cause: Cause::Damaged(_), .. })), "the next start refuses it");
    }
}

/// Opens the file with SQLite and changes it.
fn change(path: &Path, statements: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(statements).unwrap();
}

/// Such an index would leave a session alive that its user ended. SQLite's quick check does not detect it.
#[test]
fn an_index_that_names_another_user_is_damage() {
    let directory = TempDir::new().unwrap();
    let path = healthy(&directory);
    let other = "CASE id WHEN 7 THEN zeroblob(32) ELSE user END";
    let rewrite = |from: &str, to: &str| {
        let set = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql";
        change(&path, &format!("{set} = replace(sql, '({from})', '({to})') WHERE name = 'session_by_user'"));
    };
    rewrite("user", other);
    change(&path, "REINDEX session_by_user");
    rewrite(other, "user");
    let database = rusqlite::Connection::open(&path).unwrap();
    let quick: String = database.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    assert_eq!(quick, "ok");
    drop(database);
    let message = block_on(message_of(&open(&path).unwrap()));
    assert!(message.contains("is damaged: row 7 missing from index session_by_user"), "{message}");
    let refused = FileStore::open(&path, keys(1), Arc::new(SystemEntropy));
    assert!(matches!(refused, Err(OpenFault { cause: Cause::Damaged(_), .. })));
}

#[test]
fn a_row_that_its_record_does_not_vouch_for_is_damage() {
    let alterations = ["user = 7", "provider_session = NULL", "generation = 7", "ends = 1000000", "key = zeroblob(32)"];
    for altered in alterations {
        let directory = TempDir::new().unwrap();
        let path = healthy(&directory);
        // In the table and in the index alike.
        change(&path, &format!("UPDATE session SET {altered} WHERE id = 7"));
        let refused = FileStore::open(&path, keys(1), Arc::new(SystemEntropy));
        assert!(matches!(refused, Err(OpenFault { cause: Cause::Damaged(_), .. })), "{altered}");
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
                writing.replace(&key(1), refreshed("user-1", 100, 9000, 1)).await.unwrap();
                writing.expire(at(101), at(101)).await.unwrap();
            }
        });
        let mut looks = 0;
        while !writer.is_finished() || looks == 0 {
            let looked = Arc::clone(&store);
            let look = move || check(&looked.reader.database.connect_reader().unwrap(), &looked.reader.record_cipher);
            match task::spawn_blocking(look).await.unwrap() {
                Finding::Whole => looks += 1,
                Finding::Damaged(cause) | Finding::Unfinished(cause) => panic!("{cause}"),
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
        let Reader { database, record_cipher, .. } = &*store.reader;
        assert_eq!(inspect(database, record_cipher, &Arc::default()), None);
        for number in 0..SESSIONS {
            assert!(store.load(&key(number)).await.unwrap().is_some());
        }
        store.save(&key(900), session("jane", 100, 200)).await.unwrap();
        drop(store);
        assert!(open(&path).unwrap().load(&key(900)).await.unwrap().is_some());
    });
}

#[test]
fn a_check_ends_with_the_store() {
    let directory = TempDir::new().unwrap();
    let path = healthy(&directory);
    let store = open(&path).unwrap();
    let Reader { database, record_cipher, .. } = &*store.reader;
    let stopped = Arc::new(AtomicBool::new(true));
    assert_eq!(inspect(database, record_cipher, &stopped), None);
    assert!(block_on(store.end_user(&user("user-1"))).unwrap().len() == 1, "and says nothing about the file");
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
