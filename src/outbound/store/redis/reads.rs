//! How a session is read: from the mirror; else from the servers, one flight for all who ask; else, while they do not
//! answer, from the mirror in its grace.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::flights::Flights;
use super::mirror::Mirror;
use super::shelf::Shelf;
use crate::domain::session::SessionKey;
use crate::outbound::store::metered::{self, Operation};
use crate::ports::{StoreFault, StoredSession};

pub(super) struct Reads {
    shelf: Arc<Shelf>,
    mirror: Arc<Mirror>,
    flights: Arc<Flights>,
}

impl Reads {
    /// Reads that are given up when the servers took half as long again as one answer may take: two questions lead to a
    /// session, and the caller has a deadline of its own.
    pub(super) fn new(shelf: Arc<Shelf>, command_timeout: Duration) -> Self {
        let mirror = Arc::clone(&shelf.mirror);
        Self { shelf, mirror, flights: Arc::new(Flights::new(command_timeout.mul_f32(1.5))) }
    }

    pub(super) async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        let find = || self.mirror.find(key, Instant::now()).filter(|stored| self.looks_used(stored));
        if let Some(stored) = find() {
            return Ok(Some(stored));
        }
        if self.shelf.ends.hold_session(key) {
            return Ok(None);
        }
        let flight = |loading| {
            let (servers, mirror, key) = (Arc::clone(&self.shelf), Arc::clone(&self.mirror), *key);
            async move { Ok(servers.find(&key).await?.map(|found| mirror.finish_load(&loading, found))) }
        };
        let load = self.flights.join(&self.mirror, key, find, flight);
        match metered::timed(Operation::Load, load).await {
            Err(fault) => self.mirror.in_grace(key, Instant::now()).map(Some).ok_or(fault),
            answer => answer,
        }
    }

    /// A session that looks idle may have been used at another replica since: the mirror does not hear of uses, so that
    /// it has no say in this.
    fn looks_used(&self, stored: &StoredSession) -> bool {
        self.shelf.clock.now() < stored.last_seen.plus(self.shelf.lifetimes.idle)
    }
}
