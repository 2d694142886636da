//! The stores that are measured. A further one is one more kind here, and nothing elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gatepost::domain::sealing::{SealingKey, SealingKeys};
use gatepost::domain::session::Lifetimes;
use gatepost::domain::time::Timestamp;
use gatepost::outbound::store::{self, StoreSettings};
use gatepost::ports::{Clock, Entropy, EntropyFault, SessionStore};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::Outcome;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    File,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Memory, Self::File];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
        }
    }

    /// Whether sessions outlive the process.
    pub(crate) const fn lasts(self) -> bool {
        match self {
            Self::Memory => false,
            Self::File => true,
        }
    }

    pub(crate) fn open(self, directory: &Path) -> Outcome<Arc<dyn SessionStore>> {
        let settings = match self {
            Self::Memory => StoreSettings::Memory,
            Self::File => StoreSettings::File { path: self.file(directory) },
        };
        let keys = SealingKeys::new(SealingKey::new([7; 32]), Vec::new());
        let day = Duration::from_secs(24 * 60 * 60);
        Ok(store::open(&settings, keys, Lifetimes { absolute: day, idle: day }, Arc::new(System), Arc::new(System))?)
    }

    fn file(self, directory: &Path) -> PathBuf {
        directory.join(self.name()).with_extension("redb")
    }

    /// What the store takes outside of this process, in bytes.
    pub(crate) fn outside(self, directory: &Path) -> Outcome<u64> {
        match self {
            Self::Memory => Ok(0),
            Self::File => Ok(self.file(directory).metadata()?.len()),
        }
    }
}

struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "the store's keys have to end in real time")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix(since.as_secs())
    }
}

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFault> {
        SystemRandom::new().fill(bytes).map_err(|_| EntropyFault)
    }
}
