//! The result of loading a valid configuration.

use std::path::PathBuf;

use super::diagnostic::Diagnostic;
use super::digests::SettingDigests;
use crate::server::Config;

/// A configuration to start with, and its warnings.
#[derive(Debug)]
pub struct Loaded {
    /// The checked values.
    pub config: Config,
    /// Diagnostics about settings that are probably not intended.
    pub warnings: Vec<Diagnostic>,
    /// The settings, by which a later reading is compared with this one.
    pub digests: SettingDigests,
    /// The files that were read, besides the configuration file.
    pub files: Vec<PathBuf>,
}
