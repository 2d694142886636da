//! Conversion between sessions and the values that servers store.

use std::sync::Arc;

use super::fault::Fault;
use super::keys::{Keys, hex};
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::outbound::store::record_cipher::{IndexHash, RecordCipher};
use crate::ports::StoredSession;

/// A session that was found.
pub(super) struct Found {
    pub(super) session: Session,
    pub(super) user: IndexHash,
    pub(super) last_seen: Timestamp,
}

impl Found {
    /// Decrypts a record; `None` when that fails, in which case the session counts as absent.
    pub(super) fn open(
        record_cipher: &RecordCipher,
        key: &SessionKey,
        user: IndexHash,
        record: &[u8],
        last_use: &[u8],
    ) -> Option<Self> {
        let session = open(record_cipher, key, record)?;
        let last_seen = time(last_use).unwrap_or_else(|| session.record().created);
        Some(Self { session, user, last_seen })
    }

    /// The session in the form in which it is cached: without tokens.
    pub(super) fn without_tokens(self) -> StoredSession {
        StoredSession { session: Arc::new(self.session.without_tokens()), last_seen: self.last_seen }
    }

    pub(super) fn stored(self) -> StoredSession {
        StoredSession { session: Arc::new(self.session), last_seen: self.last_seen }
    }
}

/// Decrypts the session in a record.
pub(super) fn open(record_cipher: &RecordCipher, key: &SessionKey, record: &[u8]) -> Option<Session> {
    let session = record.split_first_chunk::<4>().and_then(|(_, sealed)| record_cipher.open(key, sealed).ok());
    if session.is_none() {
        // The record was moved here from another key, altered, or sealed under a key that has been retired.
        tracing::warn!("a stored session cannot be decrypted and is ignored");
    }
    session
}

fn time(text: &[u8]) -> Option<Timestamp> {
    std::str::from_utf8(text).ok()?.parse().ok().map(Timestamp::from_unix)
}

/// A session in the form in which servers store it.
pub(super) struct SealedSession {
    pub(super) record: Vec<u8>,
    /// The session's entry in the index.
    pub(super) entry: String,
    /// The hash of the provider session that it belongs to.
    pub(super) provider_session: Option<IndexHash>,
}

impl SealedSession {
    pub(super) fn seal(
        record_cipher: &RecordCipher,
        key: &SessionKey,
        session: &Session,
    ) -> Result<Self, crate::ports::StoreFault> {
        let record = session.record();
        let sealed = record_cipher.seal(key, record).map_err(|fault| crate::ports::StoreFault(fault.to_string()))?;
        let provider_session = session.provider_session().map(|session| record_cipher.provider_session_hash(&session));
        let index_hash = provider_session.map(|index_hash| hex(&index_hash)).unwrap_or_default();
        Ok(Self {
            record: [generation(record.generation).as_slice(), &sealed].concat(),
            entry: format!("{}:{}:{index_hash}", record.created.as_unix(), record.ends.as_unix()),
            provider_session,
        })
    }
}

/// A generation as it precedes a record.
pub(super) const fn generation(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

/// The key names of one session that scripts take first: record, last use, index.
pub(super) fn places(keys: &Keys, user: &IndexHash, key: &SessionKey) -> [String; 3] {
    [keys.record(user, key), keys.last_use(user, key), keys.index(user)]
}

/// Decodes a user hash from a pointer.
pub(super) fn index_hash(bytes: &[u8]) -> Result<IndexHash, Fault> {
    super::keys::unhex(bytes).ok_or(Fault::Unreadable)
}
