//! Keeps the facts about signed-in users fresh, with refresh tokens (`OpenID` Connect Core section 12). A session that
//! is due is refreshed in the background; a session whose facts are out of date makes its request wait for a short
//! time. A provider that is down ends no session: its last facts stay valid until the session ends.

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
use crate::domain::crypto::signing_keys::SigningKeys;
use crate::domain::session::{Freshness, SessionKey};
use crate::single_flight::SingleFlight;

/// How many refreshes may be under way; sessions beyond the limit are refreshed a little later.
const MOST: usize = 256;

/// All refreshes of this process.
pub(super) struct RefreshTasks {
    context: Arc<RefreshContext>,
    calls: Arc<SingleFlight<SessionKey, ()>>,
}

/// Which session a request may use after the refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefreshDecision {
    /// The session as it was loaded.
    UpToDate,
    /// The session has to be loaded again: the loaded one may be out of date.
    Reload,
}

impl RefreshTasks {
    pub(super) fn new(parts: &Parts) -> Self {
        task::register();
        let context = RefreshContext {
            store: Arc::clone(&parts.store),
            provider: Arc::clone(&parts.provider),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            lifetimes: parts.lifetimes,
            outpost: parts.name.clone(),
            signing_keys: SigningKeys::new(parts.sealing.clone()),
            backoff: Backoff::default(),
            audit: parts.audit.clone(),
        };
        Self { context: Arc::new(context), calls: SingleFlight::new(MOST) }
    }

    /// Starts a refresh of the loaded session if it is due, and waits for it, at most `refresh_timeout`, if its facts are out
    /// of date.
    pub(super) async fn refresh_if_due(
        &self,
        application: &Arc<Application>,
        loaded: &LoadedSession,
        refresh_timeout: Duration,
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
                // The store holds the outcome, whatever it was.
                Box::pin(call.result_within(refresh_timeout)).await;
                RefreshDecision::Reload
            }
            Some(_) | None => RefreshDecision::UpToDate,
        }
    }

    /// Waits until no refresh is under way.
    pub(super) async fn finished(&self) {
        while let Some(call) = self.calls.any() {
            call.result().await;
        }
    }
}
