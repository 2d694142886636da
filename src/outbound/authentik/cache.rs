//! The last complete answer of authentik on disk, sealed: a restart while authentik is away serves what was served before.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::address::ServerAddress;
use super::model::{Certificate, Outpost, OutpostId, ProxyOutpostConfig};
use crate::domain::crypto::sealing::{NONCE_BYTES, SealPurpose, SealingKeys};
use crate::domain::time::Timestamp;
use crate::outbound::private_file::{self, PrivacyFault};
use crate::ports::{Entropy, EntropyFault};

/// The first bytes of the file; another format has others.
const FORMAT: &[u8] = b"gatepost authentik answer 1\n";
/// Longer than any answer that the client accepts.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A complete answer of authentik.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutpostAnswer {
    /// The outpost.
    pub outpost: Outpost,
    /// Its providers.
    pub providers: Vec<ProxyOutpostConfig>,
    /// The certificates that they name, as far as authentik gave them.
    pub certificates: Vec<Certificate>,
    /// The external hosts of providers that are not served.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// The applications for which the operator has settings.
    #[serde(default)]
    pub overlaid: Vec<Overlaid>,
}

/// An application for which the operator has settings: authentik may rename it later, or have another provider for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlaid {
    /// The provider.
    pub pk: i64,
    /// Its external host.
    pub external_host: String,
    /// The slug under which the settings are.
    pub slug: String,
}

/// An answer from the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedAnswer {
    /// The answer.
    pub answer: OutpostAnswer,
    /// When it was written.
    pub written: Timestamp,
}

/// Why there is no cached answer, or why it could not be written.
#[derive(Debug, Error)]
pub enum CacheFault {
    /// Others than the owner could read the file, or it cannot be opened.
    #[error("cached answer of authentik: {0}")]
    NotPrivate(#[from] PrivacyFault),
    /// The file cannot be read or written.
    #[error("cached answer of authentik: cannot use {}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// It does not belong to this outpost, or it is damaged.
    #[error(
        "cached answer of authentik: {} is not used: it is of another `AUTHENTIK_HOST`, outpost, token or sealing key, or damaged; it is replaced as soon as authentik answers",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Nothing can be sealed for lack of randomness.
    #[error("cached answer of authentik: {0}")]
    Entropy(#[from] EntropyFault),
}

/// The file with the last complete answer. Its calls block.
pub struct AnswerCache {
    path: PathBuf,
    keys: SealingKeys,
    host: String,
    token_hash: [u8; 32],
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed<A> {
    written: u64,
    answer: A,
}

impl AnswerCache {
    /// The cache of one outpost: an answer that was written for another host or token does not open.
    #[must_use]
    pub fn new(path: &Path, keys: SealingKeys, host: &ServerAddress, token: &SecretString) -> Self {
        let mut token_hash = [0; 32];
        let hash = digest(&SHA256, token.expose_secret().trim().as_bytes());
        token_hash.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        Self { path: path.to_owned(), keys, host: host.to_string(), token_hash }
    }

    /// The last answer, if there is one; with `outpost`, only an answer of that outpost.
    ///
    /// # Errors
    /// See [`CacheFault`].
    pub fn read(&self, outpost: Option<&OutpostId>) -> Result<Option<CachedAnswer>, CacheFault> {
        let Some(file) = private_file::open_existing(&self.path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|cause| self.io(cause))?;
        let cached =
            self.open(&bytes).filter(|cached| outpost.is_none_or(|outpost| *outpost == cached.answer.outpost.pk));
        cached.map(Some).ok_or_else(|| CacheFault::Foreign { path: self.path.clone() })
    }

    /// Replaces the last answer.
    ///
    /// # Errors
    /// See [`CacheFault`]; the file is unchanged then.
    pub fn write(&self, answer: &OutpostAnswer, now: Timestamp, entropy: &dyn Entropy) -> Result<(), CacheFault> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce)?;
        let sealed = Sealed { written: now.as_unix(), answer };
        let text = serde_json::to_vec(&sealed).map_err(|fault| self.io(io::Error::other(fault)))?;
        let text = Zeroizing::new(text);
        let outpost = answer.outpost.pk.as_str();
        let sealed = self.keys.seal(SealPurpose::AuthentikAnswer, &self.context(outpost), nonce, &text);
        // The outpost is written in the clear: it is part of the seal, and not known yet when the file is read.
        let bytes = [FORMAT, outpost.as_bytes(), b"\n", &sealed].concat();
        private_file::replace(&self.path, &bytes, entropy).map_err(|cause| self.io(cause))
    }

    fn open(&self, bytes: &[u8]) -> Option<CachedAnswer> {
        let rest = bytes.strip_prefix(FORMAT)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (outpost, sealed) = (std::str::from_utf8(rest.get(..end)?).ok()?, rest.get(end + 1..)?);
        let (text, _) = self.keys.open(SealPurpose::AuthentikAnswer, &self.context(outpost), sealed).ok()?;
        let Sealed { written, answer } = serde_json::from_slice(&Zeroizing::new(text)).ok()?;
        Some(CachedAnswer { answer, written: Timestamp::from_unix(written) })
    }

    fn context<'a>(&'a self, outpost: &'a str) -> [&'a [u8]; 3] {
        [self.host.as_bytes(), outpost.as_bytes(), &self.token_hash]
    }

    fn io(&self, cause: io::Error) -> CacheFault {
        CacheFault::Io { path: self.path.clone(), cause }
    }
}

#[cfg(test)]
mod tests;
