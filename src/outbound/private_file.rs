//! Files that only their owner may use: created with mode 0600, and refused when others may use them (FI-7).
//!
//! Group permissions are removed instead of refused: a Kubernetes volume with `fsGroup` gets `g+rw` on every file at every
//! mount, so a refusal would prevent the second start. Only the process's own uid can remove them.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, OFlags};
use thiserror::Error;

use crate::ports::{Entropy, EntropyFault};

const OWNER_ONLY: u32 = 0o600;
const OWNER_ONLY_DIRECTORY: u32 = 0o700;
const GROUP: u32 = 0o070;
const OTHERS: u32 = 0o007;
const ALL_BITS: u32 = 0o7777;

/// Why a file is not private, or could not be made so.
#[derive(Debug, Error)]
pub enum PrivacyFault {
    /// A directory, a device, a socket.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Users other than its owner and its group have permissions.
    #[error("{0} has mode {mode:04o}, so other users may access it: `chmod 600 {0}`, and treat its contents as disclosed", path.display())]
    Loose {
        /// The path.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Its group has permissions, which cannot be removed.
    #[error(
        "{0} has mode {mode:04o}, so its group may use it, and it cannot be given mode {OWNER_ONLY:04o} ({cause}): move it to a file system that can be written and keeps modes, or `chmod 600 {0}` where it is mounted writable",
        path.display()
    )]
    GroupStays {
        /// The path.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Why the mode cannot be changed.
        cause: io::Error,
    },
    /// The owner is another user, who could change the file.
    #[error("{0} belongs to user {owner}, but this process is user {own}: `chown {own} {0}`", path.display())]
    ForeignOwner {
        /// The path.
        path: PathBuf,
        /// Numeric id of its owner.
        owner: u32,
        /// Numeric id of this process's user.
        own: u32,
    },
    /// The operating system refused.
    #[error("cannot open {}: {cause}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
}

/// Who may use a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privacy {
    /// There is no file.
    Absent,
    /// Its owner only.
    Private,
    /// Its group, too; these are its permission bits.
    OfGroup(u32),
}

/// Who may use the file at `path`; changes nothing.
pub(super) fn privacy(path: &Path) -> Result<Privacy, PrivacyFault> {
    match open_without_waiting(path) {
        Ok(file) => judge(&file, path),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Privacy::Absent),
        Err(cause) => Err(PrivacyFault::Io { path: path.to_owned(), cause }),
    }
}

/// Whether files can be made in `folder`, or in its nearest parent that exists.
pub(super) fn can_make_files(folder: &Path) -> io::Result<()> {
    let existing = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
    Ok(rustix::fs::access(existing, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Opens the file for reading and writing; creates it and its directory if they do not exist.
pub(super) fn open_or_make(path: &Path) -> Result<File, PrivacyFault> {
    open_with(path, OpenOptions::new().read(true).write(true).truncate(false))
}

fn open_with(path: &Path, options: &mut OpenOptions) -> Result<File, PrivacyFault> {
    let io = |cause| PrivacyFault::Io { path: path.to_owned(), cause };
    make_directory_of(path).map_err(io)?;
    // A directory cannot be opened for writing; report it as what it is.
    if path.is_dir() {
        return Err(PrivacyFault::NotAFile { path: path.to_owned() });
    }
    let file = options.create(true).mode(OWNER_ONLY).open(path).map_err(io)?;
    check(&file, path)?;
    Ok(file)
}

/// Opens the file for reading and appending; creates it and its directory if they do not exist. A symbolic link is refused.
pub(super) fn open_to_append(path: &Path) -> Result<File, PrivacyFault> {
    // A link could lead to another private file, such as the sealing key.
    let no_link = OFlags::NOFOLLOW.bits().cast_signed();
    open_with(path, OpenOptions::new().read(true).append(true).custom_flags(no_link))
}

/// Opens a file for reading. Opening a pipe would wait for a writer; with this it does not, so that the caller can refuse it.
pub(super) fn open_without_waiting(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

/// Opens an existing file for reading; `None` if it does not exist.
pub(super) fn open_existing(path: &Path) -> Result<Option<File>, PrivacyFault> {
    match open_without_waiting(path) {
        Ok(file) => check(&file, path).map(|()| Some(file)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(PrivacyFault::Io { path: path.to_owned(), cause }),
    }
}

/// Creates a new file; fails if it exists.
pub(super) fn make_new(path: &Path) -> io::Result<File> {
    make_directory_of(path)?;
    OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)
}

/// Creates a new file with this content, which is on the disk when this returns.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = make_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Replaces the content of the file as a whole: a reader, and a crash at any moment, find the old content or the new one.
pub(super) fn replace(path: &Path, bytes: &[u8], entropy: &dyn Entropy) -> io::Result<()> {
    let aside = aside(path, entropy).map_err(io::Error::other)?;
    let kept = write_synced(&aside, bytes).and_then(|()| fs::rename(&aside, path));
    if kept.is_err() {
        let _ = fs::remove_file(&aside);
    }
    kept.and_then(|()| File::open(directory_of(path))?.sync_all())
}

/// A temporary name beside `path` that no other process uses; random because process ids repeat in containers.
pub(super) fn aside(path: &Path, entropy: &dyn Entropy) -> Result<PathBuf, EntropyFault> {
    let mut random = [0; 8];
    entropy.fill(&mut random)?;
    let mut name = OsString::from(path);
    name.push(format!(".new-{:016x}", u64::from_be_bytes(random)));
    Ok(PathBuf::from(name))
}

/// The directory that contains `path`.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make_directory_of(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(OWNER_ONLY_DIRECTORY).create(directory_of(path))
}

/// Checks the open file, not the path again, so that the file cannot be exchanged in between.
fn check(file: &File, path: &Path) -> Result<(), PrivacyFault> {
    check_with(file, path, |mode| file.set_permissions(Permissions::from_mode(mode)))
}

fn check_with(file: &File, path: &Path, set_mode: impl FnOnce(u32) -> io::Result<()>) -> Result<(), PrivacyFault> {
    let Privacy::OfGroup(mode) = judge(file, path)? else { return Ok(()) };
    let io = |cause| PrivacyFault::Io { path: path.to_owned(), cause };
    let path = || path.to_owned();
    let narrowed = mode & OWNER_ONLY;
    set_mode(narrowed).map_err(|cause| PrivacyFault::GroupStays { path: path(), mode, cause })?;
    // Some network file systems accept a change of mode and ignore it.
    if file.metadata().map_err(io)?.mode() & (GROUP | OTHERS) != 0 {
        let cause = io::Error::other("the file system ignores modes");
        return Err(PrivacyFault::GroupStays { path: path(), mode, cause });
    }
    tracing::warn!(
        "{} had mode {mode:04o}, as a volume with `fsGroup` sets it; it is changed back to mode {narrowed:04o}. Members of its \
         group ({}) could use the file until now",
        path().display(),
        file.metadata().map_err(io)?.gid()
    );
    Ok(())
}

/// Who may use an open file; refuses what its owner alone could not make private.
fn judge(file: &File, path: &Path) -> Result<Privacy, PrivacyFault> {
    let path = || path.to_owned();
    let metadata = file.metadata().map_err(|cause| PrivacyFault::Io { path: path(), cause })?;
    if !metadata.is_file() {
        return Err(PrivacyFault::NotAFile { path: path() });
    }
    let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != own {
        return Err(PrivacyFault::ForeignOwner { path: path(), owner, own });
    }
    let mode = metadata.mode() & ALL_BITS;
    if mode & OTHERS != 0 {
        return Err(PrivacyFault::Loose { path: path(), mode });
    }
    Ok(if mode & GROUP == 0 { Privacy::Private } else { Privacy::OfGroup(mode) })
}

#[cfg(test)]
mod tests;
