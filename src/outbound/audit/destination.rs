//! Where lines are written: a file or a socket.

use std::io;

use super::fault::OpenFault;
use super::file::AuditFile;
use super::settings::AuditSettings;
use super::socket::AuditSocket;

/// A file or a socket.
pub(super) enum Destination {
    File(AuditFile),
    Socket(AuditSocket),
}

impl Destination {
    /// Opens a file; a socket is connected at the first line.
    pub(super) fn open(settings: &AuditSettings) -> Result<Self, OpenFault> {
        Ok(match settings {
            AuditSettings::File(path) => Self::File(AuditFile::open(path)?),
            AuditSettings::Socket(path) => Self::Socket(AuditSocket::new(path)),
        })
    }

    /// Writes a line in whole. After a fault the stream contains nothing of it, and it can be written again.
    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write(line),
            Self::Socket(socket) => socket.write(line),
        }
    }
}
