//! Sessions as sealed bytes (CK-8): protobuf fields behind their lengths, sealed under the session's own key, so that
//! a record moved to another key does not open. Users are known to the store by a keyed hash alone.

use std::sync::Arc;

use prost::Message as _;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::domain::application::Slug;
use crate::domain::claims::Claims;
use crate::domain::json;
use crate::domain::sealing::{DoesNotOpen, NONCE_BYTES, Purpose, SealingKey, SealingKeys};
use crate::domain::session::{ProviderSession, Renewal, Session, SessionKey, SessionRecord, User};
use crate::domain::time::Timestamp;
use crate::ports::{Entropy, EntropyFault};

#[expect(unreachable_pub, reason = "generated; the generator knows one visibility")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/gatepost.store.v1.rs"));
}

/// What the index knows a user, or a provider's session, as.
pub(super) type Mark = [u8; 32];

/// The secret behind [`Mark`]s, the store's own. It rests in the store, sealed, so that marks stay the same when
/// sealing keys are rotated, and so that a store whose key is missing is noticed at once.
pub(super) struct IndexSecret(Zeroizing<[u8; 32]>);

impl IndexSecret {
    /// The place of the sealed secret, as part of its seal.
    const PLACE: [&'static [u8]; 1] = [b"index secret"];

    pub(super) fn make(entropy: &dyn Entropy) -> Result<Self, EntropyFault> {
        let mut secret = Zeroizing::new([0; 32]);
        entropy.fill(secret.as_mut_slice())?;
        Ok(Self(secret))
    }

    pub(super) fn seal(&self, keys: &SealingKeys, entropy: &dyn Entropy) -> Result<Vec<u8>, EntropyFault> {
        Ok(keys.seal(Purpose::StoreIndex, &Self::PLACE, nonce(entropy)?, self.0.as_slice()))
    }

    pub(super) fn open(sealed: &[u8], keys: &SealingKeys) -> Result<Self, DoesNotOpen> {
        let (secret, _) = keys.open(Purpose::StoreIndex, &Self::PLACE, sealed)?;
        let secret = Zeroizing::new(secret);
        Ok(Self(Zeroizing::new(secret.as_slice().try_into().map_err(|_| DoesNotOpen)?)))
    }
}

/// Seals and opens what a store keeps.
pub(super) struct Vault {
    keys: SealingKeys,
    /// What marks are made with.
    index: SealingKey,
    /// What they were made with before.
    previous: Vec<SealingKey>,
    entropy: Arc<dyn Entropy>,
}

impl Vault {
    pub(super) fn new(keys: SealingKeys, index: &IndexSecret, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys, index: SealingKey::new(*index.0), previous: Vec::new(), entropy }
    }

    /// A vault for a store that rests no secret of its own: marks are made with the sealing keys, which all who share
    /// the store have.
    pub(super) fn shared(keys: SealingKeys, entropy: Arc<dyn Entropy>) -> Self {
        let (index, previous) = (keys.current().clone(), keys.previous().to_vec());
        Self { keys, index, previous, entropy }
    }

    /// What the index knows `user` as: the same for the same issuer and subject, and no way back.
    pub(super) fn mark(&self, user: &User) -> Mark {
        mark_with(&self.index, user)
    }

    /// Everything that the index may know `user` as: with the present key first, then with those before it.
    pub(super) fn marks(&self, user: &User) -> Vec<Mark> {
        self.index_keys().map(|key| mark_with(key, user)).collect()
    }

    /// The same as [`Vault::mark`] for a session of the provider's.
    pub(super) fn mark_provider_session(&self, session: &ProviderSession) -> Mark {
        mark_session_with(&self.index, session)
    }

    /// The same as [`Vault::marks`] for a session of the provider's.
    pub(super) fn provider_session_marks(&self, session: &ProviderSession) -> Vec<Mark> {
        self.index_keys().map(|key| mark_session_with(key, session)).collect()
    }

    fn index_keys(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.index).chain(&self.previous)
    }

    pub(super) fn seal(&self, key: &SessionKey, record: &SessionRecord) -> Result<Vec<u8>, EntropyFault> {
        let plain = Zeroizing::new(encode(record).encode_to_vec());
        Ok(self.keys.seal(Purpose::SessionRecord, &[key.as_bytes()], nonce(&*self.entropy)?, &plain))
    }

    pub(super) fn open(&self, key: &SessionKey, sealed: &[u8]) -> Result<Session, DoesNotOpen> {
        let (plain, _) = self.keys.open(Purpose::SessionRecord, &[key.as_bytes()], sealed)?;
        let plain = Zeroizing::new(plain);
        let message = proto::SessionRecord::decode(plain.as_slice()).map_err(|_| DoesNotOpen)?;
        decode(message).map(Session::restore).ok_or(DoesNotOpen)
    }
}

fn mark_with(key: &SealingKey, user: &User) -> Mark {
    key.derive(Purpose::StoreIndex, &[user.issuer.as_bytes(), user.subject.as_bytes()])
}

fn mark_session_with(key: &SealingKey, session: &ProviderSession) -> Mark {
    key.derive(Purpose::StoreIndex, &[b"sid", session.issuer.as_bytes(), session.id.as_bytes()])
}

fn nonce(entropy: &dyn Entropy) -> Result<[u8; NONCE_BYTES], EntropyFault> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce)?;
    Ok(nonce)
}

fn encode(record: &SessionRecord) -> proto::SessionRecord {
    let SessionRecord {
        user,
        application,
        claims,
        id_token,
        access_token,
        provider_session,
        renewal,
        generation,
        created,
        ends,
    } = record;
    proto::SessionRecord {
        issuer: user.issuer.clone(),
        subject: user.subject.clone(),
        application: application.as_str().to_owned(),
        // A map with text as keys always has a JSON form; an empty one would not decode, and be a miss.
        claims: serde_json::to_vec(claims.as_object()).unwrap_or_default(),
        id_token: id_token.expose_secret().to_owned(),
        access_token: access_token.as_ref().map(|token| token.expose_secret().to_owned()),
        provider_session: provider_session.clone(),
        renewal: renewal.as_ref().map(|renewal| proto::Renewal {
            refresh_token: renewal.refresh_token.expose_secret().to_owned(),
            due: renewal.due.as_unix(),
            stale: renewal.stale.as_unix(),
        }),
        generation: *generation,
        created: created.as_unix(),
        ends: ends.as_unix(),
    }
}

fn decode(message: proto::SessionRecord) -> Option<SessionRecord> {
    Some(SessionRecord {
        user: User { issuer: message.issuer, subject: message.subject },
        application: Slug::parse(&message.application).ok()?,
        claims: Claims::new(json::object(&message.claims)?),
        id_token: SecretString::from(message.id_token),
        access_token: message.access_token.map(SecretString::from),
        provider_session: message.provider_session,
        renewal: message.renewal.map(|renewal| Renewal {
            refresh_token: renewal.refresh_token.into(),
            due: Timestamp::from_unix(renewal.due),
            stale: Timestamp::from_unix(renewal.stale),
        }),
        generation: message.generation,
        created: Timestamp::from_unix(message.created),
        ends: Timestamp::from_unix(message.ends),
    })
}

#[cfg(test)]
#[path = "vault_tests.rs"]
mod tests;
