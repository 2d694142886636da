//! A view of a file that can no longer be written: reads come from the file, writes stay in memory. With it the database
//! opens (which takes a few writes) and sessions can be read while the disk is full or read-only.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

const BLOCK: usize = 4096;
type Block = [u8; BLOCK];

/// The view.
pub(super) struct Shadow {
    file: File,
    overlay: Mutex<Overlay>,
}

struct Overlay {
    len: u64,
    /// How much of the file still shows.
    file_len: u64,
    /// Blocks written since, by their number.
    written: BTreeMap<u64, Box<Block>>,
}

impl fmt::Debug for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shadow")
    }
}

impl Shadow {
    pub(super) fn of(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, overlay: Mutex::new(Overlay { len, file_len: len, written: BTreeMap::new() }) })
    }

    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Overlay {
    fn block(&self, number: u64, file: &File) -> io::Result<Box<Block>> {
        if let Some(block) = self.written.get(&number) {
            return Ok(block.clone());
        }
        let mut block = Box::new([0; BLOCK]);
        let start = number * BLOCK as u64;
        let shown = self.file_len.saturating_sub(start).min(BLOCK as u64);
        if let Some(part) = usize::try_from(shown).ok().and_then(|shown| block.get_mut(..shown)) {
            file.read_exact_at(part, start)?;
        }
        Ok(block)
    }
}

/// Cuts `len` bytes from `offset` on into pieces that lie in one block each: block, place in it, place in the whole.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        // A remainder of 4096 fits any usize.
        let start = usize::try_from(at % BLOCK as u64).ok()?;
        let size = (BLOCK - start).min(len - done);
        let whole = done..done + size;
        done += size;
        (size > 0).then_some((at / BLOCK as u64, start..start + size, whole))
    })
}

impl StorageBackend for Shadow {
    fn len(&self) -> io::Result<u64> {
        Ok(self.overlay().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let overlay = self.overlay();
        if offset.saturating_add(out.len() as u64) > overlay.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, in_block, in_out) in pieces(offset, out.len()) {
            let block = overlay.block(number, &self.file)?;
            if let (Some(to), Some(from)) = (out.get_mut(in_out), block.get(in_block)) {
                to.copy_from_slice(from);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut overlay = self.overlay();
        overlay.written.retain(|number, _| number * (BLOCK as u64) < len);
        overlay.file_len = overlay.file_len.min(len);
        overlay.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut overlay = self.overlay();
        for (number, in_block, in_data) in pieces(offset, data.len()) {
            let mut block = overlay.block(number, &self.file)?;
            if let (Some(to), Some(from)) = (block.get_mut(in_block), data.get(in_data)) {
                to.copy_from_slice(from);
            }
            overlay.written.insert(number, block);
        }
        overlay.len = overlay.len.max(offset.saturating_add(data.len() as u64));
        Ok(())
    }
}
