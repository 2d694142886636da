//! Sessions as sealed bytes (CK-8): each is sealed under the session's own key, so that a record moved to another key does
//! not open. The store knows users only by a keyed hash.
//!
//! Records are compressed before they are sealed. To a reader of the store the length reveals how repetitive a record is;
//! but an attacker cannot place chosen text beside another user's secrets.

use std::sync::Arc;

use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};
use thiserror::Error;
use zeroize::Zeroizing;

use super::record::{self, Wiped};
use crate::domain::crypto::sealing::{DoesNotOpen, NONCE_BYTES, SealPurpose, SealingKey, SealingKeys};
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Session, SessionKey, SessionRecord};
use crate::ports::{Entropy, EntropyFault};

/// The keyed hash by which the index identifies a user, or a provider session.
pub(super) type IndexHash = [u8; 32];

/// The first 64 bits of a [`IndexHash`], where they are enough: the probability that two of a million users share one is below
/// one in ten million, and the effect would be that the sessions of both end when one of them signs out.
pub(super) type ShortUserHash = i64;

pub(super) fn short(index_hash: &IndexHash) -> ShortUserHash {
    index_hash.first_chunk().copied().map(i64::from_be_bytes).unwrap_or_default()
}

/// The secret key of the [`IndexHash`]es, specific to the store. It is stored there, sealed, so that hashes stay the same when
/// sealing keys are rotated, and so that a store whose sealing key is missing is detected when it is opened.
pub(super) struct IndexKey(Zeroizing<[u8; 32]>);

impl IndexKey {
    /// The associated data of the sealed secret.
    const POSITION: [&'static [u8]; 1] = [b"index secret"];

    pub(super) fn make(entropy: &dyn Entropy) -> Result<Self, EntropyFault> {
        let mut secret = Zeroizing::new([0; 32]);
        entropy.fill(secret.as_mut_slice())?;
        Ok(Self(secret))
    }

    pub(super) fn seal(&self, keys: &SealingKeys, entropy: &dyn Entropy) -> Result<Vec<u8>, EntropyFault> {
        Ok(keys.seal(SealPurpose::StoreIndex, &Self::POSITION, nonce(entropy)?, self.0.as_slice()))
    }

    pub(super) fn open(sealed: &[u8], keys: &SealingKeys) -> Result<Self, DoesNotOpen> {
        let (secret, _) = keys.open(SealPurpose::StoreIndex, &Self::POSITION, sealed)?;
        let secret = Zeroizing::new(secret);
        Ok(Self(Zeroizing::new(secret.as_slice().try_into().map_err(|_| DoesNotOpen)?)))
    }
}

/// Why a session cannot be sealed.
#[derive(Debug, Error)]
pub(super) enum SealFault {
    #[error(transparent)]
    Entropy(#[from] EntropyFault),
    /// A session stored like this could never be refreshed, or ended at the provider.
    #[error("the session lacks its tokens")]
    Incomplete,
}

/// The result of opening a sealed record.
pub(super) enum Seal {
    Whole(Box<Session>),
    /// Sealed under a key that is not configured (any more).
    OfAnotherKey,
    /// Sealed under a configured key, but altered, or moved here from another session.
    Broken,
}

/// Seals and opens the records of a store.
pub(super) struct RecordCipher {
    keys: SealingKeys,
    /// The key of new hashes.
    index: SealingKey,
    /// The keys of earlier hashes.
    previous: Vec<SealingKey>,
    entropy: Arc<dyn Entropy>,
}

impl RecordCipher {
    pub(super) fn new(keys: SealingKeys, index: &IndexKey, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys, index: SealingKey::new(*index.0), previous: Vec::new(), entropy }
    }

    /// A record cipher for a store that holds no secret of its own: user hashes are made with the sealing keys, which all who
    /// share the store have.
    pub(super) fn shared(keys: SealingKeys, entropy: Arc<dyn Entropy>) -> Self {
        let (index, previous) = (keys.current().clone(), keys.previous().to_vec());
        Self { keys, index, previous, entropy }
    }

    /// The hash of `user`: the same for the same issuer and subject, and not reversible.
    pub(super) fn index_hash(&self, user: &User) -> IndexHash {
        user_hash_with(&self.index, user)
    }

    /// All hashes under which the index may contain `user`: with the present key first, then with the previous keys.
    pub(super) fn user_hashes(&self, user: &User) -> Vec<IndexHash> {
        self.index_keys().map(|key| user_hash_with(key, user)).collect()
    }

    /// Like [`RecordCipher::index_hash`], for a provider session.
    pub(super) fn provider_session_hash(&self, session: &ProviderSession) -> IndexHash {
        session_hash_with(&self.index, session)
    }

    /// Like [`RecordCipher::user_hashes`], for a provider session.
    pub(super) fn provider_session_hashes(&self, session: &ProviderSession) -> Vec<IndexHash> {
        self.index_keys().map(|key| session_hash_with(key, session)).collect()
    }

    fn index_keys(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.index).chain(&self.previous)
    }

    pub(super) fn seal(&self, key: &SessionKey, record: &SessionRecord) -> Result<Vec<u8>, SealFault> {
        let plain = record::encode(record).ok_or(SealFault::Incomplete)?;
        let plain = Wiped(compress_prepend_size(&plain));
        Ok(self.keys.seal(SealPurpose::SessionRecord, &[key.as_bytes()], nonce(&*self.entropy)?, &plain))
    }

    pub(super) fn open(&self, key: &SessionKey, sealed: &[u8]) -> Result<Session, DoesNotOpen> {
        record::decode(&self.plain(key, sealed)?).map(Session::restore).ok_or(DoesNotOpen)
    }

    /// Opens a session in the form in which it is cached; see [`SessionRecord::without_tokens`].
    pub(super) fn open_without_tokens(&self, key: &SessionKey, sealed: &[u8]) -> Result<Session, DoesNotOpen> {
        record::decode_without_tokens(&self.plain(key, sealed)?).map(Session::restore).ok_or(DoesNotOpen)
    }

    fn plain(&self, key: &SessionKey, sealed: &[u8]) -> Result<Wiped, DoesNotOpen> {
        let (compressed, _) = self.keys.open(SealPurpose::SessionRecord, &[key.as_bytes()], sealed)?;
        let compressed = Wiped(compressed);
        decompress_size_prepended(&compressed).map(Wiped).map_err(|_| DoesNotOpen)
    }

    /// Like `open`, but distinguishes why a record does not open.
    pub(super) fn look_at(&self, key: &SessionKey, sealed: &[u8]) -> Seal {
        match self.open(key, sealed) {
            Ok(session) => Seal::Whole(Box::new(session)),
            Err(DoesNotOpen) if self.keys.sealed(sealed) => Seal::Broken,
            Err(DoesNotOpen) => Seal::OfAnotherKey,
        }
    }
}

fn user_hash_with(key: &SealingKey, user: &User) -> IndexHash {
    key.derive(SealPurpose::StoreIndex, &[user.issuer.as_bytes(), user.subject.as_bytes()])
}

fn session_hash_with(key: &SealingKey, session: &ProviderSession) -> IndexHash {
    key.derive(SealPurpose::StoreIndex, &[b"sid", session.issuer.as_bytes(), session.id.as_bytes()])
}

fn nonce(entropy: &dyn Entropy) -> Result<[u8; NONCE_BYTES], EntropyFault> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce)?;
    Ok(nonce)
}

#[cfg(test)]
mod tests;
