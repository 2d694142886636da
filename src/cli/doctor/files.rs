//! The files that the configuration names: who may read those with secrets.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::outbound::finding::Finding;

const OTHERS: u32 = 0o007;
const MAX_BYTES: u64 = 1024 * 1024;

/// Who may read a file of the configuration.
pub(super) fn about(path: &Path) -> Finding {
    let (check, shown) = ("file", path.display());
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(fault) => return Finding::note(check, format!("{shown} cannot be looked at ({})", fault.kind())),
    };
    if !metadata.is_file() {
        return Finding::note(check, format!("{shown} is not a regular file, so the service does not read it again"));
    }
    let mode = metadata.mode() & 0o7777;
    if holds_certificates_only(path) {
        return Finding::ok(check, format!("{shown} holds certificates, which may be read by anyone"));
    }
    if mode & OTHERS == 0 {
        return Finding::ok(check, format!("{shown} has mode {mode:04o}"));
    }
    let text = format!("{shown} has mode {mode:04o}, so each user of this machine may use the secret in it");
    Finding::warn(check, text, format!("`chmod 600 {shown}`, or 640 with a group of the service"))
}

/// Whether the file is PEM without a private key.
fn holds_certificates_only(path: &Path) -> bool {
    let mut text = Zeroizing::new(String::new());
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    let mut sections = text.lines().filter(|line| line.starts_with("-----BEGIN ")).peekable();
    read.is_ok() && sections.peek().is_some() && sections.all(|line| line.contains("CERTIFICATE"))
}
