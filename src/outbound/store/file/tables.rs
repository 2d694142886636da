//! The tables of a session file, and every change to them. Nothing in them can be read without the sealing key, but
//! for points in time.
//!
//! | table | key | value | for |
//! | --- | --- | --- | --- |
//! | `sessions` | session key | end, user mark, sealed record | loading |
//! | `last seen` | session key | time | the idle limit; apart, so that a touch need not write a record again |
//! | `by user` | user mark, session key | | ending what a user has |
//! | `by end` | end, session key | | expiry by the absolute limit |
//! | `by last seen` | time, session key | | expiry by the idle limit |
//! | `spent` | attempt id | end | noticing a sign-in attempt that comes twice |
//! | `spent by end` | end, attempt id | | forgetting attempts that could not be used any more |
//! | `meta` | name | bytes | `format`: version; `index secret`: sealed, behind the user marks |

use redb::{ReadTransaction, ReadableTable as _, Table, TableDefinition, TableError, WriteTransaction};

use crate::domain::session::SessionKey;
use crate::domain::sign_in::AttemptId;
use crate::domain::time::Timestamp;
use crate::outbound::store::vault::UserMark;

type Key = &'static [u8; 32];
type Attempt = &'static [u8; 16];
type Record = (u64, Key, &'static [u8]);

pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const SESSIONS: TableDefinition<'_, Key, Record> = TableDefinition::new("sessions");
const LAST_SEEN: TableDefinition<'_, Key, u64> = TableDefinition::new("last seen");
const BY_USER: TableDefinition<'_, (Key, Key), ()> = TableDefinition::new("by user");
const BY_END: TableDefinition<'_, (u64, Key), ()> = TableDefinition::new("by end");
const BY_LAST_SEEN: TableDefinition<'_, (u64, Key), ()> = TableDefinition::new("by last seen");
const SPENT: TableDefinition<'_, Attempt, u64> = TableDefinition::new("spent");
const SPENT_BY_END: TableDefinition<'_, (u64, Attempt), ()> = TableDefinition::new("spent by end");

const LOWEST_KEY: [u8; 32] = [0; 32];
const HIGHEST_KEY: [u8; 32] = [0xff; 32];

/// A session as the file holds it.
pub(super) struct Kept {
    pub(super) ends: Timestamp,
    pub(super) created: Timestamp,
    pub(super) user: UserMark,
    pub(super) sealed: Vec<u8>,
}

/// A session as the file gives it back.
pub(super) struct Found {
    pub(super) user: UserMark,
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

/// All tables, open for one change.
pub(super) struct Tables<'txn> {
    sessions: Table<'txn, Key, Record>,
    last_seen: Table<'txn, Key, u64>,
    by_user: Table<'txn, (Key, Key), ()>,
    by_end: Table<'txn, (u64, Key), ()>,
    by_last_seen: Table<'txn, (u64, Key), ()>,
    spent: Table<'txn, Attempt, u64>,
    spent_by_end: Table<'txn, (u64, Attempt), ()>,
}

impl<'txn> Tables<'txn> {
    /// Opens the tables, and makes those that are not there.
    pub(super) fn open(transaction: &'txn WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            sessions: transaction.open_table(SESSIONS)?,
            last_seen: transaction.open_table(LAST_SEEN)?,
            by_user: transaction.open_table(BY_USER)?,
            by_end: transaction.open_table(BY_END)?,
            by_last_seen: transaction.open_table(BY_LAST_SEEN)?,
            spent: transaction.open_table(SPENT)?,
            spent_by_end: transaction.open_table(SPENT_BY_END)?,
        })
    }

    pub(super) fn save(&mut self, key: &SessionKey, kept: &Kept) -> Result<(), redb::Error> {
        self.remove(key)?;
        let key = key.as_bytes();
        let (ends, created) = (kept.ends.as_unix(), kept.created.as_unix());
        self.sessions.insert(key, (ends, &kept.user, kept.sealed.as_slice()))?;
        self.last_seen.insert(key, created)?;
        self.by_user.insert((&kept.user, key), ())?;
        self.by_end.insert((ends, key), ())?;
        self.by_last_seen.insert((created, key), ())?;
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

    /// Removes one session with all its index entries; whether it was there.
    pub(super) fn remove(&mut self, key: &SessionKey) -> Result<bool, redb::Error> {
        let key = key.as_bytes();
        let Some((ends, user)) = self.sessions.remove(key)?.map(|kept| (kept.value().0, *kept.value().1)) else {
            return Ok(false);
        };
        self.by_user.remove((&user, key))?;
        self.by_end.remove((ends, key))?;
        if let Some(last_seen) = self.last_seen.remove(key)?.map(|seconds| seconds.value()) {
            self.by_last_seen.remove((last_seen, key))?;
        }
        Ok(true)
    }

    /// Removes all sessions of a user; which they were.
    pub(super) fn remove_user(&mut self, user: &UserMark) -> Result<Vec<SessionKey>, redb::Error> {
        let mut keys = Vec::new();
        for entry in self.by_user.range((user, &LOWEST_KEY)..=(user, &HIGHEST_KEY))? {
            keys.push(SessionKey::from_bytes(*entry?.0.value().1));
        }
        self.remove_all(keys)
    }

    /// Removes up to `limit` sessions by each limit: those that end by `now`, and those last seen before `idle_since`.
    pub(super) fn expire(
        &mut self,
        now: Timestamp,
        idle_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<SessionKey>, redb::Error> {
        let mut keys = Vec::new();
        for entry in self.by_end.range(..=(now.as_unix(), &HIGHEST_KEY))?.take(limit) {
            keys.push(SessionKey::from_bytes(*entry?.0.value().1));
        }
        for entry in self.by_last_seen.range(..(idle_since.as_unix(), &LOWEST_KEY))?.take(limit) {
            keys.push(SessionKey::from_bytes(*entry?.0.value().1));
        }
        self.remove_all(keys)
    }

    /// Notes that an attempt is used; whether it was unused until now.
    pub(super) fn spend(&mut self, attempt: &AttemptId, until: Timestamp) -> Result<bool, redb::Error> {
        let attempt = attempt.as_bytes();
        if self.spent.get(attempt)?.is_some() {
            return Ok(false);
        }
        self.spent.insert(attempt, until.as_unix())?;
        self.spent_by_end.insert((until.as_unix(), attempt), ())?;
        Ok(true)
    }

    /// Forgets the attempts that ran out by `now`.
    pub(super) fn forget_attempts(&mut self, now: Timestamp) -> Result<(), redb::Error> {
        let mut attempts = Vec::new();
        for entry in self.spent_by_end.range(..=(now.as_unix(), &[0xff; 16]))? {
            let entry = entry?.0;
            let (until, attempt) = entry.value();
            attempts.push((until, *attempt));
        }
        for (until, attempt) in attempts {
            self.spent.remove(&attempt)?;
            self.spent_by_end.remove((until, &attempt))?;
        }
        Ok(())
    }

    fn remove_all(&mut self, keys: Vec<SessionKey>) -> Result<Vec<SessionKey>, redb::Error> {
        let mut removed = Vec::with_capacity(keys.len());
        for key in keys {
            if self.remove(&key)? {
                removed.push(key);
            }
        }
        Ok(removed)
    }
}
