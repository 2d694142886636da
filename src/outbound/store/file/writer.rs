//! The single thread that changes the file. It takes all queued changes, writes them in one transaction, and answers after
//! the commit: many concurrent sign-ins share one sync of the disk.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::database::Database;
use super::tables::{self, Removed, SessionRow};
use super::write_behind::{PendingWrites, WriteBehindCache};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
use crate::outbound::store::record_cipher::ShortUserHash;
use crate::ports::StoreFault;

/// The capacity of the queue; beyond it callers wait.
const MAX_WAITING: usize = 1024;
/// The limit for the changes in one transaction: bounds how long the first waits for the last.
const MAX_BATCH: usize = 512;

/// One change to the file.
pub(super) enum Change {
    Save(SessionKey, SessionRow),
    Replace(SessionKey, SessionRow),
    End(SessionKey),
    EndUser(ShortUserHash),
    /// The second is the user to whom all the sessions must belong, if given.
    EndProviderSession(ShortUserHash, Option<ShortUserHash>),
    ConsumeOnce(ReplayKey, Timestamp),
    /// At most `limit` sessions by each of the two limits.
    Expire {
        now: Timestamp,
        idle_since: Timestamp,
        limit: u32,
    },
    /// No change of its own: writes the pending last uses and ends.
    Flush,
}

/// The result of a change.
#[derive(Default)]
pub(super) struct Applied {
    /// Whether the change was made; false where its precondition did not hold.
    pub(super) done: bool,
    /// The removed sessions.
    pub(super) removed: Vec<Removed>,
    /// The session that was replaced, or may have been.
    replaced: Option<SessionKey>,
}

impl Applied {
    fn done(done: bool) -> Self {
        Self { done, ..Self::default() }
    }

    fn removed(removed: Vec<Removed>) -> Self {
        Self { done: true, removed, replaced: None }
    }

    /// Sessions whose cached state is out of date.
    fn outdated(&self) -> impl Iterator<Item = SessionKey> {
        self.removed.iter().map(|removed| removed.key).chain(self.replaced)
    }
}

impl Change {
    fn apply(&self, on: &Connection) -> rusqlite::Result<Applied> {
        Ok(match self {
            Self::Save(key, session_row) => {
                tables::save(on, key, session_row)?;
                Applied { replaced: Some(*key), ..Applied::done(true) }
            }
            Self::Replace(key, session_row) => {
                Applied { replaced: Some(*key), ..Applied::done(tables::replace(on, key, session_row)?) }
            }
            Self::End(key) => Applied { replaced: Some(*key), ..Applied::removed(tables::remove(on, key)?) },
            Self::EndUser(user) => Applied::removed(tables::remove_user(on, *user)?),
            Self::EndProviderSession(session, of) => {
                let removed = tables::remove_provider_session(on, *session, *of)?;
                removed.map_or_else(Applied::default, Applied::removed)
            }
            Self::ConsumeOnce(index_hash, until) => Applied::done(tables::consume_once(on, index_hash, *until)?),
            Self::Expire { now, idle_since, limit } => {
                tables::forget_consumed(on, *now)?;
                Applied::removed(tables::expire(on, *now, *idle_since, *limit)?)
            }
            Self::Flush => Applied::done(true),
        })
    }
}

impl PendingWrites {
    fn apply(&self, on: &Connection) -> rusqlite::Result<Vec<SessionKey>> {
        let mut outdated = Vec::new();
        for key in &self.ended {
            tables::remove(on, key)?;
            outdated.push(*key);
        }
        for user in &self.ended_users {
            outdated.extend(tables::remove_user(on, *user)?.iter().map(|removed| removed.key));
        }
        // In the order of the index, so that each page is changed once.
        let mut touched: Vec<_> = self.touched.iter().collect();
        touched.sort_unstable();
        for (key, last_seen) in touched {
            tables::touch(on, key, *last_seen)?;
        }
        Ok(outdated)
    }
}

type Answer = oneshot::Sender<Result<Applied, StoreFault>>;
type Order = (Change, Option<Answer>);

/// The handle of the thread. Dropping it waits until everything that was queued is written.
pub(super) struct Writer {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        database: Arc<Database>,
        mut connection: Connection,
        recent: Arc<WriteBehindCache>,
    ) -> io::Result<Self> {
        let (orders, mut waiting) = mpsc::channel(MAX_WAITING);
        let thread = thread::Builder::new().name("session-store".to_owned()).spawn(move || {
            while let Some(first) = waiting.blocking_recv() {
                let mut batch = vec![first];
                while batch.len() < MAX_BATCH
                    && let Ok(next) = waiting.try_recv()
                {
                    batch.push(next);
                }
                write(&database, &mut connection, &recent, batch);
            }
            write(&database, &mut connection, &recent, vec![(Change::Flush, None)]);
        })?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Queues `change`, and returns its result after the commit. The change is made even if the caller is cancelled meanwhile.
    pub(super) async fn write(&self, change: Change) -> Result<Applied, StoreFault> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreFault("the writing thread has stopped".to_owned());
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send((change, Some(answer))).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Requests that pending writes are written soon, without waiting for it.
    pub(super) fn flush_soon(&self) {
        if let Some(orders) = &self.orders {
            // If the queue is full, a write is imminent anyway.
            let _ = orders.try_send((Change::Flush, None));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes a batch together with the pending writes, and only then answers.
fn write(database: &Database, connection: &mut Connection, recent: &WriteBehindCache, batch: Vec<Order>) {
    let unwritten = recent.unwritten();
    if unwritten.is_empty() && batch.iter().all(|(change, _)| matches!(change, Change::Flush)) {
        return answer(batch, |_| Ok(Applied::done(true)));
    }
    let written = database.write(connection, |on| {
        let overdue = unwritten.apply(on)?;
        let applied = batch.iter().map(|(change, _)| change.apply(on)).collect::<Result<Vec<_>, _>>()?;
        Ok((overdue, applied))
    });
    match written {
        Ok((overdue, applied)) => {
            let outdated = applied.iter().flat_map(Applied::outdated);
            recent.settle(&unwritten, overdue.into_iter().chain(outdated));
            let mut applied = applied.into_iter();
            answer(batch, |_| Ok(applied.next().unwrap_or_default()));
        }
        Err(StoreFault(cause)) => {
            for (change, _) in &batch {
                remember(recent, change);
            }
            answer(batch, |_| Err(StoreFault(cause.clone())));
        }
    }
}

/// Remembers the ends that could not be written but must take effect: no user stays signed in because the disk is full
/// (F-18).
fn remember(recent: &WriteBehindCache, change: &Change) {
    match change {
        Change::End(key) => recent.end(*key),
        Change::EndUser(user) => recent.end_user(*user),
        Change::Save(..)
        | Change::Replace(..)
        | Change::EndProviderSession(..)
        | Change::ConsumeOnce(..)
        | Change::Expire { .. }
        | Change::Flush => {}
    }
}

fn answer(batch: Vec<Order>, mut result: impl FnMut(&Change) -> Result<Applied, StoreFault>) {
    for (change, answer) in batch {
        let result = result(&change);
        if let Some(answer) = answer {
            // The caller may have been cancelled; its change is made.
            let _ = answer.send(result);
        }
    }
}
