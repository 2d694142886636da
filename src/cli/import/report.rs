//! The list of what does not translate. A line names the place, says why, and what to do by hand; it never contains a secret.

use std::fmt;
use std::sync::Arc;

/// A place in the other program's files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    /// Counted from 1; 0 for the file as a whole.
    pub(super) line: usize,
    pub(super) key: String,
}

/// What does not translate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Remainder {
    place: Place,
    problem: String,
    /// What to do by hand; `None` where nothing is to be done.
    help: Option<String>,
}

/// All that does not translate, and notes about what was translated.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Remainder>);

impl Report {
    /// Something has to be done by hand.
    pub(super) fn remains(&mut self, place: &Place, problem: impl Into<String>, help: impl Into<String>) {
        self.add(Remainder { place: place.clone(), problem: problem.into(), help: Some(help.into()) });
    }

    /// The setting has no counterpart, and needs none.
    pub(super) fn dropped(&mut self, place: &Place, reason: impl Into<String>) {
        self.add(Remainder { place: place.clone(), problem: reason.into(), help: None });
    }

    /// One rule can remain for several applications, for the same reason.
    fn add(&mut self, remainder: Remainder) {
        if !self.0.contains(&remainder) {
            self.0.push(remainder);
        }
    }

    /// How much has to be done by hand.
    pub(super) fn left(&self) -> usize {
        self.0.iter().filter(|remainder| remainder.help.is_some()).count()
    }

    /// The lines, by place: what has to be done first.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut sorted: Vec<&Remainder> = self.0.iter().collect();
        sorted.sort_by_key(|remainder| (remainder.help.is_none(), remainder.place.clone()));
        sorted.into_iter().map(Remainder::to_string).collect()
    }
}

impl Place {
    pub(super) fn of_file(file: &Arc<str>) -> Self {
        Self { file: Arc::clone(file), line: 0, key: String::new() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        if self.key.is_empty() { Ok(()) } else { write!(f, " {}:", printable(&self.key)) }
    }
}

impl fmt::Display for Remainder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, printable(&self.problem))?;
        match &self.help {
            Some(help) => write!(f, "; {}", printable(help)),
            None => f.write_str(" (nothing to do)"),
        }
    }
}

/// Without control characters: terminals interpret them.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { '\u{fffd}' } else { sign }).collect()
}
