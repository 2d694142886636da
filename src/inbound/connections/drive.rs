//! Serves a listener's connections until told to stop: first politely, then firmly, counting what was cut. Tasks are tokio's
//! `JoinSet`, because tokio-util's `TaskTracker` cannot cut them; and hyper-util's `GracefulShutdown` knows a stop only, not that a
//! connection is too old or its peer too slow.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;

use super::listener::{Connection, Listener};
use super::watch::{ConnectionActivity, Timeouts};
use crate::telemetry::names;

/// How often connections are checked for slowness and age.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// How far the service is with stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Connections are accepted and served.
    Serving,
    /// No new connections; open ones finish what they run.
    Draining,
    /// Whatever still runs is cut.
    Cut,
}

/// Tells when to stop. A dropped sender means: at once.
#[derive(Clone)]
pub struct Stop(watch::Receiver<Phase>);

impl Stop {
    /// A handle to stop by, and what listens to it.
    #[must_use]
    pub fn channel() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (sender, Self(receiver))
    }

    /// Waits until the phase is `phase` or a later one.
    pub async fn reached(&mut self, phase: Phase) {
        // A dropped sender is an error here and ends the wait all the same.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}

/// Serves every connection with `serve_one` in a task of its own. Returns once all have ended: by themselves
/// before [`Phase::Cut`], or else cut, which is how many the result counts.
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
            // Ended tasks are removed as they come; a panic in one concerns nobody else.
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

/// How one connection is watched over.
pub struct ConnectionPolicy {
    /// The listener's name, for metrics.
    pub listener: &'static str,
    /// What the connection does.
    pub activity: Arc<ConnectionActivity>,
    /// How slow it may be.
    pub timeouts: Timeouts,
    /// How old it may become before it is asked to end.
    pub age: Duration,
    /// How long it then may take.
    pub grace: Duration,
}

/// Runs one HTTP connection to its end: its own, or the one that slowness, age or a stop bring about.
/// `finish` tells it to end politely.
pub async fn attend<C, E>(
    mut connection: Pin<&mut C>,
    finish: fn(Pin<&mut C>),
    mut stop: Stop,
    policy: ConnectionPolicy,
) where
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
                if let Err(fault) = ended {
                    debug!(listener = policy.listener, fault = causes(&fault), "connection ended");
                }
                return;
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
                    return;
                }
                if policy.activity.age() > age {
                    if leaving {
                        return;
                    }
                    leaving = true;
                    age = age.saturating_add(policy.grace);
                    finish(connection.as_mut());
                }
            }
        }
    }
}

/// An error with what caused it, in one line; hyper's own text leaves the cause out.
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
