//! The tables of a session file, and every change to them. Nothing in them can be read without the sealing key, but
//! for points in time.
//!
//! | table | key | value | for |
//! | --- | --- | --- | --- |
//! | `sessions` | session key | end, user mark, sealed record | loading |
//! | `last seen` | session key | time | the idle limit; apart, so that a touch need not write a record again |
//! | `generation` | session key | number | renewing no session but the one before |
//! | `provider session` | session key | mark of the provider's session | taking out of the next |
//! | `by provider session` | mark of the provider's session, session key | | ending what rests on it |
//! | `by user` | user mark, session key | | ending what a user has |
//! | `by end` | end, session key | | expiry by the absolute limit |
//! | `by last seen` | time, session key | | expiry by the idle limit |
//! | `spent` | mark | end | noticing a sign-in attempt or a logout token that comes twice |
//! | `spent by end` | end, mark | | forgetting what could not be used any more |
//! | `meta` | name | bytes | `format`: version; `index secret`: sealed, behind the user marks |

use std::ops::Bound;

use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata as _, Table, TableDefinition, TableError, WriteTransaction,
};

use crate::domain::one_time::OneTime;
use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
use crate::outbound::store::vault::Mark;

type Key = &'static [u8; 32];
type Spent = &'static [u8; 16];
type Record = (u64, Key, &'static [u8]);

pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const SESSIONS: TableDefinition<'_, Key, Record> = TableDefinition::new("sessions");
const LAST_SEEN: TableDefinition<'_, Key, u64> = TableDefinition::new("last seen");
pub(super) const GENERATION: TableDefinition<'_, Key, u32> = TableDefinition::new("generation");
pub(super) const PROVIDER_SESSION: TableDefinition<'_, Key, Key> = TableDefinition::new("provider session");
pub(super) const BY_PROVIDER_SESSION: TableDefinition<'_, (Key, Key), ()> = TableDefinition::new("by provider session");
const BY_USER: TableDefinition<'_, (Key, Key), ()> = TableDefinition::new("by user");
const BY_END: TableDefinition<'_, (u64, Key), ()> = TableDefinition::new("by end");
const BY_LAST_SEEN: TableDefinition<'_, (u64, Key), ()> = TableDefinition::new("by last seen");
const SPENT: TableDefinition<'_, Spent, u64> = TableDefinition::new("spent");
const SPENT_BY_END: TableDefinition<'_, (u64, Spent), ()> = TableDefinition::new("spent by end");

const LOWEST_KEY: [u8; 32] = [0; 32];
const HIGHEST_KEY: [u8; 32] = [0xff; 32];

/// A session as the file holds it.
pub(super) struct Kept {
    pub(super) ends: Timestamp,
    pub(super) created: Timestamp,
    pub(super) user: Mark,
    pub(super) provider_session: Option<Mark>,
    pub(super) generation: u32,
    pub(super) sealed: Vec<u8>,
}

/// What the tables of the first format did not say about a session.
#[derive(Default)]
pub(super) struct Rests {
    pub(super) generation: u32,
    pub(super) provider_session: Option<Mark>,
}

/// A session as it was removed.
pub(super) struct Removed {
    pub(super) key: SessionKey,
    pub(super) sealed: Vec<u8>,
}

/// A session as the file gives it back.
pub(super) struct Found {
    pub(super) user: Mark,
    pub(super) last_seen: Timestamp,
    pub(super) sealed: Vec<u8>,
}

/// Reads one session.
pub(super) fn find(transaction: &ReadTransaction, key: &SessionKey) -> Result<Option<Found>, redb::Error> {
    let Some(kept) = transaction.open_table(SESSIONS)?.get(key.as_bytes())? else { return Ok(None) };
    let (_, user, sealed) = kept.value();
    let last_seen = transaction.open_table(LAST_SEEN)?.get(key.as_bytes())?.map_or(0, |seconds| seconds.value());
    Ok(Some(Found { user: *user, last_seen: Timestamp::from_unix(last_seen), sealed: sealed.to_vec() }))
}

/// Whether something is marked as used.
pub(super) fn is_spent(transaction: &ReadTransaction, mark: &OneTime) -> Result<bool, redb::Error> {
    Ok(transaction.open_table(SPENT)?.get(mark.as_bytes())?.is_some())
}

/// The keys of up to `limit` sessions behind `from`.
pub(super) fn keys_after(
    transaction: &ReadTransaction,
    from: Option<&SessionKey>,
    limit: usize,
) -> Result<Vec<SessionKey>, redb::Error> {
    let begin = from.map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_bytes()));
    let sessions = transaction.open_table(SESSIONS)?;
    let entries = sessions.range::<&[u8; 32]>((begin, Bound::Unbounded))?.take(limit);
    entries.map(|entry| Ok(SessionKey::from_bytes(*entry?.0.value()))).collect()
}

/// The keys of a user's sessions.
pub(super) fn keys_of(transaction: &ReadTransaction, user: &Mark) -> Result<Vec<SessionKey>, redb::Error> {
    keys_under(&transaction.open_table(BY_USER)?, user)
}

/// All tables, open for one change.
pub(super) struct Tables<'txn> {
    sessions: Table<'txn, Key, Record>,
    last_seen: Table<'txn, Key, u64>,
    generation: Table<'txn, Key, u32>,
    provider_session: Table<'txn, Key, Key>,
    by_provider_session: Table<'txn, (Key, Key), ()>,
    by_user: Table<'txn, (Key, Key), ()>,
    by_end: Table<'txn, (u64, Key), ()>,
    by_last_seen: Table<'txn, (u64, Key), ()>,
    spent: Table<'txn, Spent, u64>,
    spent_by_end: Table<'txn, (u64, Spent), ()>,
}

impl<'txn> Tables<'txn> {
    /// Opens the tables, and makes those that are not there.
    pub(super) fn open(transaction: &'txn WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            sessions: transaction.open_table(SESSIONS)?,
            last_seen: transaction.open_table(LAST_SEEN)?,
            generation: transaction.open_table(GENERATION)?,
            provider_session: transaction.open_table(PROVIDER_SESSION)?,
            by_provider_session: transaction.open_table(BY_PROVIDER_SESSION)?,
            by_user: transaction.open_table(BY_USER)?,
            by_end: transaction.open_table(BY_END)?,
            by_last_seen: transaction.open_table(BY_LAST_SEEN)?,
            spent: transaction.open_table(SPENT)?,
            spent_by_end: transaction.open_table(SPENT_BY_END)?,
        })
    }

    pub(super) fn save(&mut self, key: &SessionKey, kept: &Kept) -> Result<(), redb::Error> {
        self.remove(key)?;
        self.insert(key, kept, kept.created)
    }

    /// Replaces the session of the generation before; whether it was there.
    pub(super) fn renew(&mut self, key: &SessionKey, kept: &Kept) -> Result<bool, redb::Error> {
        let before = self.generation.get(key.as_bytes())?.map(|generation| generation.value());
        if before.and_then(|before| before.checked_add(1)) != Some(kept.generation) {
            return Ok(false);
        }
        let last_seen = self.last_seen.get(key.as_bytes())?.map(|seconds| seconds.value());
        self.remove(key)?;
        self.insert(key, kept, last_seen.map_or(kept.created, Timestamp::from_unix))?;
        Ok(true)
    }

    /// Notes of every session what earlier formats did not: its generation, and the provider's session that it rests on as
    /// far as `look` can tell from its sealed record. How many sessions there are.
    pub(super) fn complete(&mut self, look: impl Fn(&SessionKey, &[u8]) -> Option<Rests>) -> Result<u64, redb::Error> {
        for entry in self.sessions.iter()? {
            let (key, kept) = entry?;
            let (key, (_, _, sealed)) = (key.value(), kept.value());
            let rests = look(&SessionKey::from_bytes(*key), sealed).unwrap_or_default();
            self.generation.insert(key, rests.generation)?;
            if let Some(mark) = &rests.provider_session {
                self.provider_session.insert(key, mark)?;
                self.by_provider_session.insert((mark, key), ())?;
            }
        }
        Ok(self.sessions.len()?)
    }

    fn insert(&mut self, key: &SessionKey, kept: &Kept, last_seen: Timestamp) -> Result<(), redb::Error> {
        let (key, ends, last_seen) = (key.as_bytes(), kept.ends.as_unix(), last_seen.as_unix());
        self.sessions.insert(key, (ends, &kept.user, kept.sealed.as_slice()))?;
        self.generation.insert(key, kept.generation)?;
        if let Some(mark) = &kept.provider_session {
            self.provider_session.insert(key, mark)?;
            self.by_provider_session.insert((mark, key), ())?;
        }
        self.last_seen.insert(key, last_seen)?;
        self.by_user.insert((&kept.user, key), ())?;
        self.by_end.insert((ends, key), ())?;
        self.by_last_seen.insert((last_seen, key), ())?;
        Ok(())
    }

    /// Moves the session's last use forward; a session that is not there stays away.
    pub(super) fn touch(&mut self, key: &SessionKey, last_seen: Timestamp) -> Result<(), redb::Error> {
        let (key, now) = (key.as_bytes(), last_seen.as_unix());
        let Some(before) = self.last_seen.get(key)?.map(|seconds| seconds.value()) else { return Ok(()) };
        if before < now {
            self.last_seen.insert(key, now)?;
            self.by_last_seen.remove((before, key))?;
            self.by_last_seen.insert((now, key), ())?;
        }
        Ok(())
    }

    /// Removes one session with all its index entries; what it was, if it was there.
    pub(super) fn remove(&mut self, key: &SessionKey) -> Result<Option<Removed>, redb::Error> {
        let bytes = key.as_bytes();
        let Some((ends, user, sealed)) = self.sessions.remove(bytes)?.map(|kept| {
            let (ends, user, sealed) = kept.value();
            (ends, *user, sealed.to_vec())
        }) else {
            return Ok(None);
        };
        self.generation.remove(bytes)?;
        if let Some(mark) = self.provider_session.remove(bytes)?.map(|mark| *mark.value()) {
            self.by_provider_session.remove((&mark, bytes))?;
        }
        self.by_user.remove((&user, bytes))?;
        self.by_end.remove((ends, bytes))?;
        if let Some(last_seen) = self.last_seen.remove(bytes)?.map(|seconds| seconds.value()) {
            self.by_last_seen.remove((last_seen, bytes))?;
        }
        Ok(Some(Removed { key: *key, sealed }))
    }

    /// Removes all sessions of a user.
    pub(super) fn remove_user(&mut self, user: &Mark) -> Result<Vec<Removed>, redb::Error> {
        let keys = keys_under(&self.by_user, user)?;
        self.remove_all(keys)
    }

    /// Removes all sessions that rest on one of the provider's; `None` when one of them is another user's than `of`.
    pub(super) fn remove_provider_session(
        &mut self,
        session: &Mark,
        of: Option<&Mark>,
    ) -> Result<Option<Vec<Removed>>, redb::Error> {
        let keys = keys_under(&self.by_provider_session, session)?;
        for key in &keys {
            let user = self.sessions.get(key.as_bytes())?.map(|kept| *kept.value().1);
            if of.is_some() && user.as_ref() != of {
                return Ok(None);
            }
        }
        self.remove_all(keys).map(Some)
    }

    /// Removes up to `limit` sessions by each limit: those that end by `now`, and those last seen before `idle_since`.
    pub(super) fn expire(
        &mut self,
        now: Timestamp,
        idle_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Removed>, redb::Error> {
        let mut keys = Vec::new();
        for entry in self.by_end.range(..=(now.as_unix(), &HIGHEST_KEY))?.take(limit) {
            keys.push(SessionKey::from_bytes(*entry?.0.value().1));
        }
        for entry in self.by_last_seen.range(..(idle_since.as_unix(), &LOWEST_KEY))?.take(limit) {
            keys.push(SessionKey::from_bytes(*entry?.0.value().1));
        }
        self.remove_all(keys)
    }

    /// Notes that something is used; whether it was unused until now.
    pub(super) fn spend(&mut self, mark: &OneTime, until: Timestamp) -> Result<bool, redb::Error> {
        let mark = mark.as_bytes();
        if self.spent.get(mark)?.is_some() {
            return Ok(false);
        }
        self.spent.insert(mark, until.as_unix())?;
        self.spent_by_end.insert((until.as_unix(), mark), ())?;
        Ok(true)
    }

    /// Forgets the marks that ran out by `now`.
    pub(super) fn forget_spent(&mut self, now: Timestamp) -> Result<(), redb::Error> {
        let mut marks = Vec::new();
        for entry in self.spent_by_end.range(..=(now.as_unix(), &[0xff; 16]))? {
            let entry = entry?.0;
            let (until, mark) = entry.value();
            marks.push((until, *mark));
        }
        for (until, mark) in marks {
            self.spent.remove(&mark)?;
            self.spent_by_end.remove((until, &mark))?;
        }
        Ok(())
    }

    fn remove_all(&mut self, keys: Vec<SessionKey>) -> Result<Vec<Removed>, redb::Error> {
        let mut removed = Vec::with_capacity(keys.len());
        for key in keys {
            removed.extend(self.remove(&key)?);
        }
        Ok(removed)
    }
}

/// The session keys that an index holds under one mark.
fn keys_under(index: &impl ReadableTable<(Key, Key), ()>, mark: &Mark) -> Result<Vec<SessionKey>, redb::Error> {
    let mut keys = Vec::new();
    for entry in index.range((mark, &LOWEST_KEY)..=(mark, &HIGHEST_KEY))? {
        keys.push(SessionKey::from_bytes(*entry?.0.value().1));
    }
    Ok(keys)
}
