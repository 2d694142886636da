//! FI-7: a damaged, foreign or newer file stops the start with a message that contains the help, and never with a panic.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::outbound::private_file;
use crate::outbound::store::file::integrity::inspect;
use crate::outbound::store::file::*;
use crate::outbound::store::record_cipher::Seal;
use crate::outbound::store::testing::{at, block_on, key, keys, open_file, session, user};
use crate::testing::SystemEntropy;

const SESSIONS: u64 = 40;

fn path_in(directory: &TempDir) -> PathBuf {
    directory.path().join("sessions.db")
}

fn open(path: &Path) -> Result<FileStore, OpenFault> {
    FileStore::open(path, keys(1), Arc::new(SystemEntropy))
}

/// The bytes of a file with sessions.
fn healthy(directory: &TempDir) -> Vec<u8> {
    let path = path_in(directory);
    block_on(async {
        let store = open_file(&path);
        for number in 0..SESSIONS {
            store.save(&key(number), session("jane", 100, 200)).await.unwrap();
        }
    });
    fs::read(path).unwrap()
}

fn message_about(path: &Path, content: &[u8]) -> String {
    fs::write(path, content).unwrap();
    let message = open(path).err().map(|fault| fault.to_string());
    let message = message.expect("is refused");
    assert!(message.contains(&path.display().to_string()), "{message}");
    message
}

#[test]
fn foreign_files_are_refused_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    drop(private_file::open_or_make(&path).unwrap());
    let texts: [&[u8]; 5] =
        [b"x", b"applications:\n  - name: Wiki\n", &[0; 10_000], b"SQLite format 2\0", &[0xff; 4096]];
    for text in texts {
        let message = message_about(&path, text);
        assert!(message.contains("is not a session file of Gatepost"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), text, "is as it was");
    }
}

/// SQLite allocates the first page before it writes it; the journal that exists by then records that the database was
/// empty.
#[test]
fn f_17_a_first_start_cut_short_before_its_first_page_begins_anew() {
    let directory = TempDir::new().unwrap();
    let (path, journal) = (path_in(&directory), directory.path().join("sessions.db-journal"));
    let mut header = [0; 512];
    let (magic, records, nonce, pages) = ([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7], [0; 4], [7; 4], [0; 4]);
    let fields = [magic.as_slice(), &records, &nonce, &pages, &512_u32.to_be_bytes(), &4096_u32.to_be_bytes()].concat();
    header[..fields.len()].copy_from_slice(&fields);
    for content in [[0; 4096].as_slice(), &[0; 8192]] {
        drop(private_file::open_or_make(&path).unwrap());
        fs::write(&path, content).unwrap();
        drop(private_file::open_or_make(&journal).unwrap());
        fs::write(&journal, header).unwrap();
        block_on(async {
            open_file(&path).save(&key(1), session("jane", 100, 200)).await.unwrap();
            assert!(open_file(&path).load(&key(1)).await.unwrap().is_some());
        });
        fs::remove_file(&path).unwrap();
    }
    // A journal does not make a foreign file one of Gatepost's.
    drop(private_file::open_or_make(&path).unwrap());
    for (content, message) in [([0xff; 4096], "is not a session file"), ([0; 4096], "is damaged")] {
        drop(private_file::open_or_make(&journal).unwrap());
        fs::write(&journal, "no journal").unwrap();
        assert!(message_about(&path, &content).contains(message), "{message}");
    }
}

#[test]
fn a_file_of_redb_is_refused_by_name() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    drop(private_file::open_or_make(&path).unwrap());
    let content = [b"redb\x1a\x0a\xa9\x0d\x0a", [7; 4096].as_slice()].concat();
    let message = message_about(&path, &content);
    for part in ["is a redb database", "now uses SQLite", "Delete the file", "signs all users out", "session.path"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(fs::read(&path).unwrap(), content, "is as it was");
}

#[test]
fn a_database_of_somebody_else_is_refused_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    drop(private_file::open_or_make(&path).unwrap());
    for mode in ["DELETE", "WAL"] {
        let theirs = Connection::open(&path).unwrap();
        theirs.execute_batch(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE IF NOT EXISTS theirs (x)")).unwrap();
        drop(theirs);
        let content = fs::read(&path).unwrap();
        let message = open(&path).err().unwrap().to_string();
        assert!(message.contains("is not a session file of Gatepost"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), content, "is as it was");
    }
}

#[test]
fn a_newer_format_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    healthy(&directory);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let message = open(&path).err().unwrap().to_string();
    assert!(message.contains("has format 2, but this Gatepost supports formats up to 1"), "{message}");
}

#[test]
fn other_tables_than_ours_are_damage() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    healthy(&directory);
    // The statistics of an operator's `ANALYZE` do not count as damage.
    Connection::open(&path).unwrap().execute_batch("ANALYZE").unwrap();
    drop(open(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("DROP INDEX session_by_user").unwrap();
    let message = open(&path).err().unwrap().to_string();
    assert!(message.contains("is damaged (its tables are not those of its format)"), "{message}");
}

#[test]
fn a_directory_is_refused() {
    let directory = TempDir::new().unwrap();
    let message = open(directory.path()).err().unwrap().to_string();
    assert!(message.contains("is not a regular file"), "{message}");
}

#[test]
fn an_empty_file_is_a_new_store() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    drop(private_file::open_or_make(&path).unwrap());
    let store = open(&path).unwrap();
    assert!(block_on(store.load(&key(1))).unwrap().is_none());
}

#[test]
fn truncated_files_are_refused() {
    let directory = TempDir::new().unwrap();
    let whole = healthy(&directory);
    let path = path_in(&directory);
    for keep in [1, 8, 9, 63, 64, 320, 4095, 4096, 8192, whole.len() / 4, whole.len() / 2] {
        let message = message_about(&path, &whole[..keep]);
        assert!(message.contains("is damaged") || (keep < 9 && message.contains("not a session file")), "{message}");
    }
}

/// Each changed byte is either detected, or harmless: then all sessions exist and can be used.
#[test]
fn changed_bytes_are_refused_or_harmless() {
    let directory = TempDir::new().unwrap();
    let whole = healthy(&directory);
    let path = path_in(&directory);
    let in_header = (0..320).step_by(2);
    let in_pages = (320..whole.len()).step_by(whole.len() / 80);
    let mut refused = 0;
    for at_byte in in_header.chain(in_pages) {
        let mut altered = whole.clone();
        altered[at_byte] ^= 0x41;
        fs::write(&path, &altered).unwrap();
        match open(&path) {
            Err(OpenFault { cause: Cause::Damaged(_) | Cause::Foreign, .. }) => refused += 1,
            Err(other) => panic!("byte {at_byte}: {other}"),
            Ok(store) => block_on(use_all(&store, at_byte)),
        }
    }
    assert!(refused > 50, "{refused}");
}

/// The same for files too large to be checked at the start: an inconsistency stops neither the process nor the check.
#[test]
fn changed_bytes_in_large_files_are_refused_found_or_harmless() {
    let directory = TempDir::new().unwrap();
    let whole = healthy(&directory);
    let path = path_in(&directory);
    let unchecked = Limits { checked_at_start: 0, ..Limits::USUAL };
    let (mut refused, mut found) = (0, 0);
    for at_byte in (0..320).step_by(8).chain((320..whole.len()).step_by(whole.len() / 60)) {
        let mut altered = whole.clone();
        altered[at_byte] ^= 0x41;
        fs::write(&path, &altered).unwrap();
        match FileStore::open_with(&path, keys(1), Arc::new(SystemEntropy), unchecked) {
            Err(OpenFault { cause: Cause::Damaged(_) | Cause::Foreign, .. }) => refused += 1,
            Err(other) => panic!("byte {at_byte}: {other}"),
            Ok(store) => block_on(async {
                for number in 0..SESSIONS {
                    // Before the check has finished, any result is allowed, but no panic.
                    let _ = store.load(&key(number)).await;
                }
                if inspect(&store.reader.database, &store.reader.record_cipher, &Arc::default()).is_some() {
                    found += 1;
                    assert!(store.save(&key(99), session("mary", 100, 200)).await.is_err());
                } else {
                    use_all(&store, at_byte).await;
                }
            }),
        }
    }
    assert!(refused > 5 && refused + found > 20, "{refused} {found}");
}

/// Whether the record of this session says that it was sealed under another key: with such a byte changed it looks like one from
/// before a change of keys, which is no session.
fn names_another_sealing_key(store: &FileStore, number: u64) -> bool {
    let connection = store.reader.database.connect_reader().unwrap();
    let row = tables::find(&connection, &key(number)).unwrap();
    row.is_some_and(|row| matches!(store.reader.record_cipher.look_at(&row.key, &row.sealed), Seal::OfAnotherKey))
}

async fn use_all(store: &FileStore, at_byte: usize) {
    for number in 0..SESSIONS {
        let found = store.load(&key(number)).await.unwrap();
        // Of whole records only the last transaction may be missing: its commit looks like one that a crash interrupted.
        let is_there = found.is_some() || number == SESSIONS - 1 || names_another_sealing_key(store, number);
        assert!(is_there, "byte {at_byte}, session {number}");
    }
    store.save(&key(99), session("mary", 100, 200)).await.unwrap();
    assert!(store.end_user(&user("jane")).await.unwrap().len() >= usize::try_from(SESSIONS).unwrap() - 1);
    assert_eq!(store.expire(at(200), at(0)).await.unwrap(), 1);
}
