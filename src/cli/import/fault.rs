//! Why a translation ends with an exit code other than 0.

use std::io;
use std::path::PathBuf;

use crate::config::{Diagnostic, Diagnostics};

/// Why a translation ends with an exit code other than 0.
#[derive(Debug)]
pub(crate) enum ImportFault {
    /// Something was listed that has to be done by hand.
    Remains(usize),
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A file is not of the expected form, or says too little.
    Unusable(Vec<String>),
    /// No application is left.
    NothingTranslated,
    /// The applications exclude each other.
    Conflicting(Diagnostics),
    /// The file exists, or cannot be written.
    Unwritable(PathBuf, io::Error),
}

impl ImportFault {
    /// The lines for the operator, and the exit code.
    pub(crate) fn explain(self) -> (Vec<String>, u8) {
        match self {
            Self::Remains(count) => {
                let lines =
                    if count == 1 { "1 line above has".to_owned() } else { format!("{count} lines above have") };
                (vec![format!("gatepost: translated, but {lines} to be carried out by hand")], 3)
            }
            Self::Unreadable(path, error) => {
                (vec![format!("{}: the file cannot be read ({error}); name another", path.display())], 2)
            }
            Self::Unusable(lines) => (lines, 2),
            Self::NothingTranslated => {
                (vec!["gatepost: no application can be translated, for the reasons above".to_owned()], 2)
            }
            Self::Conflicting(diagnostics) => {
                let head = "gatepost: the applications exclude each other; translate them one by one:".to_owned();
                (std::iter::once(head).chain(diagnostics.faults.iter().map(Diagnostic::to_string)).collect(), 2)
            }
            Self::Unwritable(path, error) => {
                let text = format!("gatepost: {} cannot be written ({error}); no file is overwritten", path.display());
                (vec![text], 1)
            }
        }
    }
}
