//! What is wrong with a configuration: every diagnostic at once, each with its location and its help. No diagnostic
//! ever repeats the value of a secret.

use std::fmt;
use std::rc::Rc;

use thiserror::Error;

/// Where something stands: its key's full path, and line and column when it was read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) key: Rc<str>,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Location {
    pub(super) fn new(key: &str, line: usize, column: usize) -> Self {
        Self { key: key.into(), line, column }
    }

    /// The place of `key` inside the section at this place, for a key that is not written.
    pub(super) fn inside(&self, key: &str) -> Self {
        self.inside_at(key, self.line, self.column)
    }

    /// The place of `key` inside the section at this place, at its own position.
    pub(super) fn inside_at(&self, key: &str, line: usize, column: usize) -> Self {
        if self.key.is_empty() {
            Self::new(key, line, column)
        } else {
            Self::new(&format!("{}.{key}", self.key), line, column)
        }
    }

    /// The place of an item of the list at this place.
    pub(super) fn item(&self, index: usize, line: usize, column: usize) -> Self {
        Self::new(&format!("{}[{index}]", self.key), line, column)
    }
}

/// One thing that the operator should correct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file's name, or `environment`.
    pub source: Rc<str>,
    /// Line, counted from 1; 0 when the configuration is no file.
    pub line: usize,
    /// Column, counted from 1; 0 when the configuration is no file.
    pub column: usize,
    /// Full path of the key, such as `applications[0].issuer`; empty for the file as a whole.
    pub key: Rc<str>,
    /// What is wrong.
    pub problem: String,
    /// How to correct it.
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

/// Everything that stops the start, and what else was noticed, both in file order.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}", lines(&self.faults))]
pub struct Diagnostics {
    /// What stops the start; never empty.
    pub faults: Vec<Diagnostic>,
    /// What would not have stopped it.
    pub warnings: Vec<Diagnostic>,
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}
