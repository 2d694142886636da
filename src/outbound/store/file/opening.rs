//! Opening a session file: whose it is, whether it is whole, whether it is ours, and whether we have its key (FI-7).
//! Every fault is reported with its correction; nothing is repaired by dropping sessions.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use rusqlite::Connection;

use super::database::{Database, companions, connect, in_transaction, rollback_journal, use_wal};
use super::fault::{Cause, OpenFault};
use super::integrity::{Finding, check};
use super::locked_file::LockedFile;
use super::tables::{DAMAGED_FORMAT, FORMAT, SCHEMA, meta, set_meta};
use crate::domain::crypto::sealing::SealingKeys;
use crate::outbound::private_file;
use crate::outbound::store::record_cipher::{IndexKey, RecordCipher};
use crate::ports::Entropy;

/// The upper bound of format numbers, reserved for later formats.
const LAST_FORMAT: i32 = 255;

/// Identifies the database as Gatepost's in the header: "gate".
const APPLICATION_ID: i32 = 0x6761_7465;
const INDEX_SECRET_NAME: &str = "index secret";
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";
/// The first bytes of a `redb` file, the format of the session store before the first release.
const REDB_MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// A file that Gatepost wrote, and that is undamaged as far as it was checked.
pub(super) struct OpenedFile {
    pub(super) database: Database,
    pub(super) writer: Connection,
    pub(super) record_cipher: RecordCipher,
    /// Receives every suspicion that the file might be damaged.
    pub(super) suspected: Receiver<()>,
}

/// Opens the file and its record cipher; a new or empty file becomes a store without sessions. A file of more than
/// `checked_at_start` bytes is opened unchecked, with a request for a check.
pub(super) fn open(
    path: &Path,
    keys: SealingKeys,
    entropy: Arc<dyn Entropy>,
    checked_at_start: u64,
) -> Result<OpenedFile, Cause> {
    let file = LockedFile::lock(private_file::open_or_make(path)?)?;
    // SQLite creates them with the mode of the file. They remain after a crash, and their mode may have been widened since.
    for companion in companions(path).into_iter().chain([rollback_journal(path)]) {
        private_file::open_existing(&companion)?;
    }
    let is_large = file.0.metadata()?.len() > checked_at_start;
    // SQLite takes `file:` at the beginning of a relative path for a URI.
    let path = std::path::absolute(path)?;
    let (writer, record_cipher) = open_database(&file.0, &path, keys, entropy, is_large)?;
    let (database, suspected) = Database::new(path, file);
    if is_large {
        database.suspect();
    }
    Ok(OpenedFile { database, writer, record_cipher, suspected })
}

fn open_database(
    file: &File,
    path: &Path,
    keys: SealingKeys,
    entropy: Arc<dyn Entropy>,
    is_large: bool,
) -> Result<(Connection, RecordCipher), Cause> {
    recognise_file(file, path)?;
    let mut connection = connect(path)?;
    let secret = recognise_database(&connection)?;
    let is_new = secret.is_none();
    let secret = match secret {
        Some(sealed) => open_secret(&sealed, &keys)?,
        None => IndexKey::make(&*entropy)?,
    };
    let sealed = secret.seal(&keys, &*entropy)?;
    let record_cipher = RecordCipher::new(keys, &secret, entropy);
    if !is_new && !is_large {
        match check(&connection, &record_cipher) {
            Finding::Whole => {}
            Finding::Damaged(cause) => return Err(Cause::Damaged(cause)),
            Finding::Unfinished(cause) => return Err(Cause::Io(io::Error::other(cause))),
        }
    }
    if !use_wal(&connection)? {
        return Err(Cause::Io(io::Error::other("its file system allows no WAL (shared memory)")));
    }
    in_transaction(&mut connection, |connection| {
        if is_new {
            SCHEMA.iter().try_for_each(|statement| connection.execute_batch(statement))?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", FORMAT)?;
        }
        // Sealed again at each start, so that it follows a key rotation.
        set_meta(connection, INDEX_SECRET_NAME, &sealed)
    })?;
    Ok((connection, record_cipher))
}

/// Whether the file at `path` looks like a database; it is neither locked nor opened by SQLite.
///
/// # Errors
/// [`OpenFault`], with the correction.
pub(in crate::outbound::store) fn recognised(path: &Path) -> Result<(), OpenFault> {
    let opened = private_file::open_without_waiting(path).map_err(Cause::from);
    opened.and_then(|file| recognise_file(&file, path)).map_err(|cause| cause.at(path))
}

/// Whether SQLite may open the file at all. A file that was just created is empty.
fn recognise_file(file: &File, path: &Path) -> Result<(), Cause> {
    let mut first = [0; 20];
    let len = file.read_at(&mut first, 0)?;
    let (magic, rest) = first.get(..len).unwrap_or_default().split_at(len.min(SQLITE_MAGIC.len()));
    if magic.starts_with(REDB_MAGIC) {
        return Err(Cause::Redb);
    }
    if first.iter().all(|byte| *byte == 0) && len > 0 && rollback_journal(path).try_exists()? {
        // The very first start was interrupted: SQLite had allocated the first page without writing it. SQLite truncates the
        // file, or reports that it is not a database.
        return Ok(());
    }
    if !SQLITE_MAGIC.starts_with(magic) {
        return Err(Cause::Foreign);
    }
    // Page size and format versions. SQLite takes a file of one byte for a new one, and does not write to a file of another
    // version.
    match rest {
        [] if magic.is_empty() => Ok(()),
        [_, _, 1 | 2, 1 | 2] => Ok(()),
        _ => Err(Cause::Damaged("its first bytes are not those of a database".to_owned())),
    }
}

/// The sealed index secret of a database that Gatepost wrote; `None` for one in which nothing was ever created.
fn recognise_database(connection: &Connection) -> Result<Option<Vec<u8>>, Cause> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let mut schema =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")?;
    let schema = schema.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let (application, format) = (number("application_id")?, number("user_version")?);
    if application != APPLICATION_ID {
        let is_blank = application == 0 && format == 0 && schema.is_empty();
        return if is_blank { Ok(None) } else { Err(Cause::Foreign) };
    }
    match format {
        FORMAT => {}
        DAMAGED_FORMAT => return Err(Cause::Damaged("that was found while it was in use".to_owned())),
        later if (FORMAT..=LAST_FORMAT).contains(&later) => return Err(Cause::Newer(later)),
        other => return Err(Cause::Damaged(format!("there is no format {other}"))),
    }
    if schema != SCHEMA {
        return Err(Cause::Damaged("its tables are not those of its format".to_owned()));
    }
    let secret = meta(connection, INDEX_SECRET_NAME)?;
    secret.ok_or_else(|| Cause::Damaged("its index secret is missing".to_owned())).map(Some)
}

fn open_secret(sealed: &[u8], keys: &SealingKeys) -> Result<IndexKey, Cause> {
    IndexKey::open(sealed, keys).map_err(|_| {
        if keys.sealed(sealed) { Cause::Damaged("its index secret was changed".to_owned()) } else { Cause::WrongKey }
    })
}
