//! Receives the servers' invalidations (`CLIENT TRACKING` in broadcasting mode) for the [`ClientSideCache`], and sends a
//! heartbeat every 250 ms whose reply confirms that none was missed. With a single master both use the command connection,
//! so that commands and tracking reach the same server even when its address changes; in a cluster there is a separate
//! connection to each master.
//!
//! On one connection, a reply comes after everything that the server sent before it, and invalidations are applied while the
//! connection is read, before any task sees the reply. Redis sends invalidations at the end of an iteration of its event
//! loop: a change of the same iteration that answers a heartbeat is sent after that reply. The client that made the change
//! is answered later still, so such a change is missed for no longer than the window in which the cache may answer
//! (`CONFIRMED_FOR`), counted from the acknowledgement of the change.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue as _, PushInfo, PushKind, Value, cmd};
use tokio::time::{self, Instant, MissedTickBehavior};

use super::client_side_cache::{ClientSideCache, LinkNumber};
use super::dial::Dialer;
use super::fault::Fault;
use super::keys::Keys;
use super::settings::Address;

/// How often the servers are asked. Two answers may be late before the client-side cache stops answering.
const HEARTBEAT: Duration = Duration::from_millis(250);
/// How long a reply may take before the connection counts as lost.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Applies the invalidations of one link.
#[derive(Clone)]
pub(super) struct InvalidationListener {
    client_side_cache: Arc<ClientSideCache>,
    link: LinkNumber,
    names: Keys,
}

impl InvalidationListener {
    /// For a link that is being established. It handles changes of records with the key prefix of `names`.
    pub(super) fn new(client_side_cache: &Arc<ClientSideCache>, names: &Keys) -> Self {
        Self {
            client_side_cache: Arc::clone(client_side_cache),
            link: client_side_cache.new_link(),
            names: names.clone(),
        }
    }

    /// Applies a push message. Must be called where the connection is read, before the next message is read.
    pub(super) fn hear(&self, push: &PushInfo) {
        if push.kind == PushKind::Disconnection {
            self.client_side_cache.lose(self.link);
        } else if push.kind == PushKind::Invalidate {
            match push.data.as_slice() {
                [Value::Array(names)] => names.iter().for_each(|name| self.changed(name)),
                // A push without names: the whole database was flushed.
                _ => self.client_side_cache.drop_all(),
            }
        }
    }

    fn changed(&self, name: &Value) {
        let name = if let Value::BulkString(name) = name { self.names.parse_record(name) } else { None };
        match name {
            Some((_, key)) => self.client_side_cache.drop_session(&key),
            // Not the name of a record of this store. Dropping everything is always safe.
            None => self.client_side_cache.drop_all(),
        }
    }

    /// Enables tracking on the server at the other end.
    async fn enable_tracking(&self, connection: &mut MultiplexedConnection) -> Result<(), Fault> {
        connection.set_response_timeout(RESPONSE_TIMEOUT);
        let prefix = self.names.all_records();
        ask(connection, cmd("CLIENT").arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(prefix)).await?;
        Ok(())
    }
}

/// A link over which every change is received, as long as [`Tracking::keep`] runs.
pub(super) struct Tracking {
    listener: InvalidationListener,
    heard: Heard,
}

enum Heard {
    /// One server, which must be a master.
    One(MultiplexedConnection),
    /// The masters of a cluster, and their ids; each of them must report exactly these masters.
    All(Vec<MultiplexedConnection>, BTreeSet<String>),
}

impl Tracking {
    /// Over a connection whose pushes `listener` is given. Everything is dropped from the client-side cache; `keep` confirms it.
    pub(super) async fn over(
        listener: InvalidationListener,
        mut connection: MultiplexedConnection,
    ) -> Result<Self, Fault> {
        listener.enable_tracking(&mut connection).await?;
        listener.client_side_cache.open(listener.link);
        Ok(Self { listener, heard: Heard::One(connection) })
    }

    /// Like `over`, with new connections to the `masters` of a cluster.
    pub(super) async fn of_cluster(
        listener: InvalidationListener,
        dialer: &Dialer,
        masters: &[Address],
    ) -> Result<Self, Fault> {
        let connecting = masters.iter().map(|master| connect(&listener, dialer, master));
        let (connections, ids): (_, BTreeSet<_>) = future::try_join_all(connecting).await?.into_iter().unzip();
        listener.client_side_cache.open(listener.link);
        Ok(Self { listener, heard: Heard::All(connections, ids) })
    }

    /// Keeps the client-side cache confirmed until the connection is lost; returns why it was.
    pub(super) async fn keep(mut self) -> Fault {
        let mut heartbeat = time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            heartbeat.tick().await;
            let sent = Instant::now();
            match time::timeout(RESPONSE_TIMEOUT, self.heard.ask()).await {
                Ok(Ok(())) => self.listener.client_side_cache.confirm(self.listener.link, sent),
                Ok(Err(fault)) => return fault,
                Err(_) => return Fault::TimeOut,
            }
        }
    }
}

impl Drop for Tracking {
    fn drop(&mut self) {
        self.listener.client_side_cache.lose(self.listener.link);
    }
}

impl Heard {
    /// Sends the heartbeat, and checks that the tracked servers are still the masters.
    async fn ask(&mut self) -> Result<(), Fault> {
        match self {
            Self::One(master) => must_be_master(master).await,
            Self::All(masters, ids) => {
                let views = future::try_join_all(masters.iter_mut().map(masters_by_slots)).await?;
                let same = views.iter().all(|view| view == ids);
                if same { Ok(()) } else { Err(Fault::NoMaster("the masters of the cluster changed".to_owned())) }
            }
        }
    }
}

async fn connect(
    listener: &InvalidationListener,
    dialer: &Dialer,
    master: &Address,
) -> Result<(MultiplexedConnection, String), Fault> {
    let hearing = listener.clone();
    let pushes = move |push| {
        hearing.hear(&push);
        Ok::<_, Infallible>(())
    };
    let limit = dialer.settings().connect_timeout;
    let connecting = time::timeout(limit, async {
        let mut connection = dialer.server(master, pushes).await?;
        listener.enable_tracking(&mut connection).await?;
        let id = ask(&mut connection, cmd("CLUSTER").arg("MYID")).await?;
        Ok((connection, String::from_redis_value(id).map_err(|_| Fault::Unreadable)?))
    });
    connecting.await.unwrap_or(Err(Fault::TimeOut))
}

/// `HELLO` reports the role and, unlike `ROLE`, needs no permission beyond those of connecting.
async fn must_be_master(connection: &mut MultiplexedConnection) -> Result<(), Fault> {
    let Value::Map(facts) = ask(connection, cmd("HELLO").arg(3)).await? else { return Err(Fault::Unreadable) };
    let text = |value| String::from_redis_value(value).ok();
    let mut facts = facts.into_iter().filter_map(|(name, value)| Some((text(name)?, value)));
    match facts.find(|(name, _)| name == "role").and_then(|(_, role)| text(role)) {
        Some(role) if role == "master" => Ok(()),
        Some(role) => Err(Fault::NoMaster(role)),
        None => Err(Fault::Unreadable),
    }
}

/// The ids of the slot owners in the view of this node (`CLUSTER SLOTS`): the third entry of each range is its master, as
/// address, port and id.
async fn masters_by_slots(connection: &mut MultiplexedConnection) -> Result<BTreeSet<String>, Fault> {
    let ranges = ask(connection, cmd("CLUSTER").arg("SLOTS")).await?;
    let ranges = Vec::<Vec<Value>>::from_redis_value(ranges).map_err(|_| Fault::Unreadable)?;
    let master = |range: Vec<Value>| {
        let Some(Value::Array(node)) = range.into_iter().nth(2) else { return None };
        String::from_redis_value(node.into_iter().nth(2)?).ok()
    };
    ranges.into_iter().map(master).collect::<Option<_>>().ok_or(Fault::Unreadable)
}

async fn ask(connection: &mut MultiplexedConnection, command: &Cmd) -> Result<Value, Fault> {
    Ok(command.query_async(connection).await?)
}
