//! Where sessions live: in memory, or in one durable file. Both are held to the same list of scenarios
//! (`contract_tests`), and both rest on the same idea: the index that ends a session is as good as the one that finds it.

mod file;
mod key_file;
mod memory;
mod private_file;
mod vault;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use file::OpenFault;
pub use key_file::{KeyFault, sealing_key};

use crate::domain::sealing::SealingKeys;
use crate::ports::{Entropy, SessionStore};

/// Which store keeps the sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSettings {
    /// In this process alone; a restart ends every session.
    Memory,
    /// In one file, which survives restarts and crashes.
    File {
        /// The file; made when it is not there.
        path: PathBuf,
    },
}

impl fmt::Display for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::File { path } => write!(f, "file {}", path.display()),
        }
    }
}

/// Opens the store that `settings` name. Blocks while a file is read and checked.
///
/// # Errors
/// [`OpenFault`], with the mend, when a file cannot be used as it is.
pub fn open(
    settings: &StoreSettings,
    keys: SealingKeys,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<dyn SessionStore>, OpenFault> {
    Ok(match settings {
        StoreSettings::Memory => Arc::new(memory::MemoryStore::default()),
        StoreSettings::File { path } => Arc::new(file::FileStore::open(path, keys, entropy)?),
    })
}

#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod logout_race_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod testing;
