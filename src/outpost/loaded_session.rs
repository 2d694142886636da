//! A live session that a request presented.

use crate::domain::policy::identity;
use crate::domain::session::{Freshness, LiveSession, SessionKey};
use crate::domain::time::Timestamp;

/// A live session, its storage key, the time of its last use, and whether it is due for a refresh.
pub(super) struct LoadedSession {
    pub(super) key: SessionKey,
    pub(super) session: LiveSession,
    pub(super) last_seen: Timestamp,
    pub(super) freshness: Freshness,
}

impl LoadedSession {
    /// The display name of the user in logs and pages.
    pub(super) fn name(&self) -> &str {
        let record = self.session.record();
        identity::display_name(&record.claims, &record.user)
    }
}
