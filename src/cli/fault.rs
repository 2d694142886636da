//! Why a command fails: the text for the operator, and the exit code.

use std::io;
use std::path::PathBuf;

use super::explain::NoExplanation;
use super::healthcheck::Unhealthy;
use super::import::ImportFault;
use super::init::InitFault;
use super::output::warnings_of;
use super::sessions;
use super::snippet::NoSnippet;
use crate::config::{Diagnostic, Diagnostics};
use crate::server;

/// Why the process ends with an exit code other than 0.
pub(super) enum Fault {
    Unreadable(PathBuf, io::Error),
    Configuration(Diagnostics),
    Service(server::Fault),
    Explanation(NoExplanation),
    Snippet(NoSnippet),
    /// The applications come from authentik, which commands do not ask.
    NoApplications,
    Init(InitFault),
    Import(ImportFault),
    Sessions(sessions::Fault),
    Unhealthy(Unhealthy),
    /// `gatepost doctor` cannot run.
    NoRuntime(io::Error),
    /// A check failed, as was printed.
    CheckFailed,
    Output(io::Error),
    /// The manual pages cannot be written into this folder.
    Unwritable(PathBuf, io::Error),
}

impl Fault {
    /// The files besides the configuration file that were read, or could not be read.
    pub(super) fn files(&self) -> &[PathBuf] {
        match self {
            Self::Configuration(Diagnostics { files, .. }) => files,
            Self::Unreadable(..)
            | Self::Service(_)
            | Self::Explanation(_)
            | Self::Snippet(_)
            | Self::NoApplications
            | Self::Init(_)
            | Self::Import(_)
            | Self::Sessions(_)
            | Self::Unhealthy(_)
            | Self::NoRuntime(_)
            | Self::CheckFailed
            | Self::Output(_)
            | Self::Unwritable(..) => &[],
        }
    }

    /// The lines for the operator, and the exit code.
    pub(super) fn explain(self) -> (Vec<String>, u8) {
        match self {
            Self::Unreadable(path, error) => {
                (vec![format!("{}: the file cannot be read ({error}); name another", path.display())], 2)
            }
            Self::Configuration(Diagnostics { faults, warnings, .. }) => {
                let faults = faults.iter().map(Diagnostic::to_string);
                (faults.chain(warnings_of(&warnings)).collect(), 2)
            }
            Self::Explanation(NoExplanation::Question(fault)) => (vec![format!("gatepost: {fault}")], 2),
            Self::NoApplications => {
                let text = "gatepost: the applications come from authentik, which this command does not ask; for its answers, write the application into a file of its own";
                (vec![text.to_owned()], 2)
            }
            Self::Snippet(fault) => (vec![format!("gatepost: {fault}")], 2),
            Self::Explanation(fault @ NoExplanation::Setup) => (vec![format!("gatepost: {fault}")], 1),
            Self::Init(fault) => (vec![format!("gatepost: {fault}")], 1),
            Self::Import(fault) => fault.explain(),
            Self::Sessions(fault) => (vec![format!("gatepost: {fault}")], fault.exit_code()),
            Self::Unhealthy(fault) => (vec![format!("gatepost: {fault}")], 1),
            Self::NoRuntime(error) => (vec![format!("gatepost: cannot start: {error}")], 1),
            Self::CheckFailed => (Vec::new(), 1),
            Self::Service(fault) => (vec![format!("gatepost: {fault}")], 1),
            Self::Output(error) => (vec![format!("gatepost: {error}")], 1),
            Self::Unwritable(folder, error) => {
                let text =
                    format!("gatepost: {} cannot be written to ({error}); name a folder that exists", folder.display());
                (vec![text], 1)
            }
        }
    }
}
