//! How a session is read: from the client-side cache; else from the servers, once for all callers; else, while they do not
//! answer, from the client-side cache in its grace.

use std::sync::Arc;

use tokio::time::{Instant, timeout};

use super::RedisStore;
use super::fault::Fault;
use crate::domain::session::SessionKey;
use crate::outbound::store::metered::{self, Operation};
use crate::ports::{StoreFault, StoredSession};

impl RedisStore {
    pub(super) async fn read(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        if let Some(stored) = self.cached(key) {
            return Ok(Some(stored));
        }
        if self.client.ends.hold_session(key) {
            return Ok(None);
        }
        match metered::timed(Operation::Load, self.read_at_servers(key)).await {
            Err(fault) => {
                let in_grace = self.client.client_side_cache.in_grace(key, Instant::now());
                in_grace.map(Some).ok_or_else(|| fault.into())
            }
            Ok(found) => Ok(found),
        }
    }

    fn cached(&self, key: &SessionKey) -> Option<StoredSession> {
        self.client.client_side_cache.find(key, Instant::now()).filter(|stored| self.is_not_idle(stored))
    }

    /// A session that looks idle may have been used at another replica since: Redis announces changes of sessions to the client-side
    /// cache, but not their uses, so the cache must not decide that a session is idle.
    fn is_not_idle(&self, stored: &StoredSession) -> bool {
        self.client.clock.now() < stored.last_seen.plus(self.client.lifetimes.idle)
    }

    /// Shares a load in progress, unless the session is known to have changed since that load began. Gives up after 1.5 times
    /// the limit for one answer: reading a session takes two commands, and the caller has a deadline of its own.
    async fn read_at_servers(&self, key: &SessionKey) -> Result<Option<StoredSession>, Fault> {
        let (client, limit) = (&self.client, self.client.command_timeout.mul_f32(1.5));
        let loading = client.client_side_cache.begin_load(key);
        let mut cached = None;
        let load = || {
            cached = self.cached(key);
            let (client, key) = (Arc::clone(client), *key);
            let found = async move {
                let found = timeout(limit, client.find(&key)).await.unwrap_or(Err(Fault::TimeOut))?;
                Ok(found.map(|found| client.client_side_cache.finish_load(&loading, found)))
            };
            cached.is_none().then_some(found)
        };
        match self.loads.join(loading, load) {
            Some(load) => load.result().await.unwrap_or(Err(Fault::GivenUp)),
            None => cached.map(Some).ok_or(Fault::AtCapacity),
        }
    }
}

#[cfg(test)]
mod tests;
