//! `gatepost serve`: the service, and the configuration that it reads again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::arguments::Source;
use super::fault::Fault;
use super::output::{tell, warnings_of};
use super::source::load;
use crate::config::{ChangedSettings, Loaded, SettingDigests};
use crate::server::{self, ConfigSource, Reread};

/// Runs the service until it is stopped.
pub(super) fn serve(source: Source) -> Result<(), Fault> {
    let Loaded { config, warnings, digests, files } = load(&source)?;
    tell(&warnings_of(&warnings)).map_err(Fault::Output)?;
    let source = Arc::new(Rereading { source, last: Mutex::new((digests, files)) });
    server::run(config, source).map_err(Fault::Service)
}

/// The source of the configuration, and what was read from it last.
struct Rereading {
    source: Source,
    last: Mutex<(SettingDigests, Vec<PathBuf>)>,
}

impl ConfigSource for Rereading {
    fn reread(&self) -> Result<Reread, Vec<String>> {
        let Loaded { config, warnings, digests, files } = load(&self.source).map_err(|fault| fault.explain().0)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let ChangedSettings { reloaded, need_restart } = digests.changed_since(&last.0);
        *last = (digests, files);
        Ok(Reread { config, reloaded, need_restart, warnings: warnings_of(&warnings) })
    }

    fn files(&self) -> Vec<PathBuf> {
        let (_, files) = &*self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.source.path().into_iter().chain(files.iter().cloned()).collect()
    }
}
