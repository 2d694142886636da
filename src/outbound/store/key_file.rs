//! The sealing key file beside the store: created on the first start, read from then on. 32 random bytes as base64 text.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::domain::crypto::sealing::SealingKey;
use crate::outbound::private_file::{self, PrivacyFault};
use crate::ports::{Entropy, EntropyFault};

const KEY_BYTES: usize = 32;
/// 44 characters of base64 and a line end, with a margin for extra whitespace from an editor.
const MAX_FILE_BYTES: u64 = 64;

/// Why there is no sealing key.
#[derive(Debug, Error)]
pub enum KeyFault {
    /// Others than the owner could read the file, or it cannot be opened.
    #[error("sealing key: {0}")]
    NotPrivate(#[from] PrivacyFault),
    /// The file contains something else.
    #[error(
        "sealing key: {} does not hold 32 bytes as base64 (44 characters); restore it from a backup, or delete it together with the store, which signs all users out",
        path.display()
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// A new key could not be stored.
    #[error("sealing key: cannot write {}: {cause}", path.display())]
    NotKept {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// No key could be made for lack of randomness.
    #[error("sealing key: {0}")]
    Entropy(#[from] EntropyFault),
}

/// The key that `path` holds; a new one is made and kept there when the file does not exist.
///
/// # Errors
/// [`KeyFault`], with the correction.
pub fn sealing_key(path: &Path, entropy: &dyn Entropy) -> Result<SealingKey, KeyFault> {
    if let Some(file) = private_file::open_existing(path)? {
        return read(file, path);
    }
    make(path, entropy)?;
    // Read back what is in the file now: when two processes start at once, both use the key that was linked first.
    match private_file::open_existing(path)? {
        Some(file) => read(file, path),
        None => Err(KeyFault::NotKept { path: path.to_owned(), cause: io::ErrorKind::NotFound.into() }),
    }
}

fn read(file: File, path: &Path) -> Result<SealingKey, KeyFault> {
    let not_a_key = || KeyFault::NotAKey { path: path.to_owned() };
    let mut text = Zeroizing::new(String::with_capacity(64));
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(|cause| {
        // The file is not even UTF-8.
        let is_other = cause.kind() == io::ErrorKind::InvalidData;
        if is_other { not_a_key() } else { PrivacyFault::Io { path: path.to_owned(), cause }.into() }
    })?;
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    match STANDARD.decode_slice(text.trim(), secret.as_mut_slice()) {
        Ok(KEY_BYTES) => Ok(SealingKey::new(*secret)),
        _ => Err(not_a_key()),
    }
}

/// Writes a temporary file, syncs it and links it into place, so that `path` never contains half a key, nor a second one.
fn make(path: &Path, entropy: &dyn Entropy) -> Result<(), KeyFault> {
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    entropy.fill(secret.as_mut_slice())?;
    let text = Zeroizing::new(STANDARD.encode(*secret) + "\n");
    let aside = private_file::aside(path, entropy)?;
    let kept = private_file::write_synced(&aside, text.as_bytes()).and_then(|()| match fs::hard_link(&aside, path) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Some file systems have no hard links; a rename is equivalent unless two processes start at once.
        Err(_) => fs::rename(&aside, path),
        Ok(()) => Ok(()),
    });
    let _ = fs::remove_file(&aside);
    kept.and_then(|()| File::open(private_file::directory_of(path))?.sync_all())
        .map_err(|cause| KeyFault::NotKept { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests;
