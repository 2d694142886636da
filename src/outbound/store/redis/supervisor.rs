//! The task that keeps a connection to the servers: it retries until one is established, and again after each loss.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, FromRedisValue as _, PushInfo, PushKind, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::client_side_cache::ClientSideCache;
use super::cluster;
use super::connection::{RedisConnection, State};
use super::dial::Dialer;
use super::fault::{Fault, described};
use super::keys::Keys;
use super::sentinel::Sentinel;
use super::settings::{Access, Address, Topology};
use super::tracking::{InvalidationListener, Tracking};
use crate::domain::time::jittered;
use crate::ports::Entropy;

/// The shortest and the longest delay between two attempts: random, so that replicas do not reconnect all at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How often the supervisor checks that the connection still leads to the current masters.
const INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Supervisor {
    pub(super) dialer: Arc<Dialer>,
    pub(super) state: watch::Sender<State>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) client_side_cache: Arc<ClientSideCache>,
    pub(super) keys: Keys,
}

/// A new connection, with its tracking where the server allows it, or the reason of the failure.
pub(super) type Made = Result<(RedisConnection, Option<Tracking>), String>;

impl Supervisor {
    /// Runs until the future is dropped.
    pub(super) async fn run(self) {
        let mut said = String::new();
        let mut replacement = None;
        let mut changes = self.dialer.changes();
        loop {
            let made = if let Some(made) = replacement.take() {
                Ok(made)
            } else {
                changes.mark_unchanged();
                self.connect().await
            };
            match made {
                Ok((link, tracking)) => {
                    let link = Arc::new(link);
                    let servers = link.to_string();
                    info!(%servers, "session store: connected");
                    said.clear();
                    self.state.send_replace(State::Up(Arc::clone(&link)));
                    tokio::select! {
                        () = link.given_up() => {}
                        () = self.moved(&link) => {}
                        () = self.listen(&link, tracking) => {}
                        made = self.admitted_anew(&mut changes) => {
                            replacement = Some(made);
                            continue;
                        }
                    }
                    warn!(%servers, "session store: the connection is closed, and a new one is opened");
                    self.state.send_replace(State::Connecting);
                }
                Err(reason) => {
                    // Every attempt of an outage fails alike; one log line is enough.
                    if said != reason {
                        warn!(%reason, "session store: cannot connect; the attempts continue");
                        said.clone_from(&reason);
                    }
                    self.state.send_replace(State::Down(reason));
                    sleep(self.pause()).await;
                }
            }
        }
    }

    /// A connection with an access that replaced the one of the present connection. As long as it is not admitted, the present
    /// connection stays.
    async fn admitted_anew(&self, changes: &mut watch::Receiver<Access>) -> (RedisConnection, Option<Tracking>) {
        loop {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
            match self.connect().await {
                Ok(made) => return made,
                Err(reason) => {
                    warn!(%reason, "session store: the changed credentials or certificates are not accepted; the present connection stays");
                }
            }
        }
    }

    fn pause(&self) -> Duration {
        let mut random = [0];
        // Without randomness all replicas retry at the same moment, which is better than not at all.
        let _ = self.entropy.fill(&mut random);
        jittered(SHORTEST_PAUSE, LONGEST_PAUSE, random[0])
    }

    /// One attempt to connect.
    pub(super) async fn connect(&self) -> Made {
        match &self.dialer.settings().topology {
            Topology::Single(address) => self.to_master(address).await,
            Topology::Sentinel { sentinels, master } => self.by_sentinels(sentinels, master).await,
            Topology::Cluster { seeds } => self.to_cluster(seeds).await,
        }
    }

    /// Sentinels may be partitioned from the others, so the first that leads to a master is used.
    async fn by_sentinels(&self, sentinels: &[Address], name: &str) -> Made {
        let mut reasons = Vec::new();
        for address in sentinels {
            let master = Sentinel::reach(&self.dialer, address).await;
            let master = match master {
                Ok(sentinel) => sentinel.master(name).await.map_err(|fault| format!("sentinel {address}: {fault}")),
                Err(reason) => Err(reason),
            };
            let link = match master {
                Ok(Some(master)) => self.to_master(&master).await,
                Ok(None) => Err(format!("sentinel {address}: it knows no master `{name}`")),
                Err(reason) => Err(reason),
            };
            match link {
                Ok(link) => return Ok(link),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(reasons.join("; "))
    }

    async fn to_cluster(&self, seeds: &[Address]) -> Made {
        // The seeds are tried in parallel, and then the servers that they name.
        let limit = self.dialer.settings().connect_timeout * 2;
        let connection = match timeout(limit, cluster::connect(&self.dialer, seeds)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(format!("cluster: {}", described(&error))),
            Err(_) => return Err("cluster: no connection in time".to_owned()),
        };
        let masters = cluster::masters(&connection).await.map_err(|fault| format!("cluster: {fault}"))?;
        Ok((RedisConnection::to_cluster(masters, connection), None))
    }

    /// Receives invalidations. Returns when the connection is no longer usable. A cluster is tracked over separate
    /// connections, which are re-established while the command connection stays.
    async fn listen(&self, link: &RedisConnection, tracking: Option<Tracking>) {
        if let Some(tracking) = tracking {
            let fault = tracking.keep().await;
            warn!(%fault, "session store: no more invalidations are received");
            return;
        }
        if !matches!(self.dialer.settings().topology, Topology::Cluster { .. }) {
            return std::future::pending().await;
        }
        let mut said = None;
        loop {
            let fault = self.listen_to_cluster(link).await;
            // Every attempt of an outage fails alike; one log line is enough.
            if said.as_ref() != Some(&fault) {
                warn_of_tracking(&fault);
                said = Some(fault);
            }
            sleep(self.pause()).await;
        }
    }

    async fn listen_to_cluster(&self, link: &RedisConnection) -> Fault {
        match self.track_cluster(link).await {
            Ok(tracking) => tracking.keep().await,
            Err(fault) => fault,
        }
    }

    /// Tracking at the present masters of a cluster.
    pub(super) async fn track_cluster(&self, link: &RedisConnection) -> Result<Tracking, Fault> {
        let listener = InvalidationListener::new(&self.client_side_cache, &self.keys);
        let masters = link.masters().await?;
        Tracking::of_cluster(listener, &self.dialer, &masters).await
    }

    /// Returns when the connection no longer leads to the current masters.
    async fn moved(&self, link: &RedisConnection) {
        match &self.dialer.settings().topology {
            Topology::Single(_) => std::future::pending().await,
            Topology::Sentinel { sentinels, master } => self.moved_by_sentinels(link, sentinels, master).await,
            Topology::Cluster { .. } => {
                // A cluster that cannot answer now has not reported a change.
                while link.masters().await.map_or(true, |now| now == link.first_masters()) {
                    sleep(INTERVAL).await;
                }
            }
        }
    }

    /// As long as no sentinel answers, a working connection stays.
    async fn moved_by_sentinels(&self, link: &RedisConnection, sentinels: &[Address], name: &str) {
        loop {
            for address in sentinels {
                let Ok(sentinel) = Sentinel::reach(&self.dialer, address).await else { continue };
                while let Ok(now) = sentinel.master(name).await {
                    if now.is_some_and(|now| !link.first_masters().contains(&now)) {
                        return;
                    }
                    sleep(INTERVAL).await;
                }
            }
            sleep(INTERVAL).await;
        }
    }

    /// Connects to one server, which must be a master.
    async fn to_master(&self, address: &Address) -> Made {
        let broken = Arc::new(Notify::new());
        let word = Arc::clone(&broken);
        let listener = InvalidationListener::new(&self.client_side_cache, &self.keys);
        let hearing = listener.clone();
        let pushes = move |push: PushInfo| -> Result<(), Fault> {
            hearing.hear(&push);
            if push.kind == PushKind::Disconnection {
                word.notify_one();
            }
            Ok(())
        };
        // The library's own limit does not cover every step of connecting.
        let limit = self.dialer.settings().connect_timeout;
        let connection = match timeout(limit, self.dialer.server(address, pushes)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(format!("{address}: {}", described(&error))),
            Err(_) => return Err(format!("{address}: no connection in time")),
        };
        let link = RedisConnection::to_server(address.clone(), connection.clone(), broken);
        match role(&link).await {
            Ok(role) if role == "master" => {}
            Ok(role) => return Err(format!("{address}: it is no master but a {role}")),
            Err(fault) => return Err(format!("{address}: {fault}")),
        }
        match Tracking::over(listener, connection).await {
            Ok(tracking) => Ok((link, Some(tracking))),
            Err(fault @ Fault::Refused(_)) => {
                warn_of_tracking(&fault);
                Ok((link, None))
            }
            Err(fault) => Err(format!("{address}: {fault}")),
        }
    }
}

fn warn_of_tracking(fault: &Fault) {
    let help = if matches!(fault, Fault::Refused(_)) {
        "; allow its user `+client|tracking`, and in a Cluster `+cluster|myid`"
    } else {
        ""
    };
    warn!(
        "session store: client tracking is not available ({fault}); until it is, every request reads from Redis{help}"
    );
}

/// The role that the server reports (`ROLE`).
async fn role(link: &RedisConnection) -> Result<String, Fault> {
    let Value::Array(parts) = link.ask(&Cmd::new().arg("ROLE").to_owned()).await? else {
        return Err(Fault::Unreadable);
    };
    let role = parts.into_iter().next().and_then(|role| String::from_redis_value(role).ok());
    role.ok_or(Fault::Unreadable)
}
