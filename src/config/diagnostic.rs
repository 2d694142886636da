//! Diagnostics of a configuration: all of them are reported at once, each with its location and help. No diagnostic ever
//! contains the value of a secret.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// The location of a value: its key's full path, and line and column when it was read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) key: Arc<str>,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Location {
    pub(super) fn new(key: &str, line: usize, column: usize) -> Self {
        Self { key: key.into(), line, column }
    }

    /// The location of `key` inside the section at this location, for a key that is not written.
    pub(super) fn inside(&self, key: &str) -> Self {
        self.inside_at(key, self.line, self.column)
    }

    /// The location of `key` inside the section at this location, with its own line and column.
    pub(super) fn inside_at(&self, key: &str, line: usize, column: usize) -> Self {
        if self.key.is_empty() {
            Self::new(key, line, column)
        } else {
            Self::new(&format!("{}.{key}", self.key), line, column)
        }
    }

    /// The location of an item of the list at this location.
    pub(super) fn item(&self, index: usize, line: usize, column: usize) -> Self {
        Self::new(&format!("{}[{index}]", self.key), line, column)
    }
}

/// One problem in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file's name, or `environment`.
    pub source: Arc<str>,
    /// Line, counted from 1; 0 when the configuration is not a file.
    pub line: usize,
    /// Column, counted from 1; 0 when the configuration is not a file.
    pub column: usize,
    /// Full path of the key, such as `applications[0].issuer`; empty for the file as a whole.
    pub key: Arc<str>,
    /// What is wrong.
    pub problem: String,
    /// How to fix it.
    pub help: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.source)?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}; {}", self.problem, self.help)
    }
}

/// All diagnostics of a configuration that cannot be used, in file order.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}", lines(&self.faults))]
pub struct Diagnostics {
    /// Diagnostics that prevent the start; never empty.
    pub faults: Vec<Diagnostic>,
    /// Diagnostics that would not have prevented it.
    pub warnings: Vec<Diagnostic>,
    /// The files that were read, or could not be read, besides the configuration file.
    pub files: Vec<PathBuf>,
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}
