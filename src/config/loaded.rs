//! What became of a configuration that can be used.

use super::diagnostic::Diagnostic;
use crate::server::Config;

/// A configuration to start with, and what was noticed in it.
#[derive(Debug)]
pub struct Loaded {
    /// The checked values.
    pub config: Config,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
}
