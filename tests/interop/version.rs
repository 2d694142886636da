//! Where `tests/interop/install` puts programs, and which versions they are.

use std::path::PathBuf;
use std::process::Command;

use crate::support::tools;

/// A program below `.tools/interop/`.
pub(crate) fn interop(path: &str) -> PathBuf {
    let path = tools::root().join(".tools/interop").join(path);
    assert!(path.exists(), "{} is missing: run tests/interop/install", path.display());
    path
}

/// The version in the output of this command: the first word with a digit at its beginning and two full stops.
pub(crate) fn said_by(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    // Envoy says a hash before it, nginx its name, Caddy a `v`.
    let mut words = said.split(|sign: char| sign.is_whitespace() || "/v-+".contains(sign));
    let found =
        words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.matches('.').count() >= 2);
    found.unwrap_or_else(|| panic!("{command:?} says no version: {said}")).to_owned()
}
