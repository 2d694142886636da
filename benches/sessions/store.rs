//! The stores that are measured. A further one is one more kind here, and nothing elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatepost::domain::sealing::{SealingKey, SealingKeys};
use gatepost::outbound::store::{self, StoreSettings};
use gatepost::ports::{Entropy, EntropyFault, SessionStore};
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
        Ok(store::open(&settings, keys, Arc::new(System))?)
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

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFault> {
        SystemRandom::new().fill(bytes).map_err(|_| EntropyFault)
    }
}
