//! The paths of the programs that the tests run. A missing one fails the test: nothing is skipped.

use std::path::{Path, PathBuf};

/// The folder of this package.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that `make tools` installed under `.tools/`.
pub(crate) fn fetched(path: &str) -> PathBuf {
    present(root().join(".tools").join(path))
}

/// A program that `make tools` installed as a Debian package.
pub(crate) fn installed(name: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is missing: run `make tools`"))
}

/// A file that must exist.
pub(crate) fn present(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: run `make tools`", path.display());
    path
}
