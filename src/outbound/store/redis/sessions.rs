//! Session operations on the servers: look-up, save, refresh, and recording the last use.
//!
//! A look-up takes two steps: the pointer key yields the user hash, then the record is read in the hash slot of that user.
//! The owner of a session never changes, so it is cached here, and usually only the second step is needed.

use std::time::Duration;

use redis::{Cmd, Value};

use super::client::RedisClient;
use super::fault::Fault;
use super::found::{Found, SealedSession, generation, index_hash, places};
use super::keys::hex;
use super::revocations;
use super::scripts::{ADD, LEASE, REFRESH, RELEASE, SAVE, TOUCH};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::outbound::store::record_cipher::IndexHash;
use crate::ports::{Consumption, Lease, LeaseHolder, StoreFault};

impl RedisClient {
    /// Reads the session from the servers.
    pub(super) async fn find(&self, key: &SessionKey) -> Result<Option<Found>, Fault> {
        if self.ends.hold_session(key) {
            return Ok(None);
        }
        let found = match self.owners.get(key) {
            Some(user) => self.find_of(key, user).await?,
            None => None,
        };
        let found = match found {
            Some(found) => Some(found),
            None => match self.owner(key).await? {
                Some(user) => self.find_of(key, user).await?,
                None => None,
            },
        };
        match &found {
            Some(found) => self.owners.insert(*key, found.user),
            None => drop(self.owners.remove(key)),
        }
        Ok(found.filter(|found| !self.ends.hold(key, &found.user, found.session.record().created)))
    }

    /// Reads the user hash of the session's owner from the servers.
    pub(super) async fn owner(&self, key: &SessionKey) -> Result<Option<IndexHash>, Fault> {
        let pointer: Option<Vec<u8>> = self.ask(Cmd::new().arg("GET").arg(self.keys.pointer(key))).await?;
        pointer.map(|pointer| index_hash(&pointer)).transpose()
    }

    /// Like `owner`, but prefers the cached owner.
    async fn likely_owner(&self, key: &SessionKey) -> Result<Option<IndexHash>, Fault> {
        match self.owners.get(key) {
            Some(user) => Ok(Some(user)),
            None => self.owner(key).await,
        }
    }

    pub(super) async fn find_of(&self, key: &SessionKey, user: IndexHash) -> Result<Option<Found>, Fault> {
        let [record, last_use, _] = places(&self.keys, &user, key);
        let answer = self.ask(Cmd::new().arg("MGET").arg(record).arg(last_use)).await?;
        let (record, last_use): (Option<Vec<u8>>, Option<Vec<u8>>) = answer;
        Ok(record
            .and_then(|record| Found::open(&self.record_cipher, key, user, &record, &last_use.unwrap_or_default())))
    }

    pub(super) async fn save(&self, key: &SessionKey, session: &Session) -> Result<(), StoreFault> {
        let sealed = SealedSession::seal(&self.record_cipher, key, session)?;
        let _no_replay = self.ends.exclude_replay(key).await;
        let (user, record) = (self.record_cipher.index_hash(&session.record().user), session.record());
        let life = self.life(record.ends);
        let mut point = Cmd::new();
        point.arg("SET").arg(self.keys.pointer(key)).arg(hex(&user)).arg("PX").arg(life.index).arg("GET");
        // A pointer without a record is harmless; a record without a pointer would never be found.
        let (before, added) =
            tokio::join!(self.ask::<Option<Vec<u8>>>(&point), self.add_to_provider_session(&sealed, &user, life.index));
        added?;
        let before = before?.map(|before| index_hash(&before)).transpose()?;
        let arguments = [
            hex(key.as_bytes()),
            record.created.as_unix().to_string(),
            sealed.entry,
            life.record.to_string(),
            life.index.to_string(),
            self.keys.records(&user),
        ];
        let [name, last_use, entry, record_life, index_life, records] = arguments.each_ref().map(String::as_bytes);
        let arguments = [name, &sealed.record, last_use, entry, record_life, index_life, records];
        let saved = self.run::<Value>(&SAVE, &places(&self.keys, &user, key), &arguments).await;
        self.client_side_cache.drop_session(key);
        saved?;
        if let Some(before) = before.filter(|before| *before != user) {
            revocations::end_at(self, key, &before).await?;
        }
        self.ends.forget(key);
        self.owners.insert(*key, user);
        Ok(())
    }

    async fn add_to_provider_session(&self, sealed: &SealedSession, user: &IndexHash, life: u64) -> Result<(), Fault> {
        let Some(index_hash) = &sealed.provider_session else { return Ok(()) };
        let (place, life) = (self.keys.provider_session(index_hash), life.to_string());
        self.run::<Value>(&ADD, &[place], &[hex(user).as_bytes(), life.as_bytes()]).await.map(drop)
    }

    pub(super) async fn replace(&self, key: &SessionKey, session: &Session) -> Result<bool, StoreFault> {
        let record = session.record();
        let Some(before) = record.generation.checked_sub(1) else { return Ok(false) };
        let Some(user) = self.likely_owner(key).await? else { return Ok(false) };
        if self.ends.hold(key, &user, record.created) {
            return Ok(false);
        }
        let sealed = SealedSession::seal(&self.record_cipher, key, session)?;
        let life = self.life(record.ends);
        self.add_to_provider_session(&sealed, &user, life.index).await?;
        let (name, record_life, index_life) = (hex(key.as_bytes()), life.record.to_string(), life.index.to_string());
        let before = generation(before);
        let arguments = [
            name.as_bytes(),
            &before,
            &sealed.record,
            sealed.entry.as_bytes(),
            record_life.as_bytes(),
            index_life.as_bytes(),
        ];
        let refreshed = self.run::<i64>(&REFRESH, &places(&self.keys, &user, key), &arguments).await;
        self.client_side_cache.drop_session(key);
        Ok(refreshed? == 1)
    }

    pub(super) async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        self.client_side_cache.touch(key, last_seen);
        let Some(user) = self.likely_owner(key).await? else { return Ok(()) };
        let arguments = [
            hex(key.as_bytes()),
            last_seen.as_unix().to_string(),
            self.clock.now().as_unix().to_string(),
            self.lifetimes.idle.as_millis().to_string(),
        ];
        let arguments = arguments.each_ref().map(String::as_bytes);
        self.run::<Value>(&TOUCH, &places(&self.keys, &user, key), &arguments).await?;
        Ok(())
    }

    pub(super) async fn is_consumed(&self, replay_key: &ReplayKey) -> Result<bool, StoreFault> {
        let found: i64 = self.ask(Cmd::new().arg("EXISTS").arg(self.keys.consumed(replay_key))).await?;
        Ok(found > 0)
    }

    pub(super) async fn consume_once(
        &self,
        replay_key: &ReplayKey,
        until: Timestamp,
    ) -> Result<Consumption, StoreFault> {
        let mut consume_once = Cmd::new();
        consume_once.arg("SET").arg(self.keys.consumed(replay_key)).arg(1).arg("NX").arg("PX").arg(self.until(until));
        let done: Option<String> = self.ask(&consume_once).await?;
        Ok(if done.is_some() { Consumption::First } else { Consumption::Repeated })
    }

    pub(super) async fn lease(
        &self,
        key: &SessionKey,
        holder: &LeaseHolder,
        span: Duration,
    ) -> Result<Lease, StoreFault> {
        let Some(user) = self.likely_owner(key).await? else { return Ok(Lease::Held(None)) };
        let [record, last_use, _] = places(&self.keys, &user, key);
        let places = [record, last_use, self.keys.lease(&user, key)];
        let span = span.as_millis().max(1).to_string();
        let answer: Vec<Vec<u8>> = self.run(&LEASE, &places, &[holder, span.as_bytes()]).await?;
        let [record, last_use] = answer.as_slice() else { return Ok(Lease::Taken) };
        let found =
            if record.is_empty() { None } else { Found::open(&self.record_cipher, key, user, record, last_use) };
        let found = found.filter(|found| !self.ends.hold(key, &user, found.session.record().created));
        Ok(Lease::Held(found.map(Found::stored)))
    }

    pub(super) async fn release(&self, key: &SessionKey, holder: &LeaseHolder) -> Result<(), StoreFault> {
        let Some(user) = self.likely_owner(key).await? else { return Ok(()) };
        self.run::<Value>(&RELEASE, &[self.keys.lease(&user, key)], &[holder]).await?;
        Ok(())
    }

    /// The lifetimes of the keys of a session that ends at `ends`, in milliseconds. The record of an unused session expires
    /// earlier; each use extends its lifetime.
    fn life(&self, ends: Timestamp) -> Life {
        let index = self.until(ends);
        let idle = u64::try_from(self.lifetimes.idle.as_millis()).unwrap_or(u64::MAX);
        Life { record: index.min(idle.saturating_mul(2)), index }
    }

    /// Milliseconds from now until `moment`, at least 1000: servers accept no expiry below 1.
    fn until(&self, moment: Timestamp) -> u64 {
        let left = moment.as_unix().saturating_sub(self.clock.now().as_unix());
        left.clamp(1, MAX_LIFE_S) * 1000
    }
}

/// Longer than any session or replay key lives; servers reject expiries that overflow.
const MAX_LIFE_S: u64 = 20 * 366 * 24 * 3600;

/// See [`RedisClient::life`].
struct Life {
    record: u64,
    index: u64,
}
