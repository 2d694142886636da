//! The tables of a session file, and every query on them. Without the sealing key nothing in them is readable except points
//! in time.

use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};

use crate::domain::crypto::replay::ReplayKey;
use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
use crate::outbound::store::record_cipher::ShortUserHash;

/// The version of `SCHEMA`; a later version cannot be read. It is stored in the header, as SQLite's `user_version`.
pub(super) const FORMAT: i32 = 1;
/// Replaces the format version when damage was found while the file was in use.
pub(super) const DAMAGED_FORMAT: i32 = -1;

/// `session.user` and `session.provider_session` are keyed hashes, truncated because indexes in random order cost the most
/// space and writes; `session.sealed` is the record, sealed under `session.key`. `replay` contains the consumed sign-in
/// attempts and logout tokens. `meta` contains the sealed index secret, the key of the keyed hashes.
///
/// Rows of `session` are in the order of their insertion, not of their keys: so pages are full, and new rows are appended.
pub(super) const SCHEMA: [&str; 8] = [
    "CREATE TABLE session (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        user INTEGER NOT NULL,
        provider_session INTEGER,
        generation INTEGER NOT NULL,
        ends INTEGER NOT NULL,
        last_seen INTEGER NOT NULL,
        sealed BLOB NOT NULL
    ) STRICT",
    "CREATE INDEX session_by_user ON session (user)",
    "CREATE INDEX session_by_provider_session ON session (provider_session) WHERE provider_session IS NOT NULL",
    "CREATE INDEX session_by_end ON session (ends)",
    "CREATE INDEX session_by_last_seen ON session (last_seen)",
    "CREATE TABLE replay (key BLOB PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX replay_by_end ON replay (until)",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
];

const FIND: &str = "SELECT key, user, last_seen, sealed, id FROM session WHERE key = ?1";
/// Scans the smallest index, page by page: a fraction of a millisecond for 100,000 sessions in memory.
const COUNT: &str = "SELECT count(*) FROM session";
const FIND_AFTER: &str = "SELECT key, user, last_seen, sealed, id FROM session WHERE id > ?1 ORDER BY id LIMIT ?2";
const FIND_OF_USER: &str = "SELECT key, user, last_seen, sealed, id FROM session WHERE user = ?1";
const SAVE: &str = "
    INSERT INTO session (key, user, provider_session, generation, ends, last_seen, sealed)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (key) DO UPDATE SET
        user = excluded.user, provider_session = excluded.provider_session, generation = excluded.generation,
        ends = excluded.ends, last_seen = excluded.last_seen, sealed = excluded.sealed";
const REFRESH: &str = "
    UPDATE session SET user = ?2, provider_session = ?3, generation = ?4, ends = ?5, sealed = ?6
    WHERE key = ?1 AND generation + 1 = ?4";
const TOUCH: &str = "UPDATE session SET last_seen = ?2 WHERE key = ?1 AND last_seen < ?2";
const REMOVE: &str = "DELETE FROM session WHERE key = ?1 RETURNING key, sealed";
const REMOVE_USER: &str = "DELETE FROM session WHERE user = ?1 RETURNING key, sealed";
const IS_OF_OTHERS: &str = "SELECT EXISTS (SELECT 1 FROM session WHERE provider_session = ?1 AND user <> ?2)";
const REMOVE_PROVIDER_SESSION: &str = "DELETE FROM session WHERE provider_session = ?1 RETURNING key, sealed";
const REMOVE_ENDED: &str = "
    DELETE FROM session WHERE id IN (SELECT id FROM session WHERE ends <= ?1 LIMIT ?2) RETURNING key, x''";
const REMOVE_IDLE: &str = "
    DELETE FROM session WHERE id IN (SELECT id FROM session WHERE last_seen < ?1 LIMIT ?2) RETURNING key, x''";
const IS_CONSUMED: &str = "SELECT EXISTS (SELECT 1 FROM replay WHERE key = ?1)";
const CONSUME: &str = "INSERT INTO replay (key, until) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
const FORGET_CONSUMED: &str = "DELETE FROM replay WHERE until <= ?1";
const META: &str = "SELECT value FROM meta WHERE name = ?1";
const SET_META: &str =
    "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";

/// A session in the form in which the file stores it.
pub(super) struct SessionRow {
    pub(super) ends: Timestamp,
    pub(super) created: Timestamp,
    pub(super) user: ShortUserHash,
    pub(super) provider_session: Option<ShortUserHash>,
    pub(super) generation: u32,
    pub(super) sealed: Vec<u8>,
}

/// A session that was removed; the record of an expired session is not returned.
pub(super) struct Removed {
    pub(super) key: SessionKey,
    pub(super) sealed: Vec<u8>,
}

/// A session as read from the file.
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) key: SessionKey,
    pub(super) user: ShortUserHash,
    pub(super) last_seen: Timestamp,
    pub(super) sealed: Vec<u8>,
}

/// Reads one session.
pub(super) fn find(on: &Connection, key: &SessionKey) -> Result<Option<Found>> {
    on.prepare_cached(FIND)?.query_row([blob(key)], found).optional()
}

/// Up to `limit` sessions whose id is greater than `id`, in the order of their ids.
pub(super) fn find_after(on: &Connection, id: i64, limit: usize) -> Result<Vec<Found>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    on.prepare_cached(FIND_AFTER)?.query_map([id, limit], found)?.collect()
}

/// The sessions of a user.
pub(super) fn find_of_user(on: &Connection, user: ShortUserHash) -> Result<Vec<Found>> {
    on.prepare_cached(FIND_OF_USER)?.query_map([user], found)?.collect()
}

/// Whether the replay key is recorded as consumed.
pub(super) fn is_consumed(on: &Connection, replay_key: &ReplayKey) -> Result<bool> {
    on.prepare_cached(IS_CONSUMED)?.query_row([replay_key.as_bytes().as_slice()], |row| row.get(0))
}

/// The number of sessions.
pub(super) fn count(on: &Connection) -> Result<u64> {
    let count: i64 = on.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// Saves a session, and replaces any other under its key.
pub(super) fn save(on: &Connection, key: &SessionKey, session_row: &SessionRow) -> Result<()> {
    let SessionRow { user, provider_session, generation, sealed, .. } = session_row;
    let (ends, created) = (seconds(session_row.ends), seconds(session_row.created));
    on.prepare_cached(SAVE)?
        .execute(params![blob(key), user, provider_session, generation, ends, created, sealed])
        .map(drop)
}

/// Compare-and-swap on the generation; returns whether it replaced the stored session.
pub(super) fn replace(on: &Connection, key: &SessionKey, session_row: &SessionRow) -> Result<bool> {
    let SessionRow { user, provider_session, generation, sealed, .. } = session_row;
    let row = params![blob(key), user, provider_session, generation, seconds(session_row.ends), sealed];
    Ok(on.prepare_cached(REFRESH)?.execute(row)? > 0)
}

/// Moves the session's last use forward; does nothing if the session does not exist.
pub(super) fn touch(on: &Connection, key: &SessionKey, last_seen: Timestamp) -> Result<()> {
    on.prepare_cached(TOUCH)?.execute(params![blob(key), seconds(last_seen)]).map(drop)
}

/// Removes one session; returns it if it existed.
pub(super) fn remove(on: &Connection, key: &SessionKey) -> Result<Vec<Removed>> {
    on.prepare_cached(REMOVE)?.query_map([blob(key)], removed)?.collect()
}

/// Removes all sessions of a user.
pub(super) fn remove_user(on: &Connection, user: ShortUserHash) -> Result<Vec<Removed>> {
    on.prepare_cached(REMOVE_USER)?.query_map([user], removed)?.collect()
}

/// Removes all sessions that belong to a provider session; `None` when one of them belongs to another user than `of`.
pub(super) fn remove_provider_session(
    on: &Connection,
    session: ShortUserHash,
    of: Option<ShortUserHash>,
) -> Result<Option<Vec<Removed>>> {
    if let Some(user) = of
        && on.prepare_cached(IS_OF_OTHERS)?.query_row([session, user], |row| row.get(0))?
    {
        return Ok(None);
    }
    on.prepare_cached(REMOVE_PROVIDER_SESSION)?.query_map([session], removed)?.collect::<Result<_>>().map(Some)
}

/// Removes up to `limit` sessions by each limit: those that end by `now`, and those last seen before `idle_since`.
pub(super) fn expire(on: &Connection, now: Timestamp, idle_since: Timestamp, limit: u32) -> Result<Vec<Removed>> {
    let mut expired = Vec::new();
    for (statement, time) in [(REMOVE_ENDED, now), (REMOVE_IDLE, idle_since)] {
        for row in on.prepare_cached(statement)?.query_map(params![seconds(time), limit], removed)? {
            expired.push(row?);
        }
    }
    Ok(expired)
}

/// Consumes a replay key; returns whether it was unconsumed until now.
pub(super) fn consume_once(on: &Connection, replay_key: &ReplayKey, until: Timestamp) -> Result<bool> {
    Ok(on.prepare_cached(CONSUME)?.execute(params![replay_key.as_bytes().as_slice(), seconds(until)])? > 0)
}

/// Deletes consumed replay keys that could no longer be used at `now`.
pub(super) fn forget_consumed(on: &Connection, now: Timestamp) -> Result<()> {
    on.prepare_cached(FORGET_CONSUMED)?.execute([seconds(now)]).map(drop)
}

pub(super) fn meta(on: &Connection, name: &str) -> Result<Option<Vec<u8>>> {
    on.query_row(META, [name], |row| row.get(0)).optional()
}

pub(super) fn set_meta(on: &Connection, name: &str, value: &[u8]) -> Result<()> {
    on.execute(SET_META, params![name, value]).map(drop)
}

fn found(row: &Row<'_>) -> Result<Found> {
    let (key, last_seen) = (SessionKey::from_bytes(row.get(0)?), u64::try_from(row.get::<_, i64>(2)?));
    let last_seen = Timestamp::from_unix(last_seen.unwrap_or_default());
    Ok(Found { id: row.get(4)?, key, user: row.get(1)?, last_seen, sealed: row.get(3)? })
}

fn removed(row: &Row<'_>) -> Result<Removed> {
    Ok(Removed { key: SessionKey::from_bytes(row.get(0)?), sealed: row.get(1)? })
}

fn blob(key: &SessionKey) -> &[u8] {
    key.as_bytes()
}

/// Seconds as SQLite stores them: up to 63 bits.
pub(super) fn seconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_unix()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let database = Connection::open_in_memory().unwrap();
        for statement in SCHEMA {
            database.execute_batch(statement).unwrap();
        }
        database
    }

    fn plan(database: &Connection, query: &str) -> Vec<String> {
        let mut plan = database.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        for number in 1..=plan.parameter_count() {
            plan.raw_bind_parameter(number, 1).unwrap();
        }
        plan.raw_query().mapped(|step| step.get("detail")).collect::<Result<_>>().unwrap()
    }

    /// The query scans an index of points in time, not the rows with their sealed records.
    #[test]
    fn sessions_are_counted_in_the_smallest_index() {
        let steps = plan(&database(), COUNT);
        let [step] = steps.as_slice() else { panic!("{steps:?}") };
        let smallest = ["session_by_end", "session_by_last_seen"];
        assert!(smallest.iter().any(|index| *step == format!("SCAN session USING COVERING INDEX {index}")), "{step}");
    }

    #[test]
    fn no_query_reads_a_whole_table() {
        let database = database();
        let all = [
            FIND,
            FIND_AFTER,
            FIND_OF_USER,
            SAVE,
            REFRESH,
            TOUCH,
            REMOVE,
            REMOVE_USER,
            IS_OF_OTHERS,
            REMOVE_PROVIDER_SESSION,
            REMOVE_ENDED,
            REMOVE_IDLE,
            IS_CONSUMED,
            CONSUME,
            FORGET_CONSUMED,
            META,
            SET_META,
        ];
        for query in all {
            for step in plan(&database, query) {
                assert!(!step.starts_with("SCAN ") || step.contains("CONSTANT"), "{query}: {step}");
            }
        }
    }
}
