//! Why a session file cannot be used, and the help.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use rusqlite::{Error, ErrorCode};
use thiserror::Error as ThisError;

use super::tables::FORMAT;
use crate::outbound::private_file::PrivacyFault;
use crate::ports::EntropyFault;

/// Why a session file cannot be used as it is.
#[derive(Debug, ThisError)]
pub struct OpenFault {
    path: PathBuf,
    pub(super) cause: Cause,
}

impl fmt::Display for OpenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // This fault already names the file or its directory.
        if let Cause::NotPrivate(fault) = &self.cause {
            return write!(f, "session store: {fault}");
        }
        write!(f, "session store: {} {}", self.path.display(), self.cause)
    }
}

/// What is wrong with a file, and the correction.
#[derive(Debug, ThisError)]
pub(super) enum Cause {
    /// Others than the owner could read or change it, or it cannot be opened.
    #[error("{0}")]
    NotPrivate(#[from] PrivacyFault),
    #[error("is in use by another process; stop that one, or give each its own `session.path`")]
    InUse,
    #[error("is not a session file of Gatepost; let `session.path` name another file")]
    Foreign,
    #[error(
        "is a redb database, the format before the first release of Gatepost, which now uses SQLite. Delete the file, which signs all users out, or let `session.path` name another one"
    )]
    Redb,
    /// A later version of Gatepost wrote it.
    #[error(
        "has format {0}, but this Gatepost supports formats up to {FORMAT}; start the version that wrote it, or delete the file, which signs all users out"
    )]
    Newer(i32),
    /// Bytes were lost or changed.
    #[error(
        "is damaged ({0}); restore it from a backup, or delete it together with the files of the same name with the suffixes -wal and -shm, which signs all users out"
    )]
    Damaged(String),
    #[error(
        "was encrypted with another key; set that key as `session.sealing_key` (or among `session.previous_sealing_keys`), or delete the file, which signs all users out"
    )]
    WrongKey,
    #[error("cannot be used: {0}")]
    Io(#[from] io::Error),
    /// Sealing failed for lack of randomness.
    #[error("cannot be used: {0}")]
    Entropy(#[from] EntropyFault),
}

impl Cause {
    pub(super) fn at(self, path: &Path) -> OpenFault {
        OpenFault { path: path.to_owned(), cause: self }
    }
}

impl From<Error> for Cause {
    fn from(fault: Error) -> Self {
        match fault.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                Self::InUse
            }
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::NoLargeFileSupport,
            ) => Self::Io(io::Error::other(fault)),
            _ => Self::Damaged(fault.to_string()),
        }
    }
}
