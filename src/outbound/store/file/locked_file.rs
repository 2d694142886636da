//! The lock that excludes a second process.

use std::fs::{File, TryLockError};

use super::fault::Cause;

/// The open, exclusively locked file. `sqlite3` ignores this lock, so backups can be made.
pub(super) struct LockedFile(pub(super) File);

impl LockedFile {
    pub(super) fn lock(file: File) -> Result<Self, Cause> {
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Cause::InUse),
            Err(TryLockError::Error(cause)) => Err(Cause::Io(cause)),
        }
    }
}

/// A child process that is being started has a copy of the handle for a moment: merely closing ours would leave it locked.
impl Drop for LockedFile {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}
