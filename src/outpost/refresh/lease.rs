//! Leases: of all processes that share a store, one refreshes a session; the others wait for the session that it saves.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::RefreshContext;
use crate::domain::session::SessionKey;
use crate::ports::{Lease, LeaseHolder, StoredSession};

/// How long a lease lasts unless it is extended: the time until another process may take over from one that crashed.
pub(super) const SPAN: Duration = Duration::from_secs(2);
/// The interval at which a lease is extended.
const EXTENSION: Duration = Duration::from_millis(600);
/// How long another process's refresh is watched; no request waits longer.
const WATCH: Duration = Duration::from_secs(2);
/// The shortest and the longest pause between two polls.
const FIRST_LOOK: Duration = Duration::from_millis(25);
const LONGEST_LOOK: Duration = Duration::from_millis(200);

impl RefreshContext {
    /// Runs `work` while the lease is extended, and releases the lease afterwards.
    pub(super) async fn holding<T>(&self, key: &SessionKey, holder: &LeaseHolder, work: impl Future<Output = T>) -> T {
        let done = tokio::select! {
            done = work => done,
            never = self.extend(key, holder) => match never {},
        };
        if let Err(fault) = self.store.release(key, holder).await {
            tracing::debug!(%fault, "a lease was not released and expires by itself");
        }
        done
    }

    /// Extends the lease until dropped. Of two processes that refresh at once after a lease was lost, one saves its session, by
    /// compare-and-swap on the generation; but a provider that rotates refresh tokens sees one used twice, and may end the grant
    /// (RFC 9700 section 4.14.2). So a lost lease is logged, once, however often the extension is tried afterwards.
    async fn extend(&self, key: &SessionKey, holder: &LeaseHolder) -> Infallible {
        let mut is_reported = false;
        loop {
            sleep(EXTENSION).await;
            match self.store.lease(key, holder, SPAN).await {
                Ok(Lease::Held(_)) => {}
                Ok(Lease::Taken) if is_reported => {}
                Ok(Lease::Taken) => {
                    is_reported = true;
                    tracing::warn!("another process took over the refresh of a session that is under way here");
                }
                Err(fault) => tracing::debug!(%fault, "a lease could not be extended"),
            }
        }
    }

    /// Waits until another process has refreshed or ended the session of this generation; returns whether it did.
    pub(super) async fn watch(&self, key: &SessionKey, generation: u32) -> bool {
        let (begun, mut pause) = (Instant::now(), FIRST_LOOK);
        while begun.elapsed() < WATCH {
            sleep(pause).await;
            pause = LONGEST_LOOK.min(pause * 2);
            let is_same = |stored: &StoredSession| stored.session.record().generation == generation;
            // A fault of the store may be gone at the next poll.
            if self.store.load(key).await.is_ok_and(|stored| !stored.as_ref().is_some_and(is_same)) {
                return true;
            }
        }
        false
    }
}
