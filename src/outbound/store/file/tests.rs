//! The properties specific to a file: persistence across processes, privacy, and exclusion of a second process.

mod crash;
mod damage;
mod full_disk;
mod integrity;
mod races;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::domain::crypto::sealing::SealingKey;
use crate::outbound::store::testing::{ISSUER, at, attempt, block_on, key, keys, open_file, session, user};
use crate::testing::SystemEntropy;

fn path_in(directory: &TempDir) -> PathBuf {
    directory.path().join("sessions.db")
}

fn open_with(path: &Path, keys: SealingKeys) -> Result<FileStore, OpenFault> {
    FileStore::open(path, keys, Arc::new(SystemEntropy))
}

fn message(path: &Path, keys: SealingKeys) -> String {
    open_with(path, keys).err().expect("is refused").to_string()
}

async fn there(store: &dyn SessionStore, number: u64) -> bool {
    store.load(&key(number)).await.expect("loads").is_some()
}

#[test]
fn sessions_ends_touches_and_marks_outlive_a_restart() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    block_on(async {
        let store = open_file(&path);
        for number in 0..4 {
            store.save(&key(number), session(if number == 3 { "mary" } else { "jane" }, 100, 200)).await.unwrap();
        }
        store.end(&key(1)).await.unwrap();
        store.consume_once(&attempt(1), at(700)).await.unwrap();
        store.touch(&key(0), at(150)).await.unwrap();
        drop(store);

        let store = open_file(&path);
        assert!(!there(&*store, 1).await);
        assert_eq!(store.load(&key(0)).await.unwrap().unwrap().last_seen, at(150));
        assert_eq!(store.consume_once(&attempt(1), at(700)).await.unwrap(), Consumption::Repeated);
        assert_eq!(store.end_user(&user("jane")).await.unwrap().len(), 2);
        drop(store);

        let store = open_file(&path);
        assert!(!there(&*store, 0).await && !there(&*store, 2).await && there(&*store, 3).await);
    });
}

#[test]
fn sm_3_nothing_in_the_file_can_be_read() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    let store = open_file(&path);
    block_on(store.save(&key(1), session("jane-doe", 100, 200))).unwrap();
    let [log, _] = database::companions(&path);
    let mut dump = fs::read(log).unwrap();
    assert!(!dump.is_empty());
    drop(store);
    dump.extend(fs::read(&path).unwrap());
    let holds = |text: &[u8]| dump.windows(text.len()).any(|window| window == text);
    assert!(holds(key(1).as_bytes()), "the search itself works");
    let secrets = ["jane", ISSUER, "wiki", "staff", "access", "signature", "sid-1", "preferred_username"];
    for secret in secrets {
        assert!(!holds(secret.as_bytes()), "{secret}");
    }
}

#[test]
fn the_file_and_its_directory_are_private() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("var/lib/sessions.db");
    drop(open_file(&path));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    for widened in [0o660, 0o640] {
        fs::set_permissions(&path, Permissions::from_mode(widened)).unwrap();
        drop(open_file(&path));
        assert_eq!(mode(&path), 0o600);
    }
    for loose in [0o644, 0o664, 0o601] {
        fs::set_permissions(&path, Permissions::from_mode(loose)).unwrap();
        let message = message(&path, keys(1));
        assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
    }
}

/// SQLite's log and its index, which a crash leaves behind.
#[test]
fn the_companions_of_the_file_are_private() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let companions = database::companions(&path);
    let store = open_file(&path);
    block_on(store.save(&key(1), session("jane", 100, 200))).unwrap();
    assert_eq!(companions.each_ref().map(|path| mode(path)), [0o600, 0o600]);
    drop(store);
    assert!(companions.iter().all(|path| !path.exists()), "a clean stop leaves none");
    for companion in &companions {
        fs::write(companion, "").unwrap();
        fs::set_permissions(companion, Permissions::from_mode(0o644)).unwrap();
        assert!(message(&path, keys(1)).contains(&format!("chmod 600 {}", companion.display())));
        fs::set_permissions(companion, Permissions::from_mode(0o660)).unwrap();
        let store = open_file(&path);
        assert_eq!(mode(companion), 0o600);
        assert!(block_on(there(&*store, 1)));
    }
}

#[test]
fn a_foreign_owner_is_refused_with_the_mend() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    drop(open_file(&path));
    // Only the superuser can change the owner of a file; otherwise there is nothing to test.
    if std::os::unix::fs::chown(&path, Some(12345), None).is_ok() {
        let message = message(&path, keys(1));
        assert!(message.contains("belongs to user 12345") && message.contains("chown"), "{message}");
    }
}

#[test]
fn a_file_in_use_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    let first = open_file(&path);
    let message = message(&path, keys(1));
    assert!(message.contains("in use by another process"), "{message}");
    block_on(async { first.save(&key(1), session("jane", 100, 200)).await.unwrap() });
    drop(first);
    assert!(block_on(async { there(&*open_file(&path), 1).await }));
}

#[test]
fn another_key_is_refused_and_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    block_on(async {
        open_file(&path).save(&key(1), session("jane", 100, 200)).await.unwrap();
        let message = message(&path, keys(2));
        assert!(message.contains("encrypted with another key"), "{message}");
        assert!(there(&*open_file(&path), 1).await);
    });
}

#[test]
fn keys_can_be_rotated() {
    let directory = TempDir::new().unwrap();
    let path = path_in(&directory);
    let key_of = |byte| SealingKey::new([byte; 32]);
    block_on(async {
        open_file(&path).save(&key(1), session("jane", 100, 200)).await.unwrap();

        let store = open_with(&path, SealingKeys::new(key_of(2), vec![key_of(1)])).unwrap();
        assert!(there(&store, 1).await);
        store.save(&key(2), session("jane", 100, 200)).await.unwrap();
        drop(store);

        // The former key is gone: its sessions do not open any more, but are still removed with their user.
        let store = open_with(&path, keys(2)).unwrap();
        assert!(!there(&store, 1).await && there(&store, 2).await);
        assert_eq!(store.end_user(&user("jane")).await.unwrap().len(), 1, "those that open");
        drop(store);
        let store = open_with(&path, SealingKeys::new(key_of(2), vec![key_of(1)])).unwrap();
        assert!(!there(&store, 1).await && !there(&store, 2).await);
    });
}

#[test]
fn without_randomness_there_is_a_fault_and_no_session() {
    let directory = TempDir::new().unwrap();
    let refused = FileStore::open(&path_in(&directory), keys(1), Arc::new(crate::testing::FailingEntropy));
    assert!(matches!(refused, Err(OpenFault { cause: Cause::Entropy(_), .. })));
}

#[test]
fn many_touches_are_written_without_being_asked() {
    let directory = TempDir::new().unwrap();
    block_on(async {
        let store = FileStore::open(&path_in(&directory), keys(1), Arc::new(SystemEntropy)).unwrap();
        for number in 0..u64::try_from(FLUSH_AT).unwrap() + 10 {
            store.touch(&key(number), at(5)).await.unwrap();
        }
        // The writer answers in order, so the flush requested before has been made when this one returns.
        store.writer.write(Change::Flush).await.unwrap();
        assert!(store.recent.unwritten().is_empty());
    });
}

/// The procedure in docs/operations.md, with the program `sqlite3`.
#[test]
fn a_backup_can_be_made_while_the_store_works() {
    let directory = TempDir::new().unwrap();
    let (path, copy) = (path_in(&directory), directory.path().join("backup.db"));
    let store = open_file(&path);
    block_on(async {
        store.save(&key(1), session("jane", 100, 200)).await.unwrap();
        let backup = format!(".backup '{}'", copy.display());
        let made = std::process::Command::new("sqlite3").arg(&path).arg(backup).status();
        assert!(made.expect("sqlite3").success());
        store.end(&key(1)).await.unwrap();
        assert!(!there(&*store, 1).await);
        fs::set_permissions(&copy, Permissions::from_mode(0o600)).unwrap();
        assert!(there(&*open_file(&copy), 1).await);
    });
}
