//! Opening a session file: whose it is, whether it is whole, whether it is ours, and whether we have its key (FI-7).
//! Whatever is wrong is said with the mend; nothing is repaired by forgetting sessions.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use redb::{Database, DatabaseError, ReadableTable as _, StorageError, TableHandle as _, WriteTransaction};
use thiserror::Error;

use super::beginning;
use super::disk::{Check, DAMAGED, Disk, caught, open_database};
use super::migration;
use super::tables::{META, Tables};
use crate::domain::sealing::SealingKeys;
use crate::outbound::store::private_file::{self, PrivacyFault};
use crate::outbound::store::vault::{IndexSecret, Vault};
use crate::ports::{Entropy, EntropyFault};

/// The layout described in `tables`; a later one is not ours to read, an earlier one is brought up to it.
const FORMAT: u32 = 2;
/// Without renewals and the provider's sessions.
const FIRST_FORMAT: u32 = 1;
const FORMAT_NAME: &str = "format";
const INDEX_SECRET_NAME: &str = "index secret";

/// Why a session file cannot be used as it is.
#[derive(Debug, Error)]
pub enum OpenFault {
    /// Others could read or change the file, or it cannot be opened.
    #[error("session store: {0}")]
    NotPrivate(#[from] PrivacyFault),
    /// Another process has the file.
    #[error(
        "session store: {} is in use by another process; stop that one, or give each its own `session.path`",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Not a session file at all.
    #[error("session store: {} is not a session file of Gatepost; let `session.path` name another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later Gatepost wrote it.
    #[error(
        "session store: {} has format {found}, but this Gatepost knows formats up to {FORMAT}; start the version that wrote it, or delete the file, which signs everybody out",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Bytes were lost or changed.
    #[error(
        "session store: {} is damaged ({cause}); restore it from a backup, or delete it, which signs everybody out",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
    /// Sealed under a key that we do not have.
    #[error(
        "session store: {} was sealed under another key; give that key as `session.sealing_key` (or among `session.previous_sealing_keys`), or delete the file, which signs everybody out",
        path.display()
    )]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// The disk failed.
    #[error("session store: cannot use {}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// No randomness, no seal.
    #[error("session store: {0}")]
    Entropy(#[from] EntropyFault),
}

/// What went wrong inside, before the path is added.
enum Cause {
    InUse,
    Foreign,
    Newer(u32),
    Damaged(String),
    WrongKey,
    Io(io::Error),
    Entropy(EntropyFault),
}

impl Cause {
    fn at(self, path: &Path) -> OpenFault {
        let path = path.to_owned();
        match self {
            Self::InUse => OpenFault::InUse { path },
            Self::Foreign => OpenFault::Foreign { path },
            Self::Newer(found) => OpenFault::Newer { path, found },
            Self::Damaged(cause) => OpenFault::Damaged { path, cause },
            Self::WrongKey => OpenFault::WrongKey { path },
            Self::Io(cause) => OpenFault::Io { path, cause },
            Self::Entropy(fault) => OpenFault::Entropy(fault),
        }
    }
}

impl From<StorageError> for Cause {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "foreign and open-ended; what is no matter of the disk is damage"
    )]
    fn from(error: StorageError) -> Self {
        match error {
            // `redb` says so when the first bytes are not its own.
            StorageError::Io(cause) if cause.kind() == io::ErrorKind::InvalidData => Self::Foreign,
            StorageError::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Damaged("it is shorter than it should be".to_owned())
            }
            StorageError::Io(cause) => Self::Io(cause),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<DatabaseError> for Cause {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "foreign and open-ended; what is no matter of the disk is damage"
    )]
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => Self::InUse,
            DatabaseError::Storage(error) => error.into(),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// After the database has opened, whatever `redb` objects to is a matter of the file's content or of the disk.
impl From<redb::Error> for Cause {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "foreign and open-ended; what is no matter of the disk is damage"
    )]
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(cause) => StorageError::Io(cause).into(),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<EntropyFault> for Cause {
    fn from(fault: EntropyFault) -> Self {
        Self::Entropy(fault)
    }
}

/// A file that is whole, as far as was looked, and ours.
pub(super) struct Opened {
    pub(super) disk: Disk,
    pub(super) vault: Vault,
    /// Hears of every suspicion that the file might be damaged.
    pub(super) suspected: Receiver<()>,
}

/// Opens the file and what seals its records; a new or empty file becomes a store without sessions. A file of more than
/// `checked_at_start` bytes is opened as it is, with the suspicion that it may be damaged.
pub(super) fn open(
    path: &Path,
    keys: SealingKeys,
    entropy: Arc<dyn Entropy>,
    checked_at_start: u64,
) -> Result<Opened, OpenFault> {
    let file = private_file::open_or_make(path)?;
    let (database, check) = open_checked(&file, checked_at_start).map_err(|cause| cause.at(path))?;
    let vault = caught(|| prepare(&database, keys, entropy))
        .unwrap_or_else(|| Err(Cause::Damaged(DAMAGED.to_owned())))
        .map_err(|cause| cause.at(path))?;
    let (disk, suspected) = Disk::new(file, database);
    if check == Check::AsNeeded {
        disk.suspect();
    }
    Ok(Opened { disk, vault, suspected })
}

fn open_checked(file: &File, checked_at_start: u64) -> Result<(Database, Check), Cause> {
    let len = file.metadata().map_err(Cause::Io)?.len();
    let check = if len <= checked_at_start { Check::Everything } else { Check::AsNeeded };
    let cause = match open_database(file, check) {
        Ok(database) => return Ok((database, check)),
        Err(Some(cause)) => Cause::from(cause),
        Err(None) => Cause::Damaged(DAMAGED.to_owned()),
    };
    // Not even marked as a database: perhaps the first start was cut short before it had made one.
    if matches!(cause, Cause::Foreign) && beginning::clear_if_never_begun(file).map_err(Cause::Io)? {
        tracing::warn!("a first start had been cut short; the session file is made anew");
        let database = open_database(file, check);
        return Ok((database.map_err(|cause| cause.map_or(Cause::Foreign, Cause::from))?, check));
    }
    Err(cause)
}

/// Reads format and index secret, or writes them into a new database; brings an older format up to the present one.
fn prepare(database: &Database, keys: SealingKeys, entropy: Arc<dyn Entropy>) -> Result<Vault, Cause> {
    let transaction = database.begin_write().map_err(redb::Error::from)?;
    let is_new = transaction.list_tables().map_err(redb::Error::from)?.next().is_none();
    let (secret, format) =
        if is_new { (IndexSecret::make(&*entropy)?, FORMAT) } else { recognise(&transaction, &keys)? };
    describe(&transaction, &secret.seal(&keys, &*entropy)?)?;
    let vault = Vault::new(keys, &secret, entropy);
    if format == FIRST_FORMAT {
        let sessions =
            migration::from_first_format(&mut Tables::open(&transaction).map_err(redb::Error::from)?, &vault)?;
        tracing::info!(sessions, "session file brought up to format {FORMAT}");
    }
    transaction.commit().map_err(redb::Error::from)?;
    Ok(vault)
}

/// The index secret of a database that is ours, and its format.
fn recognise(transaction: &WriteTransaction, keys: &SealingKeys) -> Result<(IndexSecret, u32), Cause> {
    let mut names = transaction.list_tables().map_err(redb::Error::from)?;
    if !names.any(|table| table.name() == META.name()) {
        return Err(Cause::Foreign);
    }
    let meta = transaction.open_table(META).map_err(|_| Cause::Foreign)?;
    let value = |name| meta.get(name).map_err(redb::Error::from).map_err(Cause::from);
    let format = value(FORMAT_NAME)?.and_then(|bytes| bytes.value().try_into().ok()).map(u32::from_be_bytes);
    let format = match format {
        Some(known @ FIRST_FORMAT..=FORMAT) => known,
        Some(later) if later > FORMAT => return Err(Cause::Newer(later)),
        Some(_) | None => return Err(Cause::Foreign),
    };
    let secret = value(INDEX_SECRET_NAME)?.ok_or_else(|| Cause::Damaged("its index secret is missing".to_owned()))?;
    let secret = IndexSecret::open(secret.value(), keys).map_err(|_| Cause::WrongKey)?;
    Ok((secret, format))
}

/// Writes what [`recognise`] reads. The secret is sealed anew at each start, so that it follows a rotation of keys.
fn describe(transaction: &WriteTransaction, sealed_secret: &[u8]) -> Result<(), redb::Error> {
    Tables::open(transaction)?;
    let mut meta = transaction.open_table(META)?;
    meta.insert(FORMAT_NAME, FORMAT.to_be_bytes().as_slice())?;
    meta.insert(INDEX_SECRET_NAME, sealed_secret)?;
    Ok(())
}
