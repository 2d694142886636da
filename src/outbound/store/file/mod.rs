//! Sessions in one file that survives restarts, `kill -9` and power cuts. Reads are served from a bounded cache, or else from
//! the file (an SQLite database), on the thread that serves the request; all changes go through one writer.

mod database;
mod fault;
mod integrity;
mod locked_file;
mod opening;
mod reader;
mod tables;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task;

pub(super) use database::companions;
pub use fault::OpenFault;
pub(super) use opening::recognised;

use self::fault::Cause;
use self::integrity::Inspector;
use self::opening::OpenedFile;
use self::reader::Reader;
use self::tables::{count, find_after, find_of_user, is_consumed};
use self::write_behind::{LoadPurpose, WriteBehindCache};
use self::writer::{Change, Writer};
use super::metered::{self, Operation};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::ports::{
    Consumption, Cursor, EndedSession, Entropy, Lease, LeaseHolder, ListedSession, ProviderSessionEnd, SessionPage,
    SessionStore, StoreFault, StoredSession,
};

/// The number of unwritten last uses at which a flush is started.
const FLUSH_AT: usize = 8 * 1024;
/// How many sessions one transaction expires by each of the two limits, so that other writes need not wait long.
const EXPIRE_AT_ONCE: u32 = 2048;

/// Memory and time limits of a store.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// The memory for recently read sessions; with 0, every read comes from the file.
    pub(super) cache_bytes: u64,
    /// A file of up to this size is checked in full before the store opens; a larger one while the store is in use.
    pub(super) checked_at_start: u64,
}

impl Limits {
    /// The check decrypts every record of the file before the store opens: 32 MiB are about 20,000 records.
    pub(super) const USUAL: Self = Self { cache_bytes: 40 * 1024 * 1024, checked_at_start: 32 * 1024 * 1024 };
}

/// The file store.
pub(super) struct FileStore {
    reader: Arc<Reader>,
    recent: Arc<WriteBehindCache>,
    writer: Writer,
    /// Stops with the store.
    _inspector: Inspector,
}

impl FileStore {
    pub(super) fn open(path: &Path, keys: SealingKeys, entropy: Arc<dyn Entropy>) -> Result<Self, OpenFault> {
        Self::open_with(path, keys, entropy, Limits::USUAL)
    }

    /// Opens a store with other limits.
    pub(super) fn open_with(
        path: &Path,
        keys: SealingKeys,
        entropy: Arc<dyn Entropy>,
        limits: Limits,
    ) -> Result<Self, OpenFault> {
        Self::start(path, keys, entropy, limits).map_err(|cause| cause.at(path))
    }

    fn start(path: &Path, keys: SealingKeys, entropy: Arc<dyn Entropy>, limits: Limits) -> Result<Self, Cause> {
        let OpenedFile { database, writer, record_cipher, suspected } =
            opening::open(path, keys, entropy, limits.checked_at_start)?;
        let (database, record_cipher) = (Arc::new(database), Arc::new(record_cipher));
        let recent = Arc::new(WriteBehindCache::new(limits.cache_bytes));
        let writer = Writer::start(Arc::clone(&database), writer, Arc::clone(&recent))?;
        let reader = Arc::new(Reader { database, recent: Arc::clone(&recent), record_cipher });
        let inspector = Inspector::start(path, Arc::clone(&reader), suspected)?;
        Ok(Self { reader, recent, writer, _inspector: inspector })
    }

    /// Runs a long read on a thread that may block on the disk.
    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let reader = Arc::clone(&self.reader);
        let done = task::spawn_blocking(move || read(&reader)).await;
        done.unwrap_or_else(|_| Err(StoreFault("a read was given up".to_owned())))
    }
}

#[async_trait]
impl SessionStore for FileStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        match self.recent.cached(key) {
            Some(stored) => Ok(Some(stored)),
            // Not on another thread: the file is usually in the operating system's page cache, and handing a read to another
            // thread takes longer than the read.
            None => metered::timed(Operation::Load, async { self.reader.load(key, LoadPurpose::Use) }).await,
        }
    }

    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault> {
        let session_row = self.reader.keep(key, &session)?;
        self.writer.write(Change::Save(*key, session_row)).await.map(drop)
    }

    async fn replace(&self, key: &SessionKey, session: Session) -> Result<bool, StoreFault> {
        let session_row = self.reader.keep(key, &session)?;
        Ok(self.writer.write(Change::Replace(*key, session_row)).await?.done)
    }

    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        if self.recent.touch(key, last_seen) >= FLUSH_AT {
            self.writer.flush_soon();
        }
        Ok(())
    }

    async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
        let ended = self.writer.write(Change::End(*key)).await?;
        Ok(self.reader.open_all(&ended.removed).pop().map(|ended| ended.session))
    }

    async fn end_user(&self, user: &User) -> Result<Vec<EndedSession>, StoreFault> {
        let ended = self.writer.write(Change::EndUser(self.reader.user(user))).await?;
        Ok(self.reader.open_all(&ended.removed))
    }

    async fn end_provider_session(
        &self,
        session: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault> {
        let reader = &self.reader;
        let change = Change::EndProviderSession(reader.provider_session(session), of.map(|user| reader.user(user)));
        let ended = self.writer.write(change).await?;
        Ok(if ended.done {
            ProviderSessionEnd::Ended(self.reader.open_all(&ended.removed))
        } else {
            ProviderSessionEnd::OtherUser
        })
    }

    async fn is_consumed(&self, replay_key: &ReplayKey) -> Result<bool, StoreFault> {
        self.reader.database.read(|connection| is_consumed(connection, replay_key))
    }

    async fn consume_once(&self, replay_key: &ReplayKey, until: Timestamp) -> Result<Consumption, StoreFault> {
        let consumed = self.writer.write(Change::ConsumeOnce(*replay_key, until)).await?;
        Ok(if consumed.done { Consumption::First } else { Consumption::Repeated })
    }

    /// Always succeeds: no other process shares this store.
    async fn lease(&self, key: &SessionKey, _: &LeaseHolder, _: Duration) -> Result<Lease, StoreFault> {
        Ok(Lease::Held(self.reader.load(key, LoadPurpose::Refresh)?))
    }

    async fn release(&self, _: &SessionKey, _: &LeaseHolder) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn count(&self) -> Result<Option<usize>, StoreFault> {
        let sessions = self.reading(|reader| reader.database.read(count)).await?;
        Ok(Some(usize::try_from(sessions).unwrap_or(usize::MAX)))
    }

    async fn expire(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, StoreFault> {
        let mut expired = 0;
        loop {
            let change = Change::Expire { now, idle_since, limit: EXPIRE_AT_ONCE };
            let count = self.writer.write(change).await?.removed.len();
            expired += count;
            // Fewer than that in total means that both limits were exhausted.
            if count < EXPIRE_AT_ONCE as usize {
                return Ok(expired);
            }
        }
    }

    /// Pages are in the order in which sessions were saved; a cursor is the last id of the previous page.
    async fn page(&self, from: &Cursor, limit: usize) -> Result<SessionPage, StoreFault> {
        let foreign = |_| StoreFault("a cursor of another store".to_owned());
        let after =
            if from.0.is_empty() { 0 } else { i64::from_be_bytes(from.0.as_slice().try_into().map_err(foreign)?) };
        self.reading(move |reader| {
            let (sessions, last) = reader.list(|connection| find_after(connection, after, limit))?;
            // After the last session there is one more page, which is empty.
            Ok(SessionPage { sessions, next: last.map(|id| Cursor(id.to_be_bytes().to_vec())) })
        })
        .await
    }

    async fn of_user(&self, user: &User) -> Result<Vec<ListedSession>, StoreFault> {
        let user = self.reader.user(user);
        self.reading(move |reader| Ok(reader.list(|connection| find_of_user(connection, user))?.0)).await
    }
}

#[cfg(test)]
mod tests;
mod write_behind;
