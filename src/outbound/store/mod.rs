//! The session stores: memory, one durable file, and Redis, shared by several replicas. All pass the same list of scenarios
//! (`tests::contract`). In all of them, the indexes by which the sessions of a user or of a provider session are ended change in the
//! same atomic step as the session itself.

mod cache;
mod file;
mod inspection;
mod key_file;
mod memory;
mod metered;
mod record;
mod redis;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

pub use file::OpenFault;
pub use inspection::{inspect, key_path};
pub use key_file::{KeyFault, sealing_key};
pub use redis::{Access, Address, Credentials, RedisSettings, RedisUrl, TlsFault, TlsSettings, Topology, UrlFault};

use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::session::Lifetimes;
use crate::ports::{Clock, Entropy, SessionStore};
use metered::Metered;

/// The kind of session store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSettings {
    /// In this process only; a restart ends every session.
    Memory,
    /// In one file, which survives restarts and crashes.
    File {
        /// The file; created if it does not exist.
        path: PathBuf,
    },
    /// In Redis or Valkey, shared by all replicas.
    Redis(Box<RedisSettings>),
}

impl fmt::Display for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::File { path } => write!(f, "file {}", path.display()),
            Self::Redis(settings) => write!(f, "{settings}"),
        }
    }
}

/// A store, and how its access is replaced where it is at servers.
pub struct OpenStore {
    /// The store.
    pub store: Arc<dyn SessionStore>,
    /// Where another access of a Redis store is sent.
    pub access: Option<watch::Sender<Access>>,
}

/// Opens the store that `settings` name. Blocks while a file is read and checked. Redis need not be reachable: its store
/// connects in the background, so that it needs a runtime.
///
/// # Errors
/// [`OpenFault`], with the correction, when a file cannot be used as it is.
pub fn open(
    settings: &StoreSettings,
    keys: SealingKeys,
    lifetimes: Lifetimes,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
) -> Result<OpenStore, OpenFault> {
    let store: Arc<dyn SessionStore> = match settings {
        StoreSettings::Memory => Arc::new(Metered(memory::MemoryStore::default())),
        StoreSettings::File { path } => Arc::new(Metered(file::FileStore::open(path, keys, entropy)?)),
        StoreSettings::Redis(settings) => {
            let (store, access) = redis::RedisStore::open((**settings).clone(), keys, lifetimes, entropy, clock);
            return Ok(OpenStore { store: Arc::new(Metered(store)), access: Some(access) });
        }
    };
    Ok(OpenStore { store, access: None })
}

mod admission_filter;
mod record_cipher;
mod record_compression;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
