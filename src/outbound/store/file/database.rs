//! The SQLite database of a session file: connections, and the interpretation of their failures.
//!
//! It uses WAL mode: readers and the one writer do not block each other, and a commit is one sync of the log.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Result, Row, TransactionBehavior};

use super::locked_file::LockedFile;
use super::tables::DAMAGED_FORMAT;
use crate::ports::StoreFault;

/// How long to wait while another program locks the database, such as an operator's `sqlite3`.
const BUSY: Duration = Duration::from_secs(2);
/// The limit for idle reading connections that are kept open.
const IDLE_READERS: usize = 16;
const STATEMENTS: usize = 32;
/// `synchronous = FULL`: an acknowledged change survives a power cut. The commit that finds a log of 16384 pages (64 MiB)
/// copies it into the database; usually the inspector does that earlier, in the background.
const SETTINGS: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 16384;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA secure_delete = FAST;
    PRAGMA trusted_schema = OFF;
    PRAGMA cache_size = -16384;
    PRAGMA mmap_size = 2147418112;";
const READER_SETTINGS: &str = "
    PRAGMA query_only = ON;
    PRAGMA cache_size = -2048;";

pub(super) struct Database {
    path: PathBuf,
    idle_readers: Mutex<Vec<Connection>>,
    /// The damage that was found. From then on nothing in the file is trusted.
    damage: OnceLock<String>,
    suspicions: SyncSender<()>,
    /// Whether the log contains changes that the database does not.
    changed: AtomicBool,
    /// Excludes other processes. Dropped last: closing a handle of the file releases the locks that SQLite has on it.
    _lock: LockedFile,
}

impl Database {
    /// `lock` is the open, locked file. The receiver gets a message for every suspicion that the file might be damaged.
    pub(super) fn new(path: PathBuf, lock: LockedFile) -> (Self, Receiver<()>) {
        let (suspicions, suspected) = sync_channel(1);
        let idle_readers = Mutex::default();
        let damage = OnceLock::new();
        (Self { path, idle_readers, damage, suspicions, changed: AtomicBool::new(true), _lock: lock }, suspected)
    }

    /// Requests a check of the file; while one request is queued, another adds nothing.
    pub(super) fn suspect(&self) {
        let _ = self.suspicions.try_send(());
    }

    /// Stops all reads and writes from now on, and marks the file as damaged for the next start.
    pub(super) fn condemn(&self, cause: &str) {
        let _ = self.damage.set(cause.to_owned());
        if let Ok(connection) = connect(&self.path) {
            // Where not even this can be written, the next start finds the damage again.
            let _ = connection.pragma_update(None, "user_version", DAMAGED_FORMAT);
        }
    }

    /// Reads one consistent state.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T, StoreFault> {
        self.in_use().and_then(|()| self.try_read(read)).map_err(|cause| StoreFault(format!("cannot read: {cause}")))
    }

    fn try_read<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T, String> {
        let idle = self.readers().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect_reader().map_err(|fault| self.explained(&fault))?,
        };
        let found = read(&connection).map_err(|fault| self.explained(&fault))?;
        let mut readers = self.readers();
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        Ok(found)
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a read-only connection.
    pub(super) fn connect_reader(&self) -> Result<Connection> {
        let connection = connect(&self.path)?;
        connection.execute_batch(READER_SETTINGS)?;
        Ok(connection)
    }

    /// Changes the tables in one transaction: all of it is committed durably, or nothing.
    pub(super) fn write<T>(
        &self,
        writer: &mut Connection,
        change: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T, StoreFault> {
        let written = self.in_use().and_then(|()| {
            let changed = in_transaction(writer, change).map_err(|fault| self.explained(&fault))?;
            self.changed.store(true, Ordering::Relaxed);
            Ok(changed)
        });
        written.map_err(|cause| StoreFault(format!("cannot write: {cause}")))
    }

    /// Copies the commits in the log into the database, if there are any. If that fails, the commit that finds the log too long
    /// reports the cause.
    pub(super) fn checkpoint(&self) {
        if self.changed.swap(false, Ordering::Relaxed) {
            let _ = connect(&self.path).and_then(|it| it.execute_batch("PRAGMA wal_checkpoint(PASSIVE)"));
        }
    }

    fn in_use(&self) -> Result<(), String> {
        self.damage.get().map_or(Ok(()), |cause| Err(format!("the file is damaged: {cause}")))
    }

    /// SQLite's error as a text with a hint; an error that indicates damage also requests a check.
    fn explained(&self, fault: &Error) -> String {
        if is_damage(fault) {
            self.suspect();
        }
        let hint = match fault.sqlite_error_code() {
            Some(ErrorCode::SystemIoFailure | ErrorCode::DiskFull) => {
                "; is there room on its file system, and no limit on the size of files?"
            }
            Some(ErrorCode::DatabaseBusy) => "; does another program use the file?",
            _ => "",
        };
        format!("{fault} (SQLite's code {}){hint}", fault.sqlite_extended_error_code().unwrap_or_default())
    }
}

/// Opens the database in an existing file.
pub(super) fn connect(path: &Path) -> Result<Connection> {
    // Without CREATE: SQLite would not make a new file private. An absolute path is never taken for a URI.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

pub(super) fn in_transaction<T>(
    connection: &mut Connection,
    change: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let changed = change(&transaction)?;
    transaction.commit()?;
    Ok(changed)
}

/// Whether the error indicates that the file contains data that was never written to it.
pub(super) fn is_damage(fault: &Error) -> bool {
    match fault.sqlite_error_code() {
        Some(code) => matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase),
        // A value of another type or length than its column has.
        None => true,
    }
}

/// Switches the database to WAL mode, which is persistent; returns whether it is in that mode.
pub(super) fn use_wal(connection: &Connection) -> Result<bool> {
    let mode = |row: &Row<'_>| row.get::<_, String>(0);
    Ok(connection.pragma_update_and_check(None, "journal_mode", "WAL", mode)? == "wal")
}

/// SQLite's write-ahead log of a database, and the shared-memory index of that log.
pub(in crate::outbound::store) fn companions(path: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|ending| beside(path, ending))
}

/// SQLite's rollback journal, which remains when the start that switched the database to WAL mode was interrupted.
pub(super) fn rollback_journal(path: &Path) -> PathBuf {
    beside(path, "-journal")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
