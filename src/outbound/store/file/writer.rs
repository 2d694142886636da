//! The one thread that changes the file. It takes whatever waits, writes it in one transaction, and answers after the
//! commit: many sign-ins at once share one sync of the disk.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::disk::{Disk, Lasting};
use super::recent::{Recent, Unwritten};
use super::tables::{Kept, Tables};
use crate::domain::session::SessionKey;
use crate::domain::sign_in::AttemptId;
use crate::domain::time::Timestamp;
use crate::outbound::store::vault::UserMark;
use crate::ports::StoreFault;

/// Changes that may wait before callers have to.
const MAX_WAITING: usize = 1024;
/// Changes in one transaction: bounds how long the first has to wait for the last.
const MAX_BATCH: usize = 256;

/// One change to the file.
pub(super) enum Change {
    Save(SessionKey, Kept),
    End(SessionKey),
    EndUser(UserMark),
    Spend(AttemptId, Timestamp),
    /// At most `limit` sessions by each of both limits.
    Expire {
        now: Timestamp,
        idle_since: Timestamp,
        limit: usize,
    },
    /// Nothing but what is not written yet.
    Flush,
}

/// What a change did.
#[derive(Default)]
struct Applied {
    /// Sessions ended, or attempts newly marked.
    count: usize,
    /// Sessions that are no longer what they were.
    outdated: Vec<SessionKey>,
}

impl Applied {
    fn ended(outdated: Vec<SessionKey>) -> Self {
        Self { count: outdated.len(), outdated }
    }
}

impl Change {
    fn lasting(&self) -> Lasting {
        match self {
            Self::Save(..) | Self::End(_) | Self::EndUser(_) | Self::Spend(..) | Self::Expire { .. } => Lasting::ACrash,
            Self::Flush => Lasting::TheProcess,
        }
    }

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Applied, redb::Error> {
        Ok(match self {
            Self::Save(key, kept) => {
                tables.save(key, kept)?;
                Applied { count: 0, outdated: vec![*key] }
            }
            Self::End(key) => Applied { count: usize::from(tables.remove(key)?), outdated: vec![*key] },
            Self::EndUser(user) => Applied::ended(tables.remove_user(user)?),
            Self::Spend(attempt, until) => {
                Applied { count: usize::from(tables.spend(attempt, *until)?), outdated: Vec::new() }
            }
            Self::Expire { now, idle_since, limit } => {
                tables.forget_attempts(*now)?;
                Applied::ended(tables.expire(*now, *idle_since, *limit)?)
            }
            Self::Flush => Applied::default(),
        })
    }
}

impl Unwritten {
    fn apply(&self, tables: &mut Tables<'_>) -> Result<Vec<SessionKey>, redb::Error> {
        let mut outdated = Vec::new();
        for key in &self.ended {
            tables.remove(key)?;
            outdated.push(*key);
        }
        for user in &self.ended_users {
            outdated.extend(tables.remove_user(user)?);
        }
        for (key, last_seen) in &self.touched {
            tables.touch(key, *last_seen)?;
        }
        Ok(outdated)
    }
}

type Answer = oneshot::Sender<Result<usize, StoreFault>>;
type Order = (Change, Option<Answer>);

/// The way to the thread. Dropping it waits until everything that was ordered is written.
pub(super) struct Writer {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(disk: Arc<Disk>, recent: Arc<Recent>) -> io::Result<Self> {
        let (orders, mut waiting) = mpsc::channel(MAX_WAITING);
        let thread = thread::Builder::new().name("session-store".to_owned()).spawn(move || {
            while let Some(first) = waiting.blocking_recv() {
                let mut batch = vec![first];
                while batch.len() < MAX_BATCH
                    && let Ok(next) = waiting.try_recv()
                {
                    batch.push(next);
                }
                write(&disk, &recent, batch);
            }
            write(&disk, &recent, vec![(Change::Flush, None)]);
        })?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Has `change` written, and says what it did: sessions ended, or attempts newly marked. A caller that goes away
    /// does not undo its order.
    pub(super) async fn write(&self, change: Change) -> Result<usize, StoreFault> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreFault("the writing thread has stopped".to_owned());
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send((change, Some(answer))).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Has what is not written yet written soon, without waiting for it.
    pub(super) fn flush_soon(&self) {
        if let Some(orders) = &self.orders {
            // A full queue writes soon anyway.
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

/// Writes a batch and what had to wait before it, and only then answers.
fn write(disk: &Disk, recent: &Recent, batch: Vec<Order>) {
    let unwritten = recent.unwritten();
    let lasts = unwritten.holds_ends() || batch.iter().any(|(change, _)| change.lasting() == Lasting::ACrash);
    if !lasts && unwritten.is_empty() {
        return answer(batch, |_| Ok(0));
    }
    let lasting = if lasts { Lasting::ACrash } else { Lasting::TheProcess };
    let written = disk.write(lasting, |tables| {
        let overdue = unwritten.apply(tables)?;
        let applied = batch.iter().map(|(change, _)| change.apply(tables)).collect::<Result<Vec<_>, _>>()?;
        Ok((overdue, applied))
    });
    match written {
        Ok((overdue, applied)) => {
            let outdated = applied.iter().flat_map(|applied| applied.outdated.iter().copied());
            recent.settle(&unwritten, overdue.into_iter().chain(outdated));
            let mut counts = applied.iter().map(|applied| applied.count);
            answer(batch, |_| Ok(counts.next().unwrap_or_default()));
        }
        Err(StoreFault(cause)) => {
            for (change, _) in &batch {
                remember(recent, change);
            }
            answer(batch, |_| Err(StoreFault(cause.clone())));
        }
    }
}

/// What could not be written but must hold all the same: nobody stays signed in because the disk is full (F-18).
fn remember(recent: &Recent, change: &Change) {
    match change {
        Change::End(key) => recent.end(*key),
        Change::EndUser(user) => recent.end_user(*user),
        Change::Save(..) | Change::Spend(..) | Change::Expire { .. } | Change::Flush => {}
    }
}

fn answer(batch: Vec<Order>, mut result: impl FnMut(&Change) -> Result<usize, StoreFault>) {
    for (change, answer) in batch {
        let result = result(&change);
        if let Some(answer) = answer {
            // The caller may have gone; what it ordered is done.
            let _ = answer.send(result);
        }
    }
}
