//! Serves a listener's connections until it has to stop: first it drains them, then it cuts the rest and counts them. The
//! tasks are in tokio's `JoinSet`, because tokio-util's `TaskTracker` cannot abort them. hyper-util's `GracefulShutdown` is
//! not used: it handles a stop only, not a connection that is too old or a peer that is too slow.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::server::TlsStream;
use tracing::{debug, info};

use super::listener::{Connection, Listener};
use super::reloadable_tls::ReloadableTls;
use super::watch::{ConnectionActivity, Timeouts};
use crate::telemetry::names;

/// How often connections are checked for slowness and age.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// How far the shutdown of the service has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Connections are accepted and served.
    Serving,
    /// No new connections are accepted; open ones finish their running requests.
    Draining,
    /// Connections that are still open are cut.
    Cut,
}

/// Reports the shutdown phase to listeners and connections. A dropped sender means an immediate stop.
#[derive(Clone)]
pub struct Stop(watch::Receiver<Phase>);

impl Stop {
    /// The sender that sets the phase, and the receiver for listeners.
    #[must_use]
    pub fn channel() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (sender, Self(receiver))
    }

    /// Waits until the phase is `phase` or a later one.
    pub async fn reached(&mut self, phase: Phase) {
        // A dropped sender returns an error, which ends the wait as well.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}

/// Serves every connection with `serve_one` in a task of its own. Returns once all connections have ended, by themselves or
/// cut at [`Phase::Cut`]; the result is the number of those that were cut.
pub async fn serve<F, Served>(listener: Listener, mut stop: Stop, serve_one: F) -> usize
where
    F: Fn(Connection, Stop) -> Served,
    Served: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.reached(Phase::Draining) => break,
            connection = listener.accept() => {
                connections.spawn(serve_one(connection, stop.clone()));
            }
            // Removes finished tasks; a panic in one does not affect the others.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    loop {
        tokio::select! {
            biased;
            () = stop.reached(Phase::Cut) => break,
            ended = connections.join_next() => if ended.is_none() { return 0 },
        }
    }
    while connections.try_join_next().is_some() {}
    let cut = connections.len();
    connections.shutdown().await;
    cut
}

/// Like [`serve`], over TLS. A connection whose handshake fails, or takes longer than `handshake_timeout`, is closed; `refused`
/// is called with the first, for listeners at which the handshake is the authentication.
pub async fn serve_tls<F, Served>(
    listener: Listener,
    tls: ReloadableTls,
    handshake_timeout: Duration,
    stop: Stop,
    refused: impl Fn(IpAddr, &io::Error) + Send + Sync + 'static,
    serve_one: F,
) -> usize
where
    F: Fn(TlsStream<Connection>, Stop) -> Served + Send + Sync + 'static,
    Served: Future<Output = ()> + Send + 'static,
{
    let (name, refused, serve_one) = (listener.name(), Arc::new(refused), Arc::new(serve_one));
    let shake_hands = |connection: Connection, stop| {
        let (tls, refused, serve_one) = (tls.clone(), Arc::clone(&refused), Arc::clone(&serve_one));
        async move {
            let peer = connection.peer().ip();
            match timeout(handshake_timeout, tls.acceptor().accept(connection)).await {
                Ok(Ok(stream)) => serve_one(stream, stop).await,
                Ok(Err(fault)) => {
                    info!(listener = name, %peer, %fault, "TLS handshake failed");
                    refused(peer, &fault);
                }
                Err(_) => info!(listener = name, %peer, "TLS handshake took too long"),
            }
        }
    };
    serve(listener, stop, shake_hands).await
}

/// How one connection is supervised.
pub struct ConnectionPolicy {
    /// The listener's name, for metrics.
    pub listener: &'static str,
    /// The connection's observed traffic.
    pub activity: Arc<ConnectionActivity>,
    /// The time limits for the peer.
    pub timeouts: Timeouts,
    /// Maximum age, after which the connection is asked to finish.
    pub age: Duration,
    /// How long it may take to finish after that.
    pub grace: Duration,
}

/// Drives one HTTP connection until it ends by itself, or is ended because of slowness, age or a stop. `finish` starts its
/// graceful shutdown. Returns the error with which it ended, if it did.
pub async fn attend<C, E>(
    mut connection: Pin<&mut C>,
    finish: fn(Pin<&mut C>),
    mut stop: Stop,
    policy: ConnectionPolicy,
) -> Option<E>
where
    C: Future<Output = Result<(), E>>,
    E: Error,
{
    let mut age = policy.age;
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut leaving = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(fault) = &ended {
                    debug!(listener = policy.listener, fault = causes(fault), "connection ended");
                }
                return ended.err();
            }
            () = stop.reached(Phase::Draining), if !leaving => {
                leaving = true;
                age = Duration::MAX;
                finish(connection.as_mut());
            }
            _ = heartbeat.tick() => {
                if let Some(cause) = policy.activity.overdue(&policy.timeouts) {
                    let labels = [("listener", policy.listener), ("cause", cause.as_str())];
                    metrics::counter!(names::CONNECTIONS_CUT, &labels).increment(1);
                    return None;
                }
                if policy.activity.age() > age {
                    if leaving {
                        return None;
                    }
                    leaving = true;
                    age = age.saturating_add(policy.grace);
                    finish(connection.as_mut());
                }
            }
        }
    }
}

/// An error with its chain of causes in one line; hyper's own text leaves the causes out.
fn causes(fault: &dyn Error) -> String {
    let mut text = fault.to_string();
    let mut next = fault.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
