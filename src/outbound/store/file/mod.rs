//! Sessions in one file that survives restarts, `kill -9` and power cuts. Reads come from a bounded cache, or else from
//! the file on a blocking thread; all changes go through one writer.

mod disk;
mod opening;
mod recent;
mod shadow;
mod tables;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task;

pub use opening::OpenFault;

use self::disk::Disk;
use self::recent::{Entry, Recent};
use self::tables::{Kept, find};
use self::writer::{Change, Writer};
use super::private_file::PrivacyFault;
use super::vault::Vault;
use crate::domain::sealing::SealingKeys;
use crate::domain::session::{Session, SessionKey, User};
use crate::domain::sign_in::AttemptId;
use crate::domain::time::Timestamp;
use crate::ports::{Entropy, SessionStore, Spent, StoreFault, StoredSession};

/// What the sessions read lately may take.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Last uses that wait before they are written of their own accord.
const FLUSH_AT: usize = 4096;
/// Sessions that one transaction expires by each limit, so that others need not wait long.
const EXPIRE_AT_ONCE: usize = 2048;

/// The file store.
pub(super) struct FileStore {
    reader: Arc<Reader>,
    recent: Arc<Recent>,
    writer: Writer,
}

/// What a read needs on its blocking thread.
struct Reader {
    disk: Arc<Disk>,
    recent: Arc<Recent>,
    vault: Vault,
}

impl FileStore {
    pub(super) fn open(path: &Path, keys: SealingKeys, entropy: Arc<dyn Entropy>) -> Result<Self, OpenFault> {
        Self::open_with_cache(path, keys, entropy, CACHE_BYTES)
    }

    /// A store whose cache takes `cache_bytes`; with none, every read comes from the file.
    pub(super) fn open_with_cache(
        path: &Path,
        keys: SealingKeys,
        entropy: Arc<dyn Entropy>,
        cache_bytes: u64,
    ) -> Result<Self, OpenFault> {
        let (disk, vault) = opening::open(path, keys, entropy)?;
        let disk = Arc::new(disk);
        let recent = Arc::new(Recent::new(cache_bytes));
        let writer = Writer::start(Arc::clone(&disk), Arc::clone(&recent))
            .map_err(|cause| PrivacyFault::Io { path: path.to_owned(), cause })?;
        Ok(Self { reader: Arc::new(Reader { disk, recent: Arc::clone(&recent), vault }), recent, writer })
    }
}

impl Reader {
    fn load(&self, key: SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        let Some(loading) = self.recent.begin_load(&key) else { return Ok(None) };
        let Some(found) = self.disk.read(|transaction| find(transaction, &key))? else { return Ok(None) };
        let Ok(session) = self.vault.open(&key, &found.sealed) else {
            // Moved here from another key, altered, or sealed under a key that was taken out of use: nobody's session.
            tracing::warn!("a stored session does not open and counts as none");
            return Ok(None);
        };
        let last_seen = loading.last_seen(found.last_seen);
        let entry = Entry::new(session, found.user, last_seen, found.sealed.len());
        Ok(self.recent.finish_load(&loading, key, entry))
    }
}

#[async_trait]
impl SessionStore for FileStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        if let Some(stored) = self.recent.cached(key) {
            return Ok(Some(stored));
        }
        let (reader, key) = (Arc::clone(&self.reader), *key);
        let loaded = task::spawn_blocking(move || reader.load(key)).await;
        loaded.unwrap_or_else(|_| Err(StoreFault("a read was given up".to_owned())))
    }

    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault> {
        let (vault, record) = (&self.reader.vault, session.record());
        let kept = Kept {
            ends: record.ends,
            created: record.created,
            user: vault.mark(&record.user),
            sealed: vault.seal(key, record).map_err(|fault| StoreFault(fault.to_string()))?,
        };
        self.writer.write(Change::Save(*key, kept)).await.map(|_| ())
    }

    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        if self.recent.touch(key, last_seen) >= FLUSH_AT {
            self.writer.flush_soon();
        }
        Ok(())
    }

    async fn end(&self, key: &SessionKey) -> Result<(), StoreFault> {
        self.writer.write(Change::End(*key)).await.map(|_| ())
    }

    async fn end_user(&self, user: &User) -> Result<usize, StoreFault> {
        self.writer.write(Change::EndUser(self.reader.vault.mark(user))).await
    }

    async fn spend(&self, attempt: &AttemptId, until: Timestamp) -> Result<Spent, StoreFault> {
        let marked = self.writer.write(Change::Spend(*attempt, until)).await?;
        Ok(if marked == 0 { Spent::Before } else { Spent::Now })
    }

    async fn expire(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, StoreFault> {
        let mut expired = 0;
        loop {
            let count = self.writer.write(Change::Expire { now, idle_since, limit: EXPIRE_AT_ONCE }).await?;
            expired += count;
            // With fewer than that, neither limit was left with more than one transaction takes.
            if count < EXPIRE_AT_ONCE {
                return Ok(expired);
            }
        }
    }
}

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod full_disk_tests;
#[cfg(test)]
mod race_tests;
#[cfg(test)]
mod tests;
