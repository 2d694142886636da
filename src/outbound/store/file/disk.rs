//! The database behind the file, and what happens to it when the disk fails. After any failed write `redb` refuses all
//! further use of a database, reads included; so it is opened again, and if even that cannot be written, as a shadow.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase as _, StorageError};

use super::shadow::Shadow;
use super::tables::Tables;
use crate::ports::StoreFault;

const PAGE_CACHE_BYTES: usize = 64 * 1024 * 1024;
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
}

enum Slot {
    Writable(Database),
    /// Nothing can be written, for the cause named; reads see the last state.
    ReadOnly(Database, String),
    /// Not even a shadow opened.
    Gone(String),
}

impl Disk {
    pub(super) fn new(file: File, database: Database) -> Self {
        Self { file, database: RwLock::new(Slot::Writable(database)) }
    }

    fn slot(&self) -> RwLockReadGuard<'_, Slot> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads one consistent state.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreFault> {
        match &*self.slot() {
            Slot::Writable(database) | Slot::ReadOnly(database, _) => match caught(|| read(&database.begin_read()?)) {
                Some(result) => result.map_err(|cause| StoreFault(format!("cannot read: {cause}"))),
                None => Err(StoreFault(format!("cannot read: {DAMAGED}"))),
            },
            Slot::Gone(cause) => Err(StoreFault(format!("cannot read: {cause}"))),
        }
    }

    /// Changes the tables in one transaction: all of it happens, or nothing.
    pub(super) fn write<T>(
        &self,
        lasting: Lasting,
        change: impl FnOnce(&mut Tables<'_>) -> Result<T, redb::Error>,
    ) -> Result<T, StoreFault> {
        if !matches!(*self.slot(), Slot::Writable(_)) {
            self.open_again();
        }
        let written = match &*self.slot() {
            Slot::Writable(database) => match caught(|| commit(database, lasting, change)) {
                Some(result) => result.map_err(|cause| cause.to_string()),
                None => Err(DAMAGED.to_owned()),
            },
            Slot::ReadOnly(_, cause) | Slot::Gone(cause) => {
                return Err(StoreFault(format!("cannot write: {cause}")));
            }
        };
        written.map_err(|cause| {
            self.open_again();
            StoreFault(format!("cannot write: {cause}"))
        })
    }

    fn open_again(&self) {
        let mut slot = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The former database lets go of the file before the next one takes it.
        *slot = Slot::Gone(String::new());
        *slot = match open_database(&self.file, Check::AfterCrash) {
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
    transaction.set_durability(match lasting {
        Lasting::ACrash => Durability::Immediate,
        Lasting::TheProcess => Durability::None,
    })?;
    let changed = change(&mut Tables::open(&transaction)?)?;
    transaction.commit()?;
    Ok(changed)
}

/// How much of a file is verified when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Every page, whatever happened before: without it `redb` may panic over damage much later. Takes about four seconds
    /// for a gibibyte of sessions.
    Everything,
    /// What an unclean end makes necessary.
    AfterCrash,
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
