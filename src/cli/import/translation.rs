//! What an importer makes of files, and what importers share.

use std::fs;
use std::path::Path;

use super::application::ImportedApplication;
use super::fault::ImportFault;
use super::report::Report;
use crate::cli::yaml::Section;

/// What an importer makes of files.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) applications: Vec<ImportedApplication>,
    /// Further sections of the configuration.
    pub(super) sections: Section,
    pub(super) report: Report,
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, ImportFault> {
    fs::read_to_string(path).map_err(|error| ImportFault::Unreadable(path.to_owned(), error))
}

/// The host in a URL, with its port.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// A name for the application at this URL.
pub(super) fn name_of(url: &str) -> String {
    host_of(url).to_owned()
}
