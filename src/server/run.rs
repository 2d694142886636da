//! Running and draining. Draining lets requests finish, cuts the rest at a deadline, and counts the connections that were cut.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, interval, sleep, timeout, timeout_at};
use tracing::{error, info, warn};

use super::bound::{Bound, Listeners, Service};
use super::config::Shutdown;
use super::fault::Fault;
use super::service_manager;
use crate::domain::time::Timestamp;
use crate::inbound::connections::{Phase, Stop};
use crate::inbound::ext_authz::Health;
use crate::inbound::forward_auth::ForwardAuth;
use crate::inbound::ops::{OpsServer, Readiness};
use crate::inbound::router::Router;
use crate::inbound::side_listener::SideListener;
use crate::inbound::{admin, grpc};
use crate::outpost::Outpost;
use crate::ports::{Clock, SessionStore};
use crate::telemetry::{MetricsPage, names};

/// How often expired sessions are deleted.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(60);
/// How often samples are moved into their buckets.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);
/// How long connections may take to end after they have been cut.
const CUT_TIMEOUT: Duration = Duration::from_secs(2);

impl Bound {
    /// Serves until the first request to stop, then drains; returns how many connections had to be cut. `reloads` runs from
    /// readiness until the drain. `next_stop` waits for a request to stop; a second one ends the drain at once.
    ///
    /// # Errors
    /// [`Fault::StoppedAtOnce`] after a second request to stop; [`Fault::ListenerEnded`] when a listener ended before the first one:
    /// its port would stay dead while the others answer.
    pub async fn run(
        self,
        reloads: impl Future<Output = Infallible>,
        mut next_stop: impl AsyncFnMut(),
    ) -> Result<usize, Fault> {
        let starting = self.readiness.hold("listeners");
        self.announce();
        let shutdown = self.service.shutdown;
        let mut running = self.start()?;
        drop(starting);
        if running.readiness.missing().is_empty() {
            running.health.serving().await;
        }
        info!("ready");
        service_manager::ready();

        let has_listener_ended = tokio::select! {
            () = next_stop() => false,
            () = first_end(&mut running.public) => true,
            never = reloads => match never {},
        };
        let draining = running.readiness.hold("draining");
        let drained = tokio::select! {
            cut = running.drain(shutdown) => Ok(cut),
            () = next_stop() => Err(Fault::StoppedAtOnce),
        };
        drop(draining);
        if drained.is_err() {
            warn!("second signal: stopping at once");
        }
        if has_listener_ended { Err(Fault::ListenerEnded) } else { drained }
    }

    fn start(self) -> Result<Running, Fault> {
        let (check, others) = (self.check(), self.others()?);
        let Self { service, listeners, recorder, metrics, readiness, health } = self;
        let Service { outpost, store, clock, lifetimes, forward_auth, limits, .. } = service;
        let Listeners { grpc: listener, http, https, metrics: ops_listener, admin } = listeners;

        let (ops_stop, stop) = Stop::channel();
        let page = OpsServer::new(readiness.clone(), metrics.clone());
        let ops = tokio::spawn(page.serve(ops_listener, limits.http.clone(), stop));

        let settling = Arc::clone(&outpost);
        let (public_stop, stop) = Stop::channel();
        let mut public = JoinSet::new();
        let checks = grpc::server(check, others, &limits.grpc, &listener);
        public.spawn(checks.serve(listener, stop.clone()));
        if let Some((listener, tls)) = admin {
            public.spawn(admin::serve(Arc::clone(&outpost), listener, tls, limits.grpc.clone(), stop.clone()));
        }
        let (asked, recorded, deadline) = (Arc::clone(&outpost), recorder.clone(), limits.http.decision_timeout());
        let first = forward_auth
            .map(|settings| -> Arc<dyn Router> { Arc::new(ForwardAuth::new(asked, recorded, settings, deadline)) });
        let side = SideListener::new(outpost, recorder, limits.http, first);
        if let Some(listener) = http {
            public.spawn(Arc::clone(&side).serve(listener, stop.clone()));
        }
        if let Some((listener, tls)) = https {
            public.spawn(side.serve_tls(listener, tls, stop));
        }

        let mut chores = JoinSet::new();
        chores.spawn(expire_sessions(store, clock, lifetimes.idle));
        chores.spawn(tidy_metrics(metrics));
        Ok(Running { outpost: settling, public, public_stop, ops, ops_stop, readiness, health, _chores: chores })
    }
}

/// A service in operation.
struct Running {
    outpost: Arc<Outpost>,
    public: JoinSet<usize>,
    public_stop: tokio::sync::watch::Sender<Phase>,
    ops: JoinHandle<usize>,
    ops_stop: tokio::sync::watch::Sender<Phase>,
    readiness: Readiness,
    health: Health,
    /// Background tasks; they are aborted when this value is dropped.
    _chores: JoinSet<()>,
}

impl Running {
    /// Reports not serving at once, accepts requests for a while longer, then lets running ones finish.
    async fn drain(mut self, shutdown: Shutdown) -> usize {
        info!(delay_s = shutdown.delay.as_secs(), grace_s = shutdown.grace.as_secs(), "stopping");
        service_manager::stopping();
        self.health.stopping().await;
        sleep(shutdown.delay).await;

        self.public_stop.send_replace(Phase::Draining);
        self.health.end_watches().await;
        let mut cut = 0;
        let deadline = Instant::now() + shutdown.grace;
        if timeout_at(deadline, ended(&mut self.public, &mut cut)).await.is_err() {
            self.public_stop.send_replace(Phase::Cut);
            // A connection that does not end when it is cut is not waited for any longer.
            let _ = timeout(CUT_TIMEOUT, ended(&mut self.public, &mut cut)).await;
        }
        if timeout_at(deadline, self.outpost.settled()).await.is_err() {
            warn!("stopped; `shutdown.grace` ended before all sessions were refreshed and all refresh tokens revoked");
        }
        // Probes are answered to the end, so that the drain is not mistaken for a crash.
        self.ops_stop.send_replace(Phase::Cut);
        let _ = timeout(CUT_TIMEOUT, &mut self.ops).await;
        if cut > 0 {
            warn!(connections = cut, "stopped; `shutdown.grace` ended, and the remaining connections were closed");
        } else {
            info!(connections = 0, "stopped");
        }
        cut
    }
}

/// Waits until a listener ends, and logs why.
async fn first_end(listeners: &mut JoinSet<usize>) {
    let panic = listeners.join_next().await.and_then(Result::err).map(|fault| fault.to_string());
    error!(panic, "a listener ended unexpectedly; stopping");
}

async fn ended(listeners: &mut JoinSet<usize>, cut: &mut usize) {
    while let Some(listener) = listeners.join_next().await {
        match listener {
            Ok(connections) => *cut += connections,
            Err(fault) => error!(%fault, "a listener ended unexpectedly"),
        }
    }
}

async fn expire_sessions(store: Arc<dyn SessionStore>, clock: Arc<dyn Clock>, idle: Duration) {
    let mut turn = interval(EXPIRY_INTERVAL);
    loop {
        turn.tick().await;
        count_sessions(store.as_ref()).await;
        let now = clock.now();
        match store.expire(now, before(now, idle)).await {
            Ok(0) => {}
            Ok(count) => {
                info!(count, "expired sessions deleted");
                metrics::counter!(names::SESSIONS_EXPIRED).increment(u64::try_from(count).unwrap_or(u64::MAX));
            }
            Err(fault) => warn!(%fault, "expired sessions were not deleted; the next attempt is in a minute"),
        }
    }
}

async fn count_sessions(store: &dyn SessionStore) {
    // A store that cannot count now reports the reason at its next use.
    if let Ok(Some(count)) = store.count().await {
        metrics::gauge!(names::SESSIONS_OPEN).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_unix(now.as_unix().saturating_sub(span.as_secs()))
}

async fn tidy_metrics(page: MetricsPage) {
    let mut turn = interval(METRICS_INTERVAL);
    loop {
        turn.tick().await;
        page.tidy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_that_panics_or_returns_is_noticed_while_others_go_on() {
        for ends_by_panic in [true, false] {
            let mut listeners = JoinSet::new();
            listeners.spawn(std::future::pending());
            listeners.spawn(async move { if ends_by_panic { panic!("a defect") } else { 0 } });
            first_end(&mut listeners).await;
            assert_eq!(listeners.len(), 1);
        }
    }
}
