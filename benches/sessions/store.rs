//! The stores that are measured. To add one, add a kind here; nothing else has to change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gatepost::domain::session::Lifetimes;
use gatepost::outbound::store::{self, Address, Credentials, RedisSettings, StoreSettings, Topology};
use gatepost::ports::SessionStore;
use gatepost::testing::{ManualClock, SystemEntropy, sealing_keys};

use crate::{Outcome, population, redis};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Memory,
    File,
    Redis,
}

impl StoreKind {
    pub(crate) const ALL: [Self; 3] = [Self::Memory, Self::File, Self::Redis];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
            Self::Redis => "redis",
        }
    }

    /// Whether this process itself keeps the sessions where they outlive it.
    pub(crate) const fn lasts(self) -> bool {
        matches!(self, Self::File)
    }

    /// Whether this process deletes expired sessions; Redis does so by itself.
    pub(crate) const fn expires(self) -> bool {
        !matches!(self, Self::Redis)
    }

    pub(crate) fn open(self, directory: &Path) -> Outcome<Arc<dyn SessionStore>> {
        let settings = match self {
            Self::Memory => StoreSettings::Memory,
            Self::File => StoreSettings::File { path: self.file(directory) },
            Self::Redis => StoreSettings::Redis(Box::new(settings(redis::port(directory)?))),
        };
        let day = Duration::from_secs(24 * 60 * 60);
        let lifetimes = Lifetimes { absolute: day, idle: day };
        // From the time of the sign-ins, the expiry of Redis' keys is computed.
        let clock = ManualClock::at(population::begun().as_unix());
        Ok(store::open(&settings, sealing_keys(7), lifetimes, Arc::new(SystemEntropy), clock)?.store)
    }

    fn file(self, directory: &Path) -> PathBuf {
        directory.join(self.name()).with_extension("db")
    }

    /// Bytes that the store takes outside of this process.
    pub(crate) fn outside(self, directory: &Path) -> Outcome<u64> {
        match self {
            Self::Memory => Ok(0),
            Self::File => {
                let log = directory.join(self.name()).with_extension("db-wal");
                Ok(self.file(directory).metadata()?.len() + log.metadata().map_or(0, |log| log.len()))
            }
            Self::Redis => redis::memory(directory),
        }
    }
}

/// The settings as shipped, except for the command timeout: sign-ins arrive as fast as the server accepts them.
fn settings(port: u16) -> RedisSettings {
    RedisSettings {
        topology: Topology::Single(Address { host: "127.0.0.1".to_owned(), port }),
        database: 0,
        credentials: Credentials::default(),
        sentinel_credentials: Credentials::default(),
        tls: None,
        key_prefix: "gatepost:".to_owned(),
        connect_timeout: Duration::from_secs(1),
        command_timeout: Duration::from_secs(10),
        cache_bytes: 64 * 1024 * 1024,
        outage_grace: Duration::ZERO,
    }
}
