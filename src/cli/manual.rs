//! What packages install beside the program: manual pages, and completion scripts of shells. Both come from the declaration of
//! the command line.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::arguments::Arguments;
use super::fault::Fault;

/// The completion script of a shell.
pub(super) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "gatepost", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes the manual page of the program and of each command into `folder`.
pub(super) fn manual_pages(folder: &Path) -> Result<(), Fault> {
    clap_mangen::generate_to(Arguments::command(), folder).map_err(|error| Fault::Unwritable(folder.to_owned(), error))
}
