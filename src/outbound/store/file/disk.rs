//! The database behind the file, and what happens to it when the disk fails. After any failed write `redb` refuses all
//! further use of a database, reads included; so it is opened again, and if even that cannot be written, as a shadow.
//!
//! Each lasting commit records which pages are in use (`set_quick_repair`). So a file that was not closed opens at once,
//! whatever its size: otherwise `redb` would read all of it, at each start after a crash and after each failed write.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase as _, StorageError};

use super::shadow::Shadow;
use super::tables::Tables;
use crate::ports::StoreFault;

/// For the inner pages of the tables; the operating system keeps the rest of the file in memory, as far as there is room.
const PAGE_CACHE_BYTES: usize = 4 * 1024 * 1024;
/// What a panic of `redb` means.
pub(super) const DAMAGED: &str = "the file is damaged";

/// Whether a change has to be on disk before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasting {
    /// It survives `kill -9` and a power cut.
    ACrash,
    /// It may be lost with the process.
    TheProcess,
}

pub(super) struct Disk {
    file: File,
    /// Readers hold the lock while they read, so a database is never replaced under them.
    database: RwLock<Slot>,
    suspicions: SyncSender<()>,
}

enum Slot {
    Writable(Database),
    /// Nothing can be written, for the cause named; reads see the last state.
    ReadOnly(Database, String),
    /// Not even a shadow opened.
    Gone(String),
    /// The file was found damaged; what it still says is not to be trusted.
    Damaged(String),
}

/// The file as it was at one moment. Nothing of it is overwritten while the pin is held.
pub(super) struct Frozen {
    pub(super) view: Shadow,
    pub(super) pin: ReadTransaction,
}

impl Disk {
    /// The second is what hears of every suspicion that the file might be damaged.
    pub(super) fn new(file: File, database: Database) -> (Self, Receiver<()>) {
        let (suspicions, suspected) = sync_channel(1);
        (Self { file, database: RwLock::new(Slot::Writable(database)), suspicions }, suspected)
    }

    fn slot(&self) -> RwLockReadGuard<'_, Slot> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot_alone(&self) -> RwLockWriteGuard<'_, Slot> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the file looked at, soon; while a suspicion waits already, one more says nothing new.
    pub(super) fn suspect(&self) {
        let _ = self.suspicions.try_send(());
    }

    /// What `redb` said, as a text; a hint of damage is followed up.
    fn explained(&self, outcome: Option<redb::Error>) -> String {
        match outcome {
            Some(redb::Error::Corrupted(cause)) => {
                self.suspect();
                format!("{DAMAGED}: {cause}")
            }
            Some(cause) => cause.to_string(),
            None => {
                self.suspect();
                DAMAGED.to_owned()
            }
        }
    }

    /// Reads one consistent state.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreFault> {
        self.read_from(&self.slot(), read)
    }

    /// The same, unless the database is being replaced.
    pub(super) fn read_now<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Option<Result<T, StoreFault>> {
        let slot = match self.database.try_read() {
            Ok(slot) => slot,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(self.read_from(&slot, read))
    }

    fn read_from<T>(
        &self,
        slot: &Slot,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreFault> {
        let cause = match slot {
            Slot::Writable(database) | Slot::ReadOnly(database, _) => match caught(|| read(&database.begin_read()?)) {
                Some(Ok(found)) => return Ok(found),
                Some(Err(cause)) => self.explained(Some(cause)),
                None => self.explained(None),
            },
            Slot::Gone(cause) | Slot::Damaged(cause) => cause.clone(),
        };
        Err(StoreFault(format!("cannot read: {cause}")))
    }

    /// Changes the tables in one transaction: all of it happens, or nothing.
    pub(super) fn write<T>(
        &self,
        lasting: Lasting,
        change: impl FnOnce(&mut Tables<'_>) -> Result<T, redb::Error>,
    ) -> Result<T, StoreFault> {
        if matches!(*self.slot(), Slot::ReadOnly(..) | Slot::Gone(_)) {
            self.open_again();
        }
        let cause = match &*self.slot() {
            Slot::Writable(database) => match caught(|| commit(database, lasting, change)) {
                Some(Ok(changed)) => return Ok(changed),
                Some(Err(cause)) => self.explained(Some(cause)),
                None => self.explained(None),
            },
            Slot::ReadOnly(_, cause) | Slot::Gone(cause) | Slot::Damaged(cause) => {
                return Err(StoreFault(format!("cannot write: {cause}")));
            }
        };
        self.open_again();
        Err(StoreFault(format!("cannot write: {cause}")))
    }

    fn open_again(&self) {
        let mut slot = self.slot_alone();
        // The former database lets go of the file before the next one takes it.
        *slot = Slot::Gone(String::new());
        *slot = match open_database(&self.file, Check::AsNeeded) {
            Ok(database) => Slot::Writable(database),
            // Somebody else has it: what we would read is no longer ours.
            Err(Some(cause @ (DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch))) => {
                Slot::Gone(cause.to_string())
            }
            Err(cause) => {
                let cause = cause.map_or_else(|| DAMAGED.to_owned(), |cause| cause.to_string());
                match self.open_shadow() {
                    Some(shadow) => Slot::ReadOnly(shadow, cause),
                    None => Slot::Gone(cause),
                }
            }
        };
    }

    /// The file as it is now; `None` while it cannot be written.
    pub(super) fn freeze(&self) -> Option<Result<Frozen, redb::Error>> {
        // Alone, so that no commit is under way.
        let slot = self.slot_alone();
        let Slot::Writable(database) = &*slot else { return None };
        let frozen = caught(|| {
            // What was not written yet is, and pages that nothing refers to any more are in use by nobody.
            commit_nothing(database, true)?;
            let pin = database.begin_read()?;
            Ok(Frozen { view: Shadow::of_header(self.file.try_clone()?)?, pin })
        });
        Some(frozen.unwrap_or_else(|| Err(redb::Error::Corrupted(DAMAGED.to_owned()))))
    }

    /// Closes the file as a crash would, and opens it with every page checked, while nobody else reads or writes. What is
    /// wrong with it, if it is damaged indeed: then it is not used any more, nor by the next start.
    pub(super) fn judge(&self) -> Option<String> {
        let mut slot = self.slot_alone();
        if let Slot::Writable(database) = std::mem::replace(&mut *slot, Slot::Gone(String::new())) {
            // A commit that does not say which pages are in use, and no orderly end: the next start looks at every page.
            let _ = caught(|| commit_nothing(&database, false));
            let _: Option<()> = caught(|| {
                let _dropped_meanwhile = database;
                resume_unwind(Box::new(()))
            });
        }
        let (next, damage) = match open_database(&self.file, Check::Everything) {
            Ok(database) => (Slot::Writable(database), None),
            // As after any other failure of the disk, the next write tries again.
            Err(Some(DatabaseError::Storage(StorageError::Io(cause)))) => (Slot::Gone(cause.to_string()), None),
            Err(cause) => {
                let cause = cause.map_or_else(|| DAMAGED.to_owned(), |cause| cause.to_string());
                (Slot::Damaged(cause.clone()), Some(cause))
            }
        };
        *slot = next;
        damage
    }

    fn open_shadow(&self) -> Option<Database> {
        let shadow = Shadow::of(self.file.try_clone().ok()?).ok()?;
        caught(|| builder().create_with_backend(shadow).ok()).flatten()
    }
}

fn commit<T>(
    database: &Database,
    lasting: Lasting,
    change: impl FnOnce(&mut Tables<'_>) -> Result<T, redb::Error>,
) -> Result<T, redb::Error> {
    let mut transaction = database.begin_write()?;
    match lasting {
        Lasting::ACrash => transaction.set_quick_repair(true),
        Lasting::TheProcess => transaction.set_durability(Durability::None)?,
    }
    let changed = change(&mut Tables::open(&transaction)?)?;
    transaction.commit()?;
    Ok(changed)
}

/// Makes everything that is not on disk yet lasting. With `in_use`, it says which pages are in use.
fn commit_nothing(database: &Database, in_use: bool) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(in_use);
    Ok(transaction.commit()?)
}

/// How much of a file is verified when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Every page, whatever happened before: without it `redb` may panic over damage much later. Takes about four seconds
    /// for a gibibyte of sessions.
    Everything,
    /// What an unclean end makes necessary: nothing, as a rule.
    AsNeeded,
}

/// Opens the database in `file`; an empty file becomes a new one. `None` stands for a panic: the file is damaged in a way
/// that `redb` did not foresee.
pub(super) fn open_database(file: &File, check: Check) -> Result<Database, Option<DatabaseError>> {
    let io = |cause| Some(DatabaseError::Storage(StorageError::Io(cause)));
    let backend = FileBackend::new(file.try_clone().map_err(io)?).map_err(Some)?;
    let mut builder = builder();
    builder.set_check_integrity_on_open(check == Check::Everything);
    match caught(|| builder.create_with_backend(backend)) {
        Some(opened) => opened.map_err(Some),
        None => Err(None),
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(PAGE_CACHE_BYTES);
    builder
}

/// The value, unless making it panicked. `redb` answers some kinds of damage with a failed assertion; what it worked on is
/// dropped afterwards, so nobody sees a state that is not whole.
pub(super) fn caught<T>(make: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(make)).ok()
}
