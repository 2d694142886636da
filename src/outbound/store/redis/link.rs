//! The way to the servers: one at a time, made anew by one task whenever it broke.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, RedisResult, Value};
use tokio::sync::Notify;

use super::cluster;
use super::fault::Fault;
use super::settings::Address;

/// After so many answers in a row that did not come in time, the way counts as broken.
const PATIENCE: u32 = 5;

/// A way to the servers. Whatever was learnt over an earlier one may be out of date.
pub(super) struct Link {
    masters: Vec<Address>,
    line: Line,
    late: AtomicU32,
    broken: Arc<Notify>,
}

/// What carries commands.
pub(super) enum Line {
    /// To one server.
    One(MultiplexedConnection),
    /// To all servers of a cluster; it mends itself when one of them goes.
    Cluster(ClusterConnection),
}

impl Link {
    pub(super) const fn new(masters: Vec<Address>, line: Line, broken: Arc<Notify>) -> Self {
        Self { masters, line, late: AtomicU32::new(0), broken }
    }

    /// Sends a command and waits for its answer.
    pub(super) async fn ask(&self, command: &Cmd) -> RedisResult<Value> {
        match &self.line {
            Line::One(connection) => connection.clone().req_packed_command(command).await?.extract_error(),
            Line::Cluster(connection) => connection.clone().req_packed_command(command).await?.extract_error(),
        }
    }

    /// The servers that took writes when this way was made, in order.
    pub(super) fn first_masters(&self) -> &[Address] {
        &self.masters
    }

    /// The servers that take writes now, in order.
    pub(super) async fn masters(&self) -> Result<Vec<Address>, Fault> {
        match &self.line {
            Line::One(_) => Ok(self.masters.clone()),
            Line::Cluster(connection) => cluster::masters(connection).await,
        }
    }

    /// Asks one of the masters.
    pub(super) async fn ask_at(&self, server: &Address, command: &Cmd) -> Result<Value, Fault> {
        match &self.line {
            Line::One(_) if self.masters.contains(server) => Ok(self.ask(command).await?),
            Line::Cluster(connection) => Ok(cluster::ask_at(connection, server, command).await?),
            Line::One(_) => Err(Fault::Down(format!("{server} is no master any more"))),
        }
    }

    /// Says that this way is of no use any more; another is made.
    pub(super) fn give_up(&self) {
        self.broken.notify_one();
    }

    /// Returns when somebody gave this way up.
    pub(super) async fn given_up(&self) {
        self.broken.notified().await;
    }

    /// Hears how a command went. When several answers in a row are missing, or the server cannot be the right one, the
    /// way is given up; until a new one has been tried, nobody waits for nothing.
    pub(super) fn note<T>(&self, answer: &Result<T, Fault>) {
        let mends_itself = matches!(self.line, Line::Cluster(_));
        match answer {
            Err(Fault::TimeOut) => {
                if self.late.fetch_add(1, Ordering::Relaxed) + 1 >= PATIENCE {
                    self.give_up();
                }
            }
            Err(Fault::Broken | Fault::NoMaster(_)) if !mends_itself => self.give_up(),
            Ok(_) | Err(_) => self.late.store(0, Ordering::Relaxed),
        }
    }
}

/// Whether there is a way to the servers.
#[derive(Clone)]
pub(super) enum State {
    /// The first attempt is under way; it is worth a little patience.
    Connecting,
    /// There is.
    Up(Arc<Link>),
    /// There is none, and this is why.
    Down(String),
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, master) in self.masters.iter().enumerate() {
            write!(f, "{}{master}", if index > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}
