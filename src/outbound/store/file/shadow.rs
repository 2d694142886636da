//! A view of a file that can no longer be written: reads come from the file, writes stay in memory. With it the database
//! opens (which takes a few writes) and sessions can be read while the disk is full or read-only.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
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

    /// A view that keeps the first block, where `redb` has what changes in its place, as it is now.
    pub(super) fn of_header(file: File) -> io::Result<Self> {
        let shadow = Self::of(file)?;
        let mut overlay = shadow.overlay();
        let first = overlay.block(0, &shadow.file)?;
        overlay.written.insert(0, first);
        drop(overlay);
        Ok(shadow)
    }

    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shadow {
    /// What lies behind a new end must read as zeros when the file grows again.
    fn clear_tail(&self, overlay: &mut Overlay, len: u64) -> io::Result<()> {
        let (number, start) = (len / BLOCK as u64, len % BLOCK as u64);
        if len < overlay.len && start > 0 {
            let mut block = overlay.block(number, &self.file)?;
            if let Some(tail) = usize::try_from(start).ok().and_then(|start| block.get_mut(start..)) {
                tail.fill(0);
            }
            overlay.written.insert(number, block);
        }
        Ok(())
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

/// A part of a read or write that lies in one block.
struct Piece {
    block: u64,
    in_block: Range<usize>,
    in_whole: Range<usize>,
}

/// Cuts `len` bytes from `offset` on into pieces.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = Piece> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        // A remainder of 4096 fits any usize.
        let start = usize::try_from(at % BLOCK as u64).ok()?;
        let size = (BLOCK - start).min(len - done);
        let in_whole = done..done + size;
        done += size;
        (size > 0).then_some(Piece { block: at / BLOCK as u64, in_block: start..start + size, in_whole })
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
        for piece in pieces(offset, out.len()) {
            let block = overlay.block(piece.block, &self.file)?;
            if let (Some(to), Some(from)) = (out.get_mut(piece.in_whole), block.get(piece.in_block)) {
                to.copy_from_slice(from);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut overlay = self.overlay();
        self.clear_tail(&mut overlay, len)?;
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
        for piece in pieces(offset, data.len()) {
            let mut block = overlay.block(piece.block, &self.file)?;
            if let (Some(to), Some(from)) = (block.get_mut(piece.in_block), data.get(piece.in_whole)) {
                to.copy_from_slice(from);
            }
            overlay.written.insert(piece.block, block);
        }
        overlay.len = overlay.len.max(offset.saturating_add(data.len() as u64));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(usize, Vec<u8>),
        Resize(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..20_000_usize, prop::collection::vec(any::<u8>(), 0..9000)).prop_map(|(at, data)| Step::Write(at, data)),
            1 => (0..30_000_usize).prop_map(Step::Resize),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shadow_reads_like_the_file_that_it_would_be(
            content in prop::collection::vec(any::<u8>(), 0..20_000),
            steps in prop::collection::vec(step(), 0..12),
        ) {
            let directory = tempfile::TempDir::new().unwrap();
            let path = directory.path().join("file");
            std::fs::write(&path, &content).unwrap();
            let shadow = Shadow::of(File::open(&path).unwrap()).unwrap();
            let mut model = content.clone();
            for step in steps {
                match step {
                    Step::Write(at, data) => {
                        shadow.write(at as u64, &data).unwrap();
                        model.resize(model.len().max(at + data.len()), 0);
                        model[at..at + data.len()].copy_from_slice(&data);
                    }
                    Step::Resize(len) => {
                        shadow.set_len(len as u64).unwrap();
                        model.resize(len, 0);
                    }
                }
                prop_assert_eq!(shadow.len().unwrap(), model.len() as u64);
                let mut read = vec![1; model.len()];
                shadow.read(0, &mut read).unwrap();
                prop_assert!(read == model);
            }
            prop_assert!(shadow.read(model.len() as u64, &mut [0]).is_err());
            prop_assert!(std::fs::read(&path).unwrap() == content, "the file is as it was");
        }
    }
}
