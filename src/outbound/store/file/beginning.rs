//! A first start that was cut short. `redb` lays a new file out before it marks it as a database, so that a crash in
//! between leaves a file without the mark, which it then refuses. In such a file nothing was ever saved.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use redb::{Builder, StorageBackend};

/// The mark stands at the very beginning.
const MARK_BYTES: usize = 9;

/// Empties a file in which no database was ever made; whether it was one.
pub(super) fn clear_if_never_begun(file: &File) -> io::Result<bool> {
    // `redb` holds this lock while it makes a database, and no longer than until now if it was refused.
    if file.try_lock().is_err() {
        return Ok(false);
    }
    let never_begun = is_never_begun(file);
    if matches!(never_begun, Ok(true)) {
        file.set_len(0)?;
    }
    file.unlock()?;
    never_begun
}

/// Whether the file is what `redb` writes first into a new one: nothing, or all but the mark.
fn is_never_begun(file: &File) -> io::Result<bool> {
    let Some(mut first) = first_content() else { return Ok(false) };
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if len != first.len() {
        return Ok(false);
    }
    let mut content = vec![0; len];
    file.read_exact_at(&mut content, 0)?;
    if let Some(mark) = first.get_mut(..MARK_BYTES) {
        mark.fill(0);
    }
    Ok(content == first || content.iter().all(|byte| *byte == 0))
}

/// What a new database looks like before anything was saved in it.
fn first_content() -> Option<Vec<u8>> {
    let recorded = Recording::default();
    let database = Builder::new().create_with_backend(recorded.clone()).ok()?;
    drop(database);
    recorded.lock().first.clone()
}

/// A file in memory, which keeps what it held when it was first called lasting.
#[derive(Clone, Debug, Default)]
struct Recording(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    content: Vec<u8>,
    first: Option<Vec<u8>>,
}

impl Recording {
    fn lock(&self) -> std::sync::MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of `content` from `offset` on, `len` bytes long.
fn part(content: &mut [u8], offset: u64, len: usize) -> io::Result<&mut [u8]> {
    let start = usize::try_from(offset).map_err(io::Error::other)?;
    let end = start.saturating_add(len);
    content.get_mut(start..end).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

impl StorageBackend for Recording {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.copy_from_slice(part(&mut self.lock().content, offset, out.len())?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.lock().content.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let recorded = &mut *self.lock();
        if recorded.first.is_none() {
            recorded.first = Some(recorded.content.clone());
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        part(&mut self.lock().content, offset, data.len())?.copy_from_slice(data);
        Ok(())
    }
}
