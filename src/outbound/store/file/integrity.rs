//! Checks the whole file while the store is in use: a large file after the start, because the check would delay the start too
//! long, and any file in which a read or a write found an inconsistency. A damaged file is not used any more: an index that
//! lacks an entry would leave a session alive that its user ended (FI-7).
//!
//! SQLite has no checksums of pages. `integrity_check` compares every entry of an index with its table, which `quick_check`
//! omits, and every sealed record authenticates its row. What this cannot detect is a changed byte in a consumed replay
//! key.
//!
//! The same thread periodically copies the log into the database, so that commits need not.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Result};

use super::database::{Database, is_damage};
use super::fault::Cause;
use super::reader::Reader;
use super::tables::seconds;
use crate::domain::session::SessionKey;
use crate::outbound::store::record_cipher::{RecordCipher, Seal, short};

/// How often the log is copied into the database, if there were changes.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
/// A check alternates between `TURN` of work and `REST`, so that requests get the processor and the disk.
const TURN: Duration = Duration::from_millis(2);
const REST: Duration = Duration::from_millis(6);
/// The number of SQLite virtual machine steps between two readings of the clock.
const STEPS: i32 = 1000;

/// The thread that checks. Dropping it stops the thread.
pub(super) struct Inspector {
    database: Arc<Database>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Inspector {
    pub(super) fn start(path: &Path, reader: Arc<Reader>, suspected: Receiver<()>) -> io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let (path, database, stop) = (path.to_owned(), Arc::clone(&reader.database), Arc::clone(&stopped));
        let thread = thread::Builder::new().name("session-check".to_owned()).spawn(move || {
            loop {
                let next = suspected.recv_timeout(CHECKPOINT_INTERVAL);
                if stop.load(Ordering::Relaxed) || next == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
                if next.is_err() {
                    reader.database.checkpoint();
                } else if let Some(cause) = inspect(&reader.database, &reader.record_cipher, &stop) {
                    reader.recent.forget_file();
                    let fault = Cause::Damaged(cause).at(&path);
                    tracing::error!("{fault}; until then no session is accepted");
                }
            }
        })?;
        Ok(Self { database, stopped, thread: Some(thread) })
    }
}

impl Drop for Inspector {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.database.suspect();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The result of a check of the file.
pub(super) enum Finding {
    Whole,
    /// Damaged, with the diagnostic.
    Damaged(String),
    /// The disk failed, or the store is stopping.
    Unfinished(String),
}

/// Checks the file, and stops its use if it is damaged; returns the diagnostic then.
pub(super) fn inspect(database: &Database, record_cipher: &RecordCipher, stop: &Arc<AtomicBool>) -> Option<String> {
    let finding = match database.connect_reader() {
        Ok(mut connection) => match take_turns(&mut connection, Arc::clone(stop)) {
            Ok(()) => check(&connection, record_cipher),
            Err(fault) => Finding::Unfinished(fault.to_string()),
        },
        Err(fault) => Finding::Unfinished(fault.to_string()),
    };
    match finding {
        Finding::Whole => None,
        Finding::Damaged(cause) => {
            database.condemn(&cause);
            Some(cause)
        }
        Finding::Unfinished(cause) => {
            if !stop.load(Ordering::Relaxed) {
                tracing::warn!("the session file could not be checked: {cause}");
            }
            None
        }
    }
}

/// Makes SQLite pause periodically, and abort once the store stops.
#[expect(clippy::disallowed_methods, reason = "measures the work; no rule depends on it")]
fn take_turns(connection: &mut Connection, stop: Arc<AtomicBool>) -> Result<()> {
    let mut began = Instant::now();
    connection.progress_handler(
        STEPS,
        Some(move || {
            if began.elapsed() > TURN {
                thread::sleep(REST);
                began = Instant::now();
            }
            stop.load(Ordering::Relaxed)
        }),
    )
}

/// Checks every page, every index and every record.
pub(super) fn check(connection: &Connection, record_cipher: &RecordCipher) -> Finding {
    match damage(connection, record_cipher) {
        Ok(None) => Finding::Whole,
        Ok(Some(cause)) => Finding::Damaged(cause),
        Err(fault) if is_damage(&fault) => Finding::Damaged(fault.to_string()),
        Err(fault) => Finding::Unfinished(fault.to_string()),
    }
}

fn damage(connection: &Connection, record_cipher: &RecordCipher) -> Result<Option<String>> {
    let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        return Ok(Some(said));
    }
    let mut all = connection.prepare("SELECT key, sealed, user, provider_session, generation, ends FROM session")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let key = SessionKey::from_bytes(row.get(0)?);
        let sealed = row.get_ref(1)?.as_blob()?;
        let is_as_written = match record_cipher.look_at(&key, sealed) {
            Seal::Whole(session) => {
                let record = session.record();
                let provider_session =
                    session.provider_session().map(|on| short(&record_cipher.provider_session_hash(&on)));
                let user = short(&record_cipher.index_hash(&record.user));
                let written = (user, provider_session, record.generation, seconds(record.ends));
                written == (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)
            }
            // Sealed under a retired key. It is not a valid session, even if its row looks like one.
            Seal::OfAnotherKey => true,
            Seal::Broken => false,
        };
        if !is_as_written {
            return Ok(Some("a session is not what was written".to_owned()));
        }
    }
    Ok(None)
}
