//! Reads files that may be pipes, as `<(command)` of a shell makes them: one into which no program writes must not keep the
//! process for ever.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// How long the program that writes into a pipe may take until its next byte.
const PIPE_TIMEOUT: Duration = Duration::from_secs(30);

/// The first `limit` bytes of a file.
///
/// # Errors
/// Those of the operating system; `TimedOut` for a pipe into which nothing is written for 30 seconds.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    read_within(path, limit, PIPE_TIMEOUT)
}

fn read_within(path: &Path, limit: u64, timeout: Duration) -> io::Result<Zeroizing<Vec<u8>>> {
    let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
    let mut options = OpenOptions::new();
    // Without it, opening a pipe would wait for its writer.
    let file = options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    let is_pipe = file.metadata()?.file_type().is_fifo();
    let mut content = Zeroizing::new(Vec::new());
    let mut rest = file.take(limit);
    loop {
        if is_pipe {
            let mut pipe = [PollFd::new(rest.get_ref(), PollFlags::IN)];
            if poll(&mut pipe, Some(&timeout))? == 0 {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        match rest.read_to_end(&mut content) {
            Ok(_) => return Ok(content),
            Err(fault) if is_pipe && fault.kind() == io::ErrorKind::WouldBlock => {}
            Err(fault) => return Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::thread;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_pipe_is_read_to_its_end_but_not_waited_for_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let fault = read_within(&path, 100, Duration::from_millis(1)).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::TimedOut);

        let (writer, long) = (path.clone(), "x".repeat(100_000));
        let written = long.clone();
        let writing = thread::spawn(move || {
            let mut pipe = OpenOptions::new().write(true).open(writer).unwrap();
            pipe.write_all(written.as_bytes()).unwrap();
        });
        assert_eq!(*read_within(&path, 200_000, Duration::from_secs(20)).unwrap(), long.as_bytes());
        writing.join().unwrap();

        // A program that has the pipe open and writes nothing.
        let idle = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let fault = read_within(&path, 100, Duration::from_millis(1)).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
        drop(idle);
        assert_eq!(read(Path::new("/dev/null"), 1).unwrap().len(), 0);
    }
}
