//! The file of the audit stream, which contains whole lines only.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::fault::OpenFault;
use crate::outbound::private_file;

/// A file that only its owner can read, opened for appending and locked against other processes.
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
    /// Whether the file ends within a line, after a crash or a fault: the next line then begins with a line break.
    is_torn: bool,
}

impl AuditFile {
    pub(super) fn open(path: &Path) -> Result<Self, OpenFault> {
        let mut file = private_file::open_to_append(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenFault::InUse(path.to_owned())),
            Err(TryLockError::Error(cause)) => return Err(cause.into()),
        }
        let is_torn = ends_within_a_line(&mut file)?;
        Ok(Self { path: path.to_owned(), file, is_torn })
    }

    /// Opens the file at the path, which may be another one by now. After a fault the present one stays open.
    pub(super) fn reopen(&mut self) -> Result<(), OpenFault> {
        // The path may still lead to the present file, whose lock would be in the way.
        self.file.unlock()?;
        match Self::open(&self.path) {
            Ok(opened) => *self = opened,
            Err(fault) => {
                // No other process can have taken it meanwhile, unless it caused the fault.
                let _ = self.file.try_lock();
                return Err(fault);
            }
        }
        Ok(())
    }

    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.write_all(b"\n")?;
            self.is_torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return self.undo(line.len() - rest.len(), io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => return self.undo(line.len() - rest.len(), fault),
            }
        }
        Ok(())
    }

    /// Removes the beginning of a line whose rest could not be written.
    fn undo(&mut self, written: usize, fault: io::Error) -> io::Result<()> {
        if written > 0 {
            let end = self.file.metadata().map(|metadata| metadata.len());
            let begin = end.map(|end| end.saturating_sub(written as u64));
            self.is_torn = begin.and_then(|begin| self.file.set_len(begin)).is_err();
        }
        Err(fault)
    }
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
