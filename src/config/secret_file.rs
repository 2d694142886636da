//! Secrets, certificates and keys in files of their own. Diagnostics name the path, never the content.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::diagnostic::Location;
use super::file_content;
use super::reader::{Reader, Setting, Spanned};
use crate::domain::crypto::sealing::SealingKey;

/// Longer than any secret or certificate.
const MAX_BYTES: u64 = 1024 * 1024;

/// The content of the file at `path`; otherwise a diagnostic is recorded.
pub(super) fn bytes(path: &Spanned<PathBuf>, reader: &mut Reader<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let resolved = reader.resolve(&path.value);
    reader.files.push(resolved.clone());
    let shown = reader.shown(path);
    let problem = match file_content::read(&resolved, MAX_BYTES + 1) {
        Err(fault) if fault.kind() == io::ErrorKind::TimedOut => {
            format!("{shown} is a pipe into which nothing was written for 30 seconds")
        }
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
            reader.fault(&path.location, format!("{shown} does not exist"), help_for_missing(&path.value));
            return None;
        }
        Err(fault) => format!("{shown} cannot be read ({})", fault.kind()),
        Ok(content) if content.is_empty() => format!("{shown} is empty"),
        Ok(content) if content.len() as u64 > MAX_BYTES => format!("{shown} is longer than 1 MiB"),
        Ok(content) => {
            reader.digests.add_file(&path.location.key, &content);
            return Some(content);
        }
    };
    reader.fault(&path.location, problem, "name a readable file that holds the value");
    None
}

fn help_for_missing(written: &Path) -> &'static str {
    if written.is_absolute() {
        "name a file that holds the value"
    } else {
        "name a file that holds the value; a relative path begins at the folder of the configuration file"
    }
}

/// The text of a file without the line ends that editors append.
pub(super) fn secret(path: &Spanned<PathBuf>, reader: &mut Reader<'_>) -> Option<SecretString> {
    let content = bytes(path, reader)?;
    let text = std::str::from_utf8(&content).ok().map(|text| text.trim_end_matches(['\r', '\n']));
    let problem = match text {
        Some("") => "is empty",
        Some(text) => return Some(SecretString::from(text)),
        None => "is not UTF-8 text",
    };
    let problem = format!("{} {problem}", reader.shown(path));
    reader.fault(&path.location, problem, "put the secret into it, and nothing else");
    None
}

/// A secret that is written in place or in a file, and its location; both together are a fault.
pub(super) fn either(
    written: &Setting<SecretString>,
    file: &Setting<PathBuf>,
    reader: &mut Reader<'_>,
) -> Option<Spanned<SecretString>> {
    match (written.given(), file.given()) {
        (Some(_), Some(file)) => {
            reader.fault(&file.location, "the value is given directly, too", "keep one of the two");
            None
        }
        (Some(written), None) => Some(written.clone()),
        (None, Some(file)) => secret(file, reader).map(|value| Spanned { location: file.location.clone(), value }),
        (None, None) => None,
    }
}

/// A sealing key: base64 of exactly 32 bytes.
pub(super) fn sealing_key(text: &SecretString, location: &Location, reader: &mut Reader<'_>) -> Option<SealingKey> {
    let decoded = STANDARD.decode(text.expose_secret().trim()).map(Zeroizing::new).ok();
    let key = decoded.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    if key.is_none() {
        reader.fault(location, "it is not base64 of exactly 32 bytes", "make one with `openssl rand -base64 32`");
    }
    key.map(SealingKey::new)
}
