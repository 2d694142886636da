//! Output for the operator.

use std::io::{self, Write as _};

use serde_json::Value;

use crate::config::Diagnostic;

pub(super) fn warnings_of(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(|complaint| format!("{complaint} (warning)")).collect()
}

/// Prints lines for the operator on stderr.
pub(super) fn tell(lines: &[String]) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    lines.iter().try_for_each(|line| writeln!(stderr, "{line}"))
}

/// JSON for programs and people: indented, with a line end.
pub(super) fn json_text(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Prints the result on stdout; a reader that closes the pipe early is not an error.
pub(super) fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
