//! The result of loading a valid configuration.

use super::diagnostic::Diagnostic;
use crate::server::Config;

/// A configuration to start with, and its warnings.
#[derive(Debug)]
pub struct Loaded {
    /// The checked values.
    pub config: Config,
    /// Diagnostics about settings that are probably not intended.
    pub warnings: Vec<Diagnostic>,
}
