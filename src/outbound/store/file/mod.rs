//! Sessions in one file that survives restarts, `kill -9` and power cuts. Reads come from a bounded cache, or else from
//! the file (an SQLite database), on a blocking thread if the disk is slow; all changes go through one writer.

mod database;
mod integrity;
mod opening;
mod pace;
mod recent;
mod tables;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task;

pub use opening::OpenFault;

use self::database::Database;
use self::integrity::Inspector;
use self::opening::Opened;
use self::pace::Pace;
use self::recent::{Loading, Purpose, Recent};
use self::tables::{Found, Kept, Removed, count, find, is_spent, keys_after, keys_of};
use self::writer::{Change, Writer};
use super::metered::{self, Operation};
use super::vault::Vault;
use crate::domain::one_time::OneTime;
use crate::domain::sealing::SealingKeys;
use crate::domain::session::{ProviderSession, Session, SessionKey, User};
use crate::domain::time::Timestamp;
use crate::ports::{
    Cursor, Entropy, Lease, LeaseHolder, ListedSession, ProviderSessionEnd, SessionPage, SessionStore, Spent,
    StoreFault, StoredSession,
};

/// Last uses that wait before they are written of their own accord.
const FLUSH_AT: usize = 8 * 1024;
/// Sessions that one transaction expires by each limit, so that others need not wait long.
const EXPIRE_AT_ONCE: u32 = 2048;

/// How much memory and time a store may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// For sessions read lately; with none, every read comes from the file.
    pub(super) cache_bytes: u64,
    /// Up to this size a file is checked in full before the store opens; beyond it, while the store works.
    pub(super) checked_at_start: u64,
}

impl Limits {
    /// Every record of such a file is opened before the store is: 32 MiB are about 15,000.
    pub(super) const USUAL: Self = Self { cache_bytes: 40 * 1024 * 1024, checked_at_start: 32 * 1024 * 1024 };
}

/// The file store.
pub(super) struct FileStore {
    reader: Arc<Reader>,
    recent: Arc<Recent>,
    writer: Writer,
    /// Stops with the store.
    _inspector: Inspector,
}

/// What a read needs, wherever it is done.
struct Reader {
    database: Arc<Database>,
    pace: Pace,
    recent: Arc<Recent>,
    vault: Arc<Vault>,
}

impl FileStore {
    pub(super) fn open(path: &Path, keys: SealingKeys, entropy: Arc<dyn Entropy>) -> Result<Self, OpenFault> {
        Self::open_with(path, keys, entropy, Limits::USUAL)
    }

    /// A store with other limits.
    pub(super) fn open_with(
        path: &Path,
        keys: SealingKeys,
        entropy: Arc<dyn Entropy>,
        limits: Limits,
    ) -> Result<Self, OpenFault> {
        let Opened { database, writer, vault, suspected } =
            opening::open(path, keys, entropy, limits.checked_at_start)?;
        let (database, vault) = (Arc::new(database), Arc::new(vault));
        let recent = Arc::new(Recent::new(limits.cache_bytes));
        let no_thread = |cause| OpenFault::Io { path: path.to_owned(), cause };
        let writer = Writer::start(Arc::clone(&database), writer, Arc::clone(&recent)).map_err(no_thread)?;
        let (inspected, forgets) = (Arc::clone(&database), Arc::clone(&recent));
        let inspector = Inspector::start(path, inspected, forgets, Arc::clone(&vault), suspected).map_err(no_thread)?;
        let reader = Arc::new(Reader { database, pace: Pace::new(), recent: Arc::clone(&recent), vault });
        Ok(Self { reader, recent, writer, _inspector: inspector })
    }
}

impl FileStore {
    /// Reads on a thread that may wait for the disk.
    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let reader = Arc::clone(&self.reader);
        let done = task::spawn_blocking(move || read(&reader)).await;
        done.unwrap_or_else(|_| Err(StoreFault("a read was given up".to_owned())))
    }
}

impl Reader {
    /// A session as the file is to hold it.
    fn keep(&self, key: &SessionKey, session: &Session) -> Result<Kept, StoreFault> {
        let (vault, record) = (&self.vault, session.record());
        Ok(Kept {
            ends: record.ends,
            created: record.created,
            user: vault.mark(&record.user),
            provider_session: session.provider_session().map(|session| vault.mark_provider_session(&session)),
            generation: record.generation,
            sealed: vault.seal(key, record).map_err(|fault| StoreFault(fault.to_string()))?,
        })
    }

    /// Sessions that were removed; one that does not open was nobody's.
    fn open_all(&self, removed: &[Removed]) -> Vec<Arc<Session>> {
        removed.iter().filter_map(|removed| self.vault.open(&removed.key, &removed.sealed).ok().map(Arc::new)).collect()
    }

    fn list(&self, keys: Vec<SessionKey>) -> Result<Vec<ListedSession>, StoreFault> {
        let mut listed = Vec::with_capacity(keys.len());
        for key in keys {
            let stored = match self.recent.peek(&key) {
                Some(stored) => Some(stored),
                None => self.load(key, Purpose::List)?,
            };
            listed.extend(stored.map(|stored| ListedSession { key, stored }));
        }
        Ok(listed)
    }

    fn load(&self, key: SessionKey, purpose: Purpose) -> Result<Option<StoredSession>, StoreFault> {
        let Some(loading) = self.recent.begin_load(&key) else { return Ok(None) };
        let found = self.database.read(|connection| find(connection, &key))?;
        Ok(found.and_then(|found| self.open(&key, &found, &loading, purpose)))
    }

    /// The same at once; `None` when it may have to wait.
    fn load_now(&self, key: SessionKey) -> Option<Result<Option<StoredSession>, StoreFault>> {
        self.pace.read(|| self.load(key, Purpose::Use))
    }

    fn open(&self, key: &SessionKey, found: &Found, loading: &Loading, purpose: Purpose) -> Option<StoredSession> {
        let Ok(session) = self.vault.open(key, &found.sealed) else {
            // Moved here from another key, altered, or sealed under a key that was taken out of use: nobody's session.
            tracing::warn!("a stored session does not open and counts as none");
            return None;
        };
        let session = match purpose {
            Purpose::Use | Purpose::List => session.without_tokens(),
            Purpose::Renewal => session,
        };
        let stored = StoredSession { session: Arc::new(session), last_seen: loading.last_seen(found.last_seen) };
        self.recent.finish_load(loading, key, stored, found.user, purpose)
    }
}

#[async_trait]
impl SessionStore for FileStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        if let Some(stored) = self.recent.cached(key) {
            return Ok(Some(stored));
        }
        let key = *key;
        let load = async {
            match self.reader.load_now(key) {
                Some(loaded) => loaded,
                None => self.reading(move |reader| reader.load(key, Purpose::Use)).await,
            }
        };
        metered::timed(Operation::Load, load).await
    }

    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault> {
        let kept = self.reader.keep(key, &session)?;
        self.writer.write(Change::Save(*key, kept)).await.map(drop)
    }

    async fn renew(&self, key: &SessionKey, session: Session) -> Result<bool, StoreFault> {
        let kept = self.reader.keep(key, &session)?;
        Ok(self.writer.write(Change::Renew(*key, kept)).await?.done)
    }

    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        if self.recent.touch(key, last_seen) >= FLUSH_AT {
            self.writer.flush_soon();
        }
        Ok(())
    }

    async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
        let ended = self.writer.write(Change::End(*key)).await?;
        Ok(self.reader.open_all(&ended.removed).pop())
    }

    async fn end_user(&self, user: &User) -> Result<Vec<Arc<Session>>, StoreFault> {
        let ended = self.writer.write(Change::EndUser(self.reader.vault.mark(user))).await?;
        Ok(self.reader.open_all(&ended.removed))
    }

    async fn end_provider_session(
        &self,
        session: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault> {
        let vault = &self.reader.vault;
        let change = Change::EndProviderSession(vault.mark_provider_session(session), of.map(|user| vault.mark(user)));
        let ended = self.writer.write(change).await?;
        Ok(if ended.done {
            ProviderSessionEnd::Ended(self.reader.open_all(&ended.removed))
        } else {
            ProviderSessionEnd::OtherUser
        })
    }

    async fn is_spent(&self, mark: &OneTime) -> Result<bool, StoreFault> {
        let mark = *mark;
        self.reading(move |reader| reader.database.read(|connection| is_spent(connection, &mark))).await
    }

    async fn spend(&self, mark: &OneTime, until: Timestamp) -> Result<Spent, StoreFault> {
        let spent = self.writer.write(Change::Spend(*mark, until)).await?;
        Ok(if spent.done { Spent::Now } else { Spent::Before })
    }

    /// Nobody shares this store.
    async fn lease(&self, key: &SessionKey, _: &LeaseHolder, _: Duration) -> Result<Lease, StoreFault> {
        let key = *key;
        Ok(Lease::Held(self.reading(move |reader| reader.load(key, Purpose::Renewal)).await?))
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
            // With fewer than that, neither limit was left with more than one transaction takes.
            if count < EXPIRE_AT_ONCE as usize {
                return Ok(expired);
            }
        }
    }

    /// Pages go by key; a cursor is the last key of the page before.
    async fn page(&self, from: &Cursor, limit: usize) -> Result<SessionPage, StoreFault> {
        let foreign = |_| StoreFault("a cursor of another store".to_owned());
        let after = if from.0.is_empty() { None } else { Some(from.0.as_slice().try_into().map_err(foreign)?) };
        let after = after.map(SessionKey::from_bytes);
        self.reading(move |reader| {
            let keys = reader.database.read(|connection| keys_after(connection, after.as_ref(), limit))?;
            let next = keys.last().filter(|_| keys.len() == limit).map(|key| Cursor(key.as_bytes().to_vec()));
            Ok(SessionPage { sessions: reader.list(keys)?, next })
        })
        .await
    }

    async fn of_user(&self, user: &User) -> Result<Vec<ListedSession>, StoreFault> {
        let mark = self.reader.vault.mark(user);
        self.reading(move |reader| reader.list(reader.database.read(|connection| keys_of(connection, &mark))?)).await
    }
}

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod full_disk_tests;
#[cfg(test)]
mod integrity_tests;
#[cfg(test)]
mod race_tests;
#[cfg(test)]
mod tests;
