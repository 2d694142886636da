//! Ending sessions, here at once and at the servers as soon as they can be reached.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use redis::{Cmd, Value};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::client::RedisClient;
use super::connection::State;
use super::fault::Fault;
use super::found::{mark, open, places};
use super::keys::{hex, unhex};
use super::pending::End;
use super::scripts::{COUNT, END, END_SOME};
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::outbound::store::record_cipher::UserHash;
use crate::ports::{ProviderSessionEnd, StoreFault};

/// Ends that are brought together.
const AT_ONCE: usize = 64;
/// How often ends are tried again that the servers did not take.
const AGAIN: Duration = Duration::from_secs(1);

impl RedisClient {
    pub(super) async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
        let underway = self.ends.begin(End::Session(*key));
        self.client_side_cache.drop_session(key);
        let ended = self.end_session(key).await?;
        underway.acknowledge(now());
        Ok(ended.map(Arc::new))
    }

    async fn end_session(&self, key: &SessionKey) -> Result<Option<Session>, Fault> {
        self.owners.remove(key);
        let Some(user) = self.owner(key).await? else { return Ok(None) };
        let ended = self.end_at(key, &user).await?;
        // What is left of it points to nothing, and goes by itself if this fails.
        let _: Result<Value, Fault> = self.ask(Cmd::new().arg("DEL").arg(self.keys.pointer(key))).await;
        Ok(ended)
    }

    pub(super) async fn end_at(&self, key: &SessionKey, user: &UserHash) -> Result<Option<Session>, Fault> {
        let [record, last_use, index] = places(&self.keys, user, key);
        let places = [record, last_use, index, self.keys.lease(user, key)];
        let record: Option<Vec<u8>> = self.run(&END, &places, &[hex(key.as_bytes()).as_bytes()]).await?;
        self.client_side_cache.drop_session(key);
        Ok(record.and_then(|record| open(&self.record_cipher, key, &record)))
    }

    pub(super) async fn end_user(&self, user: &User) -> Result<Vec<Arc<Session>>, StoreFault> {
        let at = self.clock.now();
        let begin = |mark: UserHash| {
            let underway = self.ends.begin(End::User(mark, at));
            self.client_side_cache.drop_user(&mark);
            (mark, underway)
        };
        let underway: Vec<_> = self.record_cipher.marks(user).into_iter().map(begin).collect();
        let mut ended = Vec::new();
        for (mark, underway) in underway {
            ended.extend(self.end_some(&mark, None, &[]).await?);
            underway.acknowledge(now());
        }
        Ok(ended.into_iter().map(Arc::new).collect())
    }

    /// Ends the sessions of a user that were created until then and rest on one of those sessions of the provider's; with
    /// neither, all.
    async fn end_some(
        &self,
        user: &UserHash,
        created_until: Option<Timestamp>,
        provider_sessions: &[UserHash],
    ) -> Result<Vec<Session>, Fault> {
        let created_until = created_until.map(|until| until.as_unix().to_string()).unwrap_or_default();
        let mut arguments = vec![self.keys.records(user), self.keys.last_uses(user), created_until];
        arguments.extend(provider_sessions.iter().map(|mark| hex(mark)));
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        let ended: Vec<Vec<u8>> = self.run(&END_SOME, &[self.keys.index(user)], &arguments).await?;
        let (pairs, _) = ended.as_chunks::<2>();
        let sessions = pairs.iter().filter_map(|[key, record]| {
            let key = SessionKey::from_bytes(unhex(key)?);
            self.owners.remove(&key);
            self.ends.acknowledge(End::Session(key), now());
            self.client_side_cache.drop_session(&key);
            open(&self.record_cipher, &key, record)
        });
        Ok(sessions.collect())
    }

    pub(super) async fn end_provider_session(
        &self,
        session: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault> {
        let marks = self.record_cipher.provider_session_marks(session);
        let allowed = of.map(|user| self.record_cipher.marks(user));
        let users = self.users_of(&marks).await?;
        for other in users.iter().filter(|user| allowed.as_ref().is_some_and(|allowed| !allowed.contains(user))) {
            if self.count(other, &marks).await? > 0 {
                return Ok(ProviderSessionEnd::OtherUser);
            }
        }
        let mut ended = Vec::new();
        for user in users.iter().filter(|user| allowed.as_ref().is_none_or(|allowed| allowed.contains(user))) {
            ended.extend(self.end_some(user, None, &marks).await?.into_iter().map(Arc::new));
        }
        Ok(ProviderSessionEnd::Ended(ended))
    }

    async fn users_of(&self, provider_sessions: &[UserHash]) -> Result<Vec<UserHash>, Fault> {
        let mut users = Vec::new();
        for session in provider_sessions {
            let place = self.keys.provider_session(session);
            let members: Vec<Vec<u8>> = self.ask(Cmd::new().arg("SMEMBERS").arg(place)).await?;
            for member in members {
                users.push(mark(&member)?);
            }
        }
        users.sort_unstable();
        users.dedup();
        Ok(users)
    }

    async fn count(&self, user: &UserHash, provider_sessions: &[UserHash]) -> Result<usize, Fault> {
        let mut arguments = vec![self.keys.records(user)];
        arguments.extend(provider_sessions.iter().map(|mark| hex(mark)));
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        self.run(&COUNT, &[self.keys.index(user)], &arguments).await
    }

    /// Brings ends to the servers that they did not take, and over every new link also those that they may have
    /// forgotten. Runs until it is dropped.
    pub(super) async fn bring_ends(self: Arc<Self>) {
        let mut state = self.state();
        while state.wait_for(|state| matches!(state, State::Up(_))).await.is_ok() {
            state.mark_unchanged();
            let recent = self.ends.recent();
            let brought = self.bring(&recent).await;
            if !recent.is_empty() && brought {
                info!(ends = recent.len(), "session store: told again over a new connection what ended");
            }
            loop {
                self.ends.tidy(now());
                let pending = self.ends.waiting();
                if !pending.is_empty() && self.bring(&pending).await {
                    info!(ends = pending.len(), "session store: told what ended meanwhile");
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

    /// Whether all of them were taken.
    async fn bring(&self, ends: &[End]) -> bool {
        for some in ends.chunks(AT_ONCE) {
            if let Err(fault) = try_join_all(some.iter().map(|end| self.bring_one(*end))).await {
                warn!(%fault, "session store: an end could not be brought; the next attempt is in a second");
                return false;
            }
        }
        true
    }

    async fn bring_one(&self, end: End) -> Result<(), Fault> {
        match end {
            End::Session(key) => drop(self.end_session(&key).await?),
            End::User(user, until) => drop(self.end_some(&user, Some(until), &[]).await?),
        }
        self.ends.acknowledge(end, now());
        Ok(())
    }
}

fn now() -> Instant {
    Instant::now()
}
