//! Files that only their owner may read: made with mode 0600, refused with any other reader (FI-7).

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

const OWNER_ONLY: u32 = 0o600;
const OWNER_ONLY_DIRECTORY: u32 = 0o700;
const GROUP_AND_OTHERS: u32 = 0o077;

/// Why a file is not private, or could not be made so.
#[derive(Debug, Error)]
pub enum PrivacyFault {
    /// A directory, a device, a socket.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Group or others have rights.
    #[error("{0} has mode {mode:04o}, so others than its owner may use it: `chmod 600 {0}`, and consider its contents known", path.display())]
    Loose {
        /// The path.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another user could change it at will.
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
        /// What it said.
        cause: io::Error,
    },
}

/// Opens the file for reading and writing, and makes it and its directory when they are not there.
pub(super) fn open_or_make(path: &Path) -> Result<File, PrivacyFault> {
    let io = |cause| PrivacyFault::Io { path: path.to_owned(), cause };
    make_directory_of(path).map_err(io)?;
    // A directory cannot be opened for writing; say so in our words.
    if path.is_dir() {
        return Err(PrivacyFault::NotAFile { path: path.to_owned() });
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(OWNER_ONLY)
        .open(path)
        .map_err(io)?;
    check(&file, path)?;
    Ok(file)
}

/// Opens an existing file for reading; `None` when there is none.
pub(super) fn open_existing(path: &Path) -> Result<Option<File>, PrivacyFault> {
    match File::open(path) {
        Ok(file) => check(&file, path).map(|()| Some(file)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(PrivacyFault::Io { path: path.to_owned(), cause }),
    }
}

/// Makes a new file; fails when there is one.
pub(super) fn make_new(path: &Path) -> io::Result<File> {
    make_directory_of(path)?;
    OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)
}

/// The directory that holds `path`.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make_directory_of(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(OWNER_ONLY_DIRECTORY).create(directory_of(path))
}

/// Looks at the open file, not at the path again, so that nothing can be exchanged in between.
fn check(file: &File, path: &Path) -> Result<(), PrivacyFault> {
    let path = || path.to_owned();
    let metadata = file.metadata().map_err(|cause| PrivacyFault::Io { path: path(), cause })?;
    if !metadata.is_file() {
        return Err(PrivacyFault::NotAFile { path: path() });
    }
    let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != own {
        return Err(PrivacyFault::ForeignOwner { path: path(), owner, own });
    }
    if metadata.mode() & GROUP_AND_OTHERS != 0 {
        return Err(PrivacyFault::Loose { path: path(), mode: metadata.mode() & 0o7777 });
    }
    Ok(())
}
