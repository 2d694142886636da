//! Ending sessions: in this process at once, and at the servers as soon as they can be reached.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use redis::{Cmd, Value};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::client::RedisClient;
use super::connection::State;
use super::fault::Fault;
use super::found::{index_hash, open, places};
use super::keys::{hex, unhex};
use super::pending::{End, PendingRevocations};
use super::scripts::{COUNT, END, END_SOME};
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::outbound::store::record_cipher::IndexHash;
use crate::ports::{EndedSession, ProviderSessionEnd, StoreFault};

/// The number of revocations that are sent concurrently.
const AT_ONCE: usize = 64;
/// The retry interval for revocations that the servers did not accept.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn end(client: &RedisClient, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
    let underway = client.ends.begin(End::Session(*key));
    client.client_side_cache.drop_session(key);
    let ended = end_session(client, key).await?;
    underway.acknowledge(now());
    Ok(ended.map(Arc::new))
}

async fn end_session(client: &RedisClient, key: &SessionKey) -> Result<Option<Session>, Fault> {
    client.owners.remove(key);
    let Some(user) = client.owner(key).await? else { return Ok(None) };
    let ended = end_at(client, key, &user).await?;
    // The remaining pointer has no record, and expires by itself if this fails.
    let _: Result<Value, Fault> = client.ask(Cmd::new().arg("DEL").arg(client.keys.pointer(key))).await;
    Ok(ended)
}

pub(super) async fn end_at(client: &RedisClient, key: &SessionKey, user: &IndexHash) -> Result<Option<Session>, Fault> {
    let [record, last_use, index] = places(&client.keys, user, key);
    let places = [record, last_use, index, client.keys.lease(user, key)];
    let record: Option<Vec<u8>> = client.run(&END, &places, &[hex(key.as_bytes()).as_bytes()]).await?;
    client.client_side_cache.drop_session(key);
    Ok(record.and_then(|record| open(&client.record_cipher, key, &record)))
}

pub(super) async fn end_user(client: &RedisClient, user: &User) -> Result<Vec<EndedSession>, StoreFault> {
    let at = client.clock.now();
    let begin = |index_hash: IndexHash| {
        let underway = client.ends.begin(End::User(index_hash, at));
        client.client_side_cache.drop_user(&index_hash);
        (index_hash, underway)
    };
    let underway: Vec<_> = client.record_cipher.user_hashes(user).into_iter().map(begin).collect();
    let mut ended = Vec::new();
    for (index_hash, underway) in underway {
        ended.extend(end_some(client, &index_hash, None, &[]).await?);
        underway.acknowledge(now());
    }
    Ok(ended)
}

/// Ends the sessions of a user that were created no later than `created_until` and belong to one of `provider_sessions`;
/// with neither, ends all.
async fn end_some(
    client: &RedisClient,
    user: &IndexHash,
    created_until: Option<Timestamp>,
    provider_sessions: &[IndexHash],
) -> Result<Vec<EndedSession>, Fault> {
    let created_until = created_until.map(|until| until.as_unix().to_string()).unwrap_or_default();
    let mut arguments = vec![client.keys.records(user), client.keys.last_uses(user), created_until];
    arguments.extend(provider_sessions.iter().map(|index_hash| hex(index_hash)));
    let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
    let ended: Vec<Vec<u8>> = client.run(&END_SOME, &[client.keys.index(user)], &arguments).await?;
    let (pairs, _) = ended.as_chunks::<2>();
    let sessions = pairs.iter().filter_map(|[key, record]| {
        let key = SessionKey::from_bytes(unhex(key)?);
        client.owners.remove(&key);
        client.ends.acknowledge(End::Session(key), now());
        client.client_side_cache.drop_session(&key);
        let session = Arc::new(open(&client.record_cipher, &key, record)?);
        Some(EndedSession { key, session })
    });
    Ok(sessions.collect())
}

pub(super) async fn end_provider_session(
    client: &RedisClient,
    session: &ProviderSession,
    of: Option<&User>,
) -> Result<ProviderSessionEnd, StoreFault> {
    let user_hashes = client.record_cipher.provider_session_hashes(session);
    let allowed = of.map(|user| client.record_cipher.user_hashes(user));
    let users = users_of(client, &user_hashes).await?;
    for other in users.iter().filter(|user| allowed.as_ref().is_some_and(|allowed| !allowed.contains(user))) {
        if count(client, other, &user_hashes).await? > 0 {
            return Ok(ProviderSessionEnd::OtherUser);
        }
    }
    let mut ended = Vec::new();
    for user in users.iter().filter(|user| allowed.as_ref().is_none_or(|allowed| allowed.contains(user))) {
        ended.extend(end_some(client, user, None, &user_hashes).await?);
    }
    Ok(ProviderSessionEnd::Ended(ended))
}

async fn users_of(client: &RedisClient, provider_sessions: &[IndexHash]) -> Result<Vec<IndexHash>, Fault> {
    let mut users = Vec::new();
    for session in provider_sessions {
        let place = client.keys.provider_session(session);
        let members: Vec<Vec<u8>> = client.ask(Cmd::new().arg("SMEMBERS").arg(place)).await?;
        for member in members {
            users.push(index_hash(&member)?);
        }
    }
    users.sort_unstable();
    users.dedup();
    Ok(users)
}

async fn count(client: &RedisClient, user: &IndexHash, provider_sessions: &[IndexHash]) -> Result<usize, Fault> {
    let mut arguments = vec![client.keys.records(user)];
    arguments.extend(provider_sessions.iter().map(|index_hash| hex(index_hash)));
    let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
    client.run(&COUNT, &[client.keys.index(user)], &arguments).await
}

/// Sends to the servers the revocations that they did not accept, and over every new connection also those that they may
/// have lost. Runs until the future is dropped.
pub(super) async fn replay_revocations(client: Arc<RedisClient>) {
    let mut state = client.state();
    while state.wait_for(|state| matches!(state, State::Up(_))).await.is_ok() {
        state.mark_unchanged();
        let recent = replay(&client, PendingRevocations::recent).await;
        if recent > 0 {
            info!(ends = recent, "session store: recent revocations were sent again over a new connection");
        }
        loop {
            client.ends.tidy(now());
            let delivered = replay(&client, PendingRevocations::waiting).await;
            if delivered > 0 {
                info!(ends = delivered, "session store: pending revocations were delivered");
            }
            tokio::select! {
                changed = state.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                () = sleep(AGAIN) => {}
            }
        }
    }
}

/// Sends those revocations again; returns the number of those that were accepted.
async fn replay(client: &RedisClient, which: fn(&PendingRevocations) -> Vec<End>) -> usize {
    let _exclusive = client.ends.replay().await;
    bring(client, which(&client.ends)).await
}

/// Returns how many of them were accepted. One that is refused, or whose server in a cluster does not answer, keeps no
/// other from being sent. Without a connection all of them would fail.
async fn bring(client: &RedisClient, ends: Vec<End>) -> usize {
    let (mut accepted, mut failed) = (0, None);
    let mut sending = stream::iter(ends).map(|end| bring_one(client, end)).buffer_unordered(AT_ONCE);
    while !matches!(failed, Some(Fault::Down(_)))
        && let Some(sent) = sending.next().await
    {
        match sent {
            Ok(()) => accepted += 1,
            Err(fault) => failed = Some(fault),
        }
    }
    if let Some(fault) = failed {
        warn!(%fault, "session store: a revocation could not be delivered; the next attempt is in a second");
    }
    accepted
}

async fn bring_one(client: &RedisClient, end: End) -> Result<(), Fault> {
    match end {
        End::Session(key) => drop(end_session(client, &key).await?),
        End::User(user, until) => drop(end_some(client, &user, Some(until), &[]).await?),
    }
    client.ends.acknowledge(end, now());
    Ok(())
}

fn now() -> Instant {
    Instant::now()
}
