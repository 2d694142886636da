//! Keeps what is known of signed-in users fresh, with refresh tokens (`OpenID` Connect Core section 12). A session that is due is
//! renewed behind the answer; one whose facts are out of date makes its request wait a little. A provider that is down signs
//! nobody out: what it said before stands until the session ends.

mod backoff;
mod context;
mod failure;
mod lease;
mod persist;
mod task;

use std::sync::Arc;
use std::time::Duration;

use self::backoff::Backoff;
use self::context::RefreshContext;
use self::task::RefreshTask;
use super::loaded_session::LoadedSession;
use super::parts::Parts;
use crate::domain::application::Application;
use crate::domain::session::{Freshness, SessionKey};
use crate::single_flight::SingleFlight;

/// How many renewals may be under way; sessions that find no place are renewed a little later.
const MOST: usize = 256;

/// All renewals of this process.
pub(super) struct RefreshTasks {
    context: Arc<RefreshContext>,
    calls: Arc<SingleFlight<SessionKey, ()>>,
}

/// What a request may rely on afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefreshDecision {
    /// On the session as it was found.
    UpToDate,
    /// Time has passed: only on what the store says now.
    Reload,
}

impl RefreshTasks {
    pub(super) fn new(parts: &Parts) -> Self {
        let context = RefreshContext {
            store: Arc::clone(&parts.store),
            provider: Arc::clone(&parts.provider),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            lifetimes: parts.lifetimes,
            outpost: parts.name.clone(),
            backoff: Backoff::default(),
        };
        Self { context: Arc::new(context), calls: SingleFlight::new(MOST) }
    }

    /// Sees to it that a session that was found is renewed when it is time, and waits when it is high time.
    pub(super) async fn refresh_if_due(
        &self,
        application: &Arc<Application>,
        loaded: &LoadedSession,
        patience: Duration,
    ) -> RefreshDecision {
        if loaded.freshness == Freshness::Fresh {
            return RefreshDecision::UpToDate;
        }
        let (context, key) = (&self.context, loaded.key);
        let begin = || {
            let generation = loaded.session.record().generation;
            let may_begin = !context.backoff.holds(&key, context.clock.now());
            may_begin.then(|| RefreshTask::new(Arc::clone(context), Arc::clone(application), key, generation).run())
        };
        match self.calls.join(key, begin) {
            Some(call) if loaded.freshness == Freshness::Stale => {
                // Whatever became of it, the store knows.
                Box::pin(call.result_within(patience)).await;
                RefreshDecision::Reload
            }
            Some(_) | None => RefreshDecision::UpToDate,
        }
    }

    /// Waits until no renewal is under way.
    pub(super) async fn finished(&self) {
        while let Some(call) = self.calls.any() {
            call.result().await;
        }
    }
}
