//! Leases: of all processes that share a store, one renews a session; the others wait for what it saves.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::RefreshContext;
use crate::domain::session::SessionKey;
use crate::ports::{LeaseHolder, StoredSession};

/// How long a lease lasts unless it is extended: so soon another process may take over from one that died.
pub(super) const SPAN: Duration = Duration::from_secs(2);
/// How often it is extended.
const EXTENSION: Duration = Duration::from_millis(600);
/// How long another process's renewal is watched: no request waits longer.
const WATCH: Duration = Duration::from_secs(2);
/// Pauses between two looks.
const FIRST_LOOK: Duration = Duration::from_millis(25);
const LONGEST_LOOK: Duration = Duration::from_millis(200);

impl RefreshContext {
    /// Does `work` while the lease is extended, and gives it back afterwards.
    pub(super) async fn holding<T>(&self, key: &SessionKey, holder: &LeaseHolder, work: impl Future<Output = T>) -> T {
        let done = tokio::select! {
            done = work => done,
            never = self.extend(key, holder) => match never {},
        };
        if let Err(fault) = self.store.release(key, holder).await {
            tracing::debug!(%fault, "a lease was not given back and runs out by itself");
        }
        done
    }

    /// A lease that was lost does no harm: what is saved has to follow what was there.
    async fn extend(&self, key: &SessionKey, holder: &LeaseHolder) -> Infallible {
        loop {
            sleep(EXTENSION).await;
            if let Err(fault) = self.store.lease(key, holder, SPAN).await {
                tracing::debug!(%fault, "a lease could not be extended");
            }
        }
    }

    /// Waits until another process has renewed or ended the session of this generation; whether it did.
    pub(super) async fn watch(&self, key: &SessionKey, generation: u32) -> bool {
        let (begun, mut pause) = (Instant::now(), FIRST_LOOK);
        while begun.elapsed() < WATCH {
            sleep(pause).await;
            pause = LONGEST_LOOK.min(pause * 2);
            let is_same = |stored: &StoredSession| stored.session.record().generation == generation;
            // What the store cannot tell now, it may tell at the next look.
            if self.store.load(key).await.is_ok_and(|stored| !stored.as_ref().is_some_and(is_same)) {
                return true;
            }
        }
        false
    }
}
