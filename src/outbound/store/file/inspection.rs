//! Looks at every page of a file while the store works. A large file is opened as it is, because reading all of it would
//! take seconds; and `redb` trusts the pages that it reads. So the file is checked afterwards, and whenever a read or a
//! write met something odd. What is found damaged is not used any more: half an index would leave sessions alive that
//! their user ended (FI-7).

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use redb::{Builder, DatabaseError, StorageBackend, StorageError};

use super::disk::{Disk, Frozen, caught};
use super::opening::OpenFault;
use super::recent::Recent;
use super::shadow::Shadow;

/// The check reads the file from its beginning to its end, so a cache is of little use.
const CACHE_BYTES: usize = 1024 * 1024;
/// After so much it rests, so that others get at the processor and the disk; that makes about 100 MiB in a second.
const READ_AT_ONCE: usize = 1024 * 1024;
const REST: Duration = Duration::from_millis(7);

/// The thread that looks. Dropping it stops it.
pub(super) struct Inspector {
    disk: Arc<Disk>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Inspector {
    pub(super) fn start(
        path: &Path,
        disk: Arc<Disk>,
        recent: Arc<Recent>,
        suspected: Receiver<()>,
    ) -> io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let (path, inspected, stop) = (path.to_owned(), Arc::clone(&disk), Arc::clone(&stopped));
        let thread = thread::Builder::new().name("session-check".to_owned()).spawn(move || {
            while suspected.recv().is_ok() && !stop.load(Ordering::Relaxed) {
                if let Some(cause) = inspect(&inspected, &stop) {
                    recent.forget_file();
                    let fault = OpenFault::Damaged { path: path.clone(), cause };
                    tracing::error!("{fault}; until then nobody is signed in");
                }
            }
        })?;
        Ok(Self { disk, stopped, thread: Some(thread) })
    }
}

impl Drop for Inspector {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.disk.suspect();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a look at the file showed.
pub(super) enum Finding {
    Whole,
    /// What `redb` said about it.
    Odd(String),
    /// The disk failed, or the store stops.
    Unfinished(String),
}

/// What is wrong with the file, if it is damaged.
fn inspect(disk: &Disk, stop: &Arc<AtomicBool>) -> Option<String> {
    match look(disk, stop) {
        Finding::Whole => None,
        // Nobody is sent away over a view beside the file: that it is damaged has to show in the file itself.
        Finding::Odd(hint) => disk.judge().or_else(|| {
            tracing::warn!("the session file looked damaged ({hint}), but is whole");
            None
        }),
        Finding::Unfinished(cause) => {
            if !stop.load(Ordering::Relaxed) {
                tracing::warn!("the session file could not be checked: {cause}");
            }
            None
        }
    }
}

fn look(disk: &Disk, stop: &Arc<AtomicBool>) -> Finding {
    match disk.freeze() {
        Some(Ok(Frozen { view, pin })) => {
            let finding = check(Unhurried { view, read: AtomicUsize::new(0), stop: Arc::clone(stop) });
            drop(pin);
            finding
        }
        Some(Err(redb::Error::Corrupted(cause))) => Finding::Odd(cause),
        Some(Err(cause)) => Finding::Unfinished(cause.to_string()),
        None => Finding::Unfinished("it cannot be written".to_owned()),
    }
}

#[cfg(test)]
pub(super) fn look_at(disk: &Disk) -> Finding {
    look(disk, &Arc::default())
}

fn check(view: Unhurried) -> Finding {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    match caught(|| builder.create_with_backend(view).map(drop)) {
        Some(Ok(())) => Finding::Whole,
        Some(Err(DatabaseError::Storage(StorageError::Io(cause)))) => Finding::Unfinished(cause.to_string()),
        Some(Err(cause)) => Finding::Odd(cause.to_string()),
        None => Finding::Odd("it stopped the check".to_owned()),
    }
}

/// A view that is read with rests, and no further once the store stops.
struct Unhurried {
    view: Shadow,
    read: AtomicUsize,
    stop: Arc<AtomicBool>,
}

impl fmt::Debug for Unhurried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unhurried")
    }
}

impl StorageBackend for Unhurried {
    fn len(&self) -> io::Result<u64> {
        self.view.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("the store stops"));
        }
        if self.read.fetch_add(out.len(), Ordering::Relaxed) >= READ_AT_ONCE {
            self.read.store(0, Ordering::Relaxed);
            thread::sleep(REST);
        }
        self.view.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.view.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.view.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.view.write(offset, data)
    }
}
