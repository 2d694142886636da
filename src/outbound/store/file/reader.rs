//! Reads sessions: from the cache, else from the database.

use std::sync::Arc;

use super::database::Database;
use super::tables::{Found, Removed, SessionRow, find};
use super::write_behind::{LoadPurpose, Loading, WriteBehindCache};
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Session, SessionKey};
use crate::outbound::store::record_cipher::{RecordCipher, ShortUserHash, short};
use crate::ports::{EndedSession, ListedSession, StoreFault, StoredSession};

/// What a read needs, on whichever thread it runs.
pub(super) struct Reader {
    pub(super) database: Arc<Database>,
    pub(super) recent: Arc<WriteBehindCache>,
    pub(super) record_cipher: Arc<RecordCipher>,
}

impl Reader {
    pub(super) fn user(&self, user: &User) -> ShortUserHash {
        short(&self.record_cipher.index_hash(user))
    }

    pub(super) fn provider_session(&self, session: &ProviderSession) -> ShortUserHash {
        short(&self.record_cipher.provider_session_hash(session))
    }

    /// Converts a session to the form in which the file stores it.
    pub(super) fn keep(&self, key: &SessionKey, session: &Session) -> Result<SessionRow, StoreFault> {
        let record = session.record();
        Ok(SessionRow {
            ends: record.ends,
            created: record.created,
            user: self.user(&record.user),
            provider_session: session.provider_session().map(|session| self.provider_session(&session)),
            generation: record.generation,
            sealed: self.record_cipher.seal(key, record).map_err(|fault| StoreFault(fault.to_string()))?,
        })
    }

    /// Decrypts removed sessions; one that does not open is omitted.
    pub(super) fn open_all(&self, removed: &[Removed]) -> Vec<EndedSession> {
        let open = |Removed { key, sealed }: &Removed| {
            let session = self.record_cipher.open(key, sealed).ok().map(Arc::new)?;
            Some(EndedSession { key: *key, session })
        };
        removed.iter().filter_map(open).collect()
    }

    pub(super) fn load(&self, key: &SessionKey, purpose: LoadPurpose) -> Result<Option<StoredSession>, StoreFault> {
        loop {
            let Some(loading) = self.recent.begin_load(key) else { return Ok(None) };
            let found = self.database.read(|connection| find(connection, key))?;
            let found = found.and_then(|found| self.loaded(&found, &loading, purpose));
            // What a change overtook is read again: an end that was written meanwhile may already have been in effect before.
            if found.is_none() || self.recent.is_current(&loading) {
                return Ok(found);
            }
        }
    }

    pub(super) fn loaded(&self, found: &Found, loading: &Loading, purpose: LoadPurpose) -> Option<StoredSession> {
        let session = self.open(found, purpose)?;
        let stored = StoredSession { session: Arc::new(session), last_seen: loading.last_seen(found.last_seen) };
        self.recent.finish_load(loading, stored, found.user, purpose)
    }

    pub(super) fn open(&self, found: &Found, purpose: LoadPurpose) -> Option<Session> {
        let session = match purpose {
            LoadPurpose::Use => self.record_cipher.open_without_tokens(&found.key, &found.sealed).ok(),
            LoadPurpose::Refresh => self.record_cipher.open(&found.key, &found.sealed).ok(),
        };
        if session.is_none() {
            // The record was moved here from another key, altered, or sealed under a key that has been retired: no valid session.
            tracing::warn!("a stored session cannot be decrypted and is ignored");
        }
        session
    }

    /// Reads sessions for listing: none of them enters the cache, where it would evict active sessions.
    pub(super) fn list(
        &self,
        find: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<Vec<Found>>,
    ) -> Result<(Vec<ListedSession>, Option<i64>), StoreFault> {
        // Taken before the file is read: everything written after this moment is visible in the file.
        let unwritten = self.recent.unwritten();
        let found = self.database.read(find)?;
        let there = found.iter().filter(|found| !unwritten.ends(&found.key, found.user));
        let listed = there.filter_map(|found| {
            let session = Arc::new(self.open(found, LoadPurpose::Use)?);
            let last_seen =
                unwritten.touched.get(&found.key).copied().map_or(found.last_seen, |it| it.max(found.last_seen));
            Some(ListedSession { key: found.key, stored: StoredSession { session, last_seen } })
        });
        Ok((listed.collect(), found.last().map(|last| last.id)))
    }
}
