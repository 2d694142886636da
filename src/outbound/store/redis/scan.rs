//! Listing sessions: all of them page by page, or those of a user.

use futures_util::future::try_join_all;
use redis::{Cmd, FromRedisValue as _};

use super::client::RedisClient;
use super::connection::RedisConnection;
use super::fault::Fault;
use super::found::Found;
use super::keys::unhex;
use super::scripts::LIST;
use super::settings::Address;
use crate::domain::oidc::user::User;
use crate::domain::session::SessionKey;
use crate::outbound::store::record_cipher::IndexHash;
use crate::ports::{Cursor, ListedSession, SessionPage, StoreFault};

/// The approximate number of keys per session, of which the record is one.
const KEYS_PER_SESSION: usize = 5;
/// The limit for the keys that a server examines in one `SCAN`.
const MAX_KEYS: usize = 2000;
/// How many `SCAN` calls serve one page; where other applications store many keys in the database, a page may be empty.
const SCANS_PER_PAGE: usize = 16;
/// The number of records that are read concurrently.
const AT_ONCE: usize = 64;

/// Where a page begins: the server, and the `SCAN` cursor there.
struct ScanPosition {
    server: Address,
    cursor: u64,
}

pub(super) async fn page(client: &RedisClient, from: &Cursor, limit: usize) -> Result<SessionPage, StoreFault> {
    let connection = client.connection().await?;
    let mut masters = connection.masters().await?;
    masters.sort_unstable();
    let mut place = ScanPosition::from_cursor(from)?.or_else(|| ScanPosition::first(&masters));
    let mut names = Vec::new();
    for _ in 0..SCANS_PER_PAGE {
        let Some(ScanPosition { server, cursor }) = place else { break };
        let (next, found) = scan(client, &connection, &server, cursor, limit).await?;
        names.extend(found);
        place = match next {
            0 => ScanPosition::first(masters.iter().filter(|master| **master > server)),
            cursor => Some(ScanPosition { server, cursor }),
        };
        if names.len() >= limit {
            break;
        }
    }
    let mut sessions = Vec::with_capacity(names.len());
    for some in names.chunks(AT_ONCE) {
        let found = try_join_all(some.iter().map(|(user, key)| listed(client, *user, *key))).await?;
        sessions.extend(found.into_iter().flatten());
    }
    Ok(SessionPage { sessions, next: place.map(|place| place.cursor()) })
}

async fn scan(
    client: &RedisClient,
    connection: &RedisConnection,
    server: &Address,
    cursor: u64,
    limit: usize,
) -> Result<(u64, Vec<(IndexHash, SessionKey)>), Fault> {
    // A key prefix contains no character that is special in a pattern.
    let pattern = format!("{}*", client.keys.all_records());
    let count = limit.saturating_mul(KEYS_PER_SESSION).clamp(10, MAX_KEYS);
    let mut scan = Cmd::new();
    scan.arg("SCAN").arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count);
    let answer = connection.ask_at(server, &scan).await?;
    let (next, names) = <(u64, Vec<Vec<u8>>)>::from_redis_value(answer).map_err(|_| Fault::Unreadable)?;
    Ok((next, names.iter().filter_map(|name| client.keys.parse_record(name)).collect()))
}

async fn listed(client: &RedisClient, user: IndexHash, key: SessionKey) -> Result<Option<ListedSession>, Fault> {
    let found = client.find_of(&key, user).await?;
    Ok(found.and_then(|found| living(client, key, found)))
}

fn living(client: &RedisClient, key: SessionKey, found: Found) -> Option<ListedSession> {
    let ended = client.ends.hold(&key, &found.user, found.session.record().created);
    (!ended).then(|| ListedSession { key, stored: found.stored() })
}

pub(super) async fn of_user(client: &RedisClient, user: &User) -> Result<Vec<ListedSession>, StoreFault> {
    let mut listed = Vec::new();
    for index_hash in client.record_cipher.user_hashes(user) {
        let (records, last_uses) = (client.keys.records(&index_hash), client.keys.last_uses(&index_hash));
        let arguments = [records.as_bytes(), last_uses.as_bytes()];
        let found: Vec<Vec<u8>> = client.run(&LIST, &[client.keys.index(&index_hash)], &arguments).await?;
        let (sessions, _) = found.as_chunks::<3>();
        listed.extend(sessions.iter().filter_map(|[key, record, last_use]| {
            let key = SessionKey::from_bytes(unhex(key)?);
            living(client, key, Found::open(&client.record_cipher, &key, index_hash, record, last_use)?)
        }));
    }
    Ok(listed)
}

impl ScanPosition {
    fn first<'a>(masters: impl IntoIterator<Item = &'a Address>) -> Option<Self> {
        masters.into_iter().next().map(|server| Self { server: server.clone(), cursor: 0 })
    }

    /// `None` means the beginning.
    fn from_cursor(Cursor(bytes): &Cursor) -> Result<Option<Self>, StoreFault> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let place = || {
            let (cursor, rest) = bytes.split_first_chunk::<8>()?;
            let (port, host) = rest.split_first_chunk::<2>()?;
            let server = Address { host: String::from_utf8(host.to_vec()).ok()?, port: u16::from_be_bytes(*port) };
            Some(Self { server, cursor: u64::from_be_bytes(*cursor) })
        };
        place().map(Some).ok_or_else(|| StoreFault("a cursor of another store".to_owned()))
    }

    fn cursor(&self) -> Cursor {
        let Self { server: Address { host, port }, cursor } = self;
        Cursor([&cursor.to_be_bytes()[..], &port.to_be_bytes()[..], host.as_bytes()].concat())
    }
}
