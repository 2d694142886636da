//! The connection to the servers: one at a time, re-established by one task after each loss.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fmt, slice};

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, RedisResult, Value};
use tokio::sync::Notify;

use super::cluster;
use super::fault::Fault;
use super::settings::Address;

/// The number of consecutive timeouts after which the connection counts as broken.
const MOST_LATE_ANSWERS: u32 = 5;

/// A connection that carries commands. State learnt over an earlier connection may be out of date.
pub(super) enum RedisConnection {
    /// A connection to one server, the master.
    Server { master: Address, connection: MultiplexedConnection, late: AtomicU32, broken: Arc<Notify> },
    /// Connections to all servers of a cluster; the library reconnects by itself when one of them fails.
    Cluster {
        /// The masters at the time this connection was made, sorted.
        masters: Vec<Address>,
        connection: ClusterConnection,
        late: AtomicU32,
        broken: Arc<Notify>,
    },
}

impl RedisConnection {
    /// `broken` may be notified by the caller's side, such as by the push handler.
    pub(super) const fn to_server(master: Address, connection: MultiplexedConnection, broken: Arc<Notify>) -> Self {
        Self::Server { master, connection, late: AtomicU32::new(0), broken }
    }

    pub(super) fn to_cluster(masters: Vec<Address>, connection: ClusterConnection) -> Self {
        Self::Cluster { masters, connection, late: AtomicU32::new(0), broken: Arc::default() }
    }

    /// Sends a command and waits for its answer.
    pub(super) async fn ask(&self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server { connection, .. } => connection.clone().req_packed_command(command).await?.extract_error(),
            Self::Cluster { connection, .. } => connection.clone().req_packed_command(command).await?.extract_error(),
        }
    }

    /// The masters at the time this connection was made, sorted.
    pub(super) fn first_masters(&self) -> &[Address] {
        match self {
            Self::Server { master, .. } => slice::from_ref(master),
            Self::Cluster { masters, .. } => masters,
        }
    }

    /// The current masters, sorted.
    pub(super) async fn masters(&self) -> Result<Vec<Address>, Fault> {
        match self {
            Self::Server { master, .. } => Ok(vec![master.clone()]),
            Self::Cluster { connection, .. } => cluster::masters(connection).await,
        }
    }

    /// Sends a command to one of the masters.
    pub(super) async fn ask_at(&self, server: &Address, command: &Cmd) -> Result<Value, Fault> {
        match self {
            Self::Server { master, .. } if master == server => Ok(self.ask(command).await?),
            Self::Cluster { connection, .. } => Ok(cluster::ask_at(connection, server, command).await?),
            Self::Server { .. } => Err(Fault::Down(format!("{server} is no master any more"))),
        }
    }

    /// Declares this connection unusable; the supervisor makes another.
    pub(super) fn give_up(&self) {
        let (Self::Server { broken, .. } | Self::Cluster { broken, .. }) = self;
        broken.notify_one();
    }

    /// Returns when this connection has been given up.
    pub(super) async fn given_up(&self) {
        let (Self::Server { broken, .. } | Self::Cluster { broken, .. }) = self;
        broken.notified().await;
    }

    /// Records the outcome of a command. After several consecutive timeouts, or when the server cannot be the right one, the
    /// connection is given up, so that further commands do not wait in vain for their timeout.
    pub(super) fn note<T>(&self, answer: &Result<T, Fault>) {
        let (Self::Server { late, .. } | Self::Cluster { late, .. }) = self;
        let mends_itself = matches!(self, Self::Cluster { .. });
        match answer {
            Err(Fault::TimeOut) => {
                if late.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_LATE_ANSWERS {
                    self.give_up();
                }
            }
            Err(Fault::Broken | Fault::NoMaster(_)) if !mends_itself => self.give_up(),
            Ok(_) | Err(_) => late.store(0, Ordering::Relaxed),
        }
    }
}

/// The state of the connection to the servers.
#[derive(Clone)]
pub(super) enum State {
    /// An attempt is in progress; a command waits for it briefly.
    Connecting,
    /// Connected.
    Up(Arc<RedisConnection>),
    /// Not connected, with the reason.
    Down(String),
}

impl fmt::Display for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, master) in self.first_masters().iter().enumerate() {
            write!(f, "{}{master}", if index > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}
