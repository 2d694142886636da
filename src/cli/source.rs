//! The source of the configuration: a file, or the environment.

use std::path::PathBuf;

use super::arguments::Source;
use super::fault::Fault;
use crate::config::{self, Loaded};

impl Source {
    /// The configuration file; `None` without one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.config.as_ref().filter(|path| !path.is_empty()).map(PathBuf::from)
    }
}

pub(super) fn load(source: &Source) -> Result<Loaded, Fault> {
    let Some(path) = source.path() else {
        return config::load_environment(&environment).map_err(Fault::Configuration);
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => config::load(&text, &path, &environment).map_err(Fault::Configuration),
        Err(error) => Err(Fault::Unreadable(path, error)),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment; everybody else is told")]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
