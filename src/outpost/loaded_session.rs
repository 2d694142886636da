//! A session that a request has shown and that is alive.

use crate::domain::policy::identity;
use crate::domain::session::{Freshness, LiveSession, SessionKey};
use crate::domain::time::Timestamp;

/// A live session, the key under which it is stored, when it was last used, and whether it is time to renew it.
pub(super) struct LoadedSession {
    pub(super) key: SessionKey,
    pub(super) session: LiveSession,
    pub(super) last_seen: Timestamp,
    pub(super) freshness: Freshness,
}

impl LoadedSession {
    /// What logs and pages call the user.
    pub(super) fn name(&self) -> &str {
        let record = self.session.record();
        identity::display_name(&record.claims, &record.user)
    }
}
