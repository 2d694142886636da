//! Serves a listener's connections until told to stop: first politely, then firmly, counting what was cut.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::listener::{Connection, Listener};
use crate::telemetry::names;

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

/// Counts a connection that was ended because its peer was too slow.
pub fn count_cut(listener: &'static str, cause: super::Overdue) {
    metrics::counter!(names::CONNECTIONS_CUT, "listener" => listener, "cause" => cause.as_str()).increment(1);
}

/// The beat at which connections are checked for slowness and age.
pub fn beat() -> Interval {
    let mut beat = interval(Duration::from_millis(500));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}
