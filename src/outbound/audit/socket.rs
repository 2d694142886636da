//! The connection to a collector that listens on a Unix stream socket.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a collector may take to accept more bytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection that is made when there is something to write.
pub(super) struct AuditSocket {
    path: PathBuf,
    stream: Option<UnixStream>,
}

impl AuditSocket {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), stream: None }
    }

    /// Writes a line. After a fault the connection is closed, so that the collector sees the end of a line that is not whole.
    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        stream.write_all(line)?;
        self.stream = Some(stream);
        Ok(())
    }

    fn connect(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(&self.path)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        Ok(stream)
    }
}
