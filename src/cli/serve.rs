//! `gatepost serve`: the service, and the configuration that it reads again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::arguments::Source;
use super::fault::Fault;
use super::output::{tell, warnings_of};
use super::source::load;
use crate::config::{Loaded, SettingDigests};
use crate::server::{self, Changed, ConfigSource, Reread};

/// Runs the service until it is stopped.
pub(super) fn serve(source: Source) -> Result<(), Fault> {
    // Before anything else: a request for a reload must not end a service that is starting.
    server::ignore_signals();
    let Loaded { config, warnings, digests, files } = load(&source)?;
    let mut lines = warnings_of(&warnings);
    let files: Vec<PathBuf> = source.path().into_iter().chain(files).collect();
    let once = files.iter().find(|file| !can_be_read_again(file));
    if let Some(file) = once {
        lines.push(format!(
            "{}: not a regular file, so the configuration is not read again; SIGHUP has no effect",
            file.display()
        ));
    }
    tell(&lines).map_err(Fault::Output)?;
    let source = match once {
        Some(_) => None,
        None => Some(Arc::new(Rereading::new(source, digests, files)) as Arc<dyn ConfigSource>),
    };
    server::run(config, source).map_err(Fault::Service)
}

/// Whether a second reading finds the content as well. The content of a pipe is gone after the first.
fn can_be_read_again(file: &Path) -> bool {
    fs::metadata(file).map_or(true, |metadata| metadata.is_file())
}

/// The source of the configuration, and what was read from it.
struct Rereading {
    source: Source,
    /// The settings of the start: those that need a restart are compared with them.
    started: SettingDigests,
    read: Mutex<Read>,
}

struct Read {
    in_service: SettingDigests,
    last: SettingDigests,
    files: Vec<PathBuf>,
}

impl Rereading {
    fn new(source: Source, started: SettingDigests, files: Vec<PathBuf>) -> Self {
        let read = Mutex::new(Read { in_service: started.clone(), last: started.clone(), files });
        Self { source, started, read }
    }
}

impl ConfigSource for Rereading {
    fn reread(&self) -> Reread {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // Opening a pipe would wait for a writer.
        if let Some(file) = read.files.iter().find(|file| !can_be_read_again(file)) {
            let fault = format!("{}: not a regular file any more; put a file in its place", file.display());
            return Reread { files: read.files.clone(), outcome: Err(vec![fault]) };
        }
        let file = self.source.path();
        let (files, outcome) = match load(&self.source) {
            Ok(Loaded { config, warnings, digests, files }) => {
                let reloaded = digests.changed_since(&read.in_service).reloaded;
                let need_restart = digests.changed_since(&self.started).need_restart;
                read.last = digests;
                (files, Ok(Changed { config, reloaded, need_restart, warnings: warnings_of(&warnings) }))
            }
            Err(fault) => (fault.files().to_vec(), Err(fault.explain().0)),
        };
        read.files = file.into_iter().chain(files).collect();
        Reread { files: read.files.clone(), outcome }
    }

    fn applied(&self) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.in_service = read.last.clone();
    }
}
