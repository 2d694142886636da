//! One refresh: run by the holder of the lease, on the session as the store holds it, and never on a session that has
//! ended.

use std::sync::Arc;
use std::time::Duration;

use super::context::RefreshContext;
use super::failure::RefreshFailure;
use super::lease::SPAN;
use crate::domain::application::Application;
use crate::domain::audit::SessionEndCause;
use crate::domain::session::{Freshness, Session, SessionKey};
use crate::domain::time::jittered;
use crate::ports::{Lease, LeaseHolder, StoredSession};
use crate::telemetry::names;

/// The backoff when the store or another process is slow.
const SHORT_PAUSE: Duration = Duration::from_secs(1);

pub(super) fn count(outcome: &'static str) {
    metrics::counter!(names::REFRESHES, "outcome" => outcome).increment(1);
}

/// Creates the counters. One that appears with its first event hides this event from `increase` and `rate`.
pub(super) fn register() {
    for outcome in ["refreshed", "ended", "untrustworthy", "later"] {
        metrics::counter!(names::REFRESHES, "outcome" => outcome).absolute(0);
    }
}

/// A refresh of the session under `key`; `generation` is the one that was known when it began.
pub(super) struct RefreshTask {
    pub(super) context: Arc<RefreshContext>,
    pub(super) application: Arc<Application>,
    pub(super) key: SessionKey,
    pub(super) generation: u32,
}

impl RefreshTask {
    pub(super) const fn new(
        context: Arc<RefreshContext>,
        application: Arc<Application>,
        key: SessionKey,
        generation: u32,
    ) -> Self {
        Self { context, application, key, generation }
    }

    /// Runs the refresh from taking the lease to releasing it.
    pub(super) async fn run(self) {
        let (context, application) = (&self.context, &self.application.slug);
        let mut holder: LeaseHolder = [0; 16];
        if let Err(fault) = context.entropy.fill(&mut holder) {
            tracing::warn!(%application, %fault, "a session could not be refreshed");
            return;
        }
        match context.store.lease(&self.key, &holder, SPAN).await {
            Ok(Lease::Held(stored)) => {
                let work = async {
                    if let Some(session) = self.to_be_refreshed(stored) {
                        self.refresh(&session, &holder).await;
                    }
                };
                context.holding(&self.key, &holder, work).await;
            }
            Ok(Lease::Taken) => {
                if !context.watch(&self.key, self.generation).await {
                    self.back_off(SHORT_PAUSE);
                }
            }
            Err(fault) => {
                tracing::warn!(%application, %fault, "a session could not be refreshed");
                self.back_off(SHORT_PAUSE);
            }
        }
    }

    /// The session as the store holds it now, if it still needs a refresh: another process may have refreshed or ended it
    /// meanwhile.
    fn to_be_refreshed(&self, stored: Option<StoredSession>) -> Option<Arc<Session>> {
        let StoredSession { session, last_seen } = stored?;
        let now = self.context.clock.now();
        let record = session.record();
        let is_due = record.generation == self.generation && record.freshness(now) != Freshness::Fresh;
        let is_live = session.live(last_seen, self.application.as_ref(), now, self.context.lifetimes).is_some();
        (is_due && is_live).then_some(session)
    }

    async fn refresh(&self, session: &Session, holder: &LeaseHolder) {
        let (context, application) = (&self.context, &self.application.slug);
        let fault = match context.provider.refresh(&self.application.relying_party, session.record()).await {
            Ok(refreshed) => {
                let refreshed = session.refreshed(refreshed, self.application.as_ref(), context.clock.now());
                return self.persist(&refreshed).await;
            }
            Err(fault) => fault,
        };
        match RefreshFailure::on(&fault) {
            RefreshFailure::Ended => {
                count("ended");
                self.end_if_still_the_same(holder, &fault).await;
            }
            RefreshFailure::Untrustworthy => {
                count("untrustworthy");
                tracing::warn!(%application, %fault, "the provider's answer to a refresh cannot be trusted");
                self.revoke(session.record());
                self.end(SessionEndCause::RefreshUntrustworthy, &fault).await;
            }
            RefreshFailure::Later(back_off) => {
                count("later");
                tracing::warn!(%application, %fault, "a session was not refreshed; the last claims of its user still apply");
                self.back_off(back_off);
            }
        }
    }

    /// Begins a backoff period of `span`, up to doubled at random so that sessions and replicas do not retry in step.
    pub(super) fn back_off(&self, span: Duration) {
        let mut random = [0];
        // Without randomness the backoff period is the shortest.
        let _ = self.context.entropy.fill(&mut random);
        let span = jittered(span, span * 2, random[0]);
        self.context.backoff.begin(self.key, self.context.clock.now(), span);
    }
}
