//! Stores the outcome of a refresh: a refreshed session, or the end of one. A refreshed session counts only after it was
//! saved. The previous refresh token may be void by now, so the new one is not given up at the first fault of the
//! store.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::lease::SPAN;
use super::task::{RefreshTask, count};
use crate::domain::audit::SessionEndCause;
use crate::domain::policy::identity_headers::{self, Facts, OverBudget};
use crate::domain::session::{Freshness, Session, SessionRecord};
use crate::outpost::audit;
use crate::outpost::services::FactSources;
use crate::ports::{Lease, LeaseHolder};

/// How long saving is retried.
const ENDURANCE: Duration = Duration::from_secs(10);
/// The shortest and the longest pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The time before the provider is called again for facts that it did not report this time; a random factor of up to two
/// applies.
const UNFINISHED: Duration = Duration::from_secs(5);

impl RefreshTask {
    /// Saves the refreshed session. A session whose headers do not fit any more ends: its old claims could grant what the
    /// provider may have revoked, and the sign-in shows the user what is wrong.
    pub(super) async fn persist(&self, refreshed: &Session) {
        if let Err(over) = self.fits(refreshed.record()) {
            tracing::warn!(application = %self.application.slug, %over, "the identity headers of a user have become larger than a request can carry");
            self.revoke(refreshed.record());
            return self.end(SessionEndCause::IdentityTooLarge, &over).await;
        }
        if refreshed.record().freshness(self.context.clock.now()) != Freshness::Fresh {
            self.back_off(UNFINISHED);
        }
        let (application, begun, mut back_off) = (&self.application.slug, Instant::now(), FIRST_PAUSE);
        loop {
            match self.context.store.replace(&self.key, refreshed.clone()).await {
                Ok(true) => {
                    count("refreshed");
                    return tracing::debug!(%application, "session refreshed");
                }
                Ok(false) => return self.give_up(refreshed).await,
                Err(fault) if begun.elapsed() < ENDURANCE => {
                    tracing::debug!(%application, %fault, "a refreshed session could not be saved yet");
                }
                Err(fault) => {
                    self.back_off(UNFINISHED);
                    return tracing::error!(%application, %fault, "a refreshed session could not be saved; its user may have to sign in again");
                }
            }
            sleep(back_off).await;
            back_off = LONGEST_PAUSE.min(back_off * 2);
        }
    }

    /// The stored session is not the one that was refreshed. Either an earlier try had saved it and its answer was
    /// lost, or the session has ended; then the new token is revoked so that it cannot be used.
    async fn give_up(&self, refreshed: &Session) {
        let (application, generation) = (&self.application.slug, refreshed.record().generation);
        match self.context.store.load(&self.key).await {
            Ok(Some(stored)) if stored.session.record().generation >= generation => {
                count("refreshed");
                tracing::debug!(%application, "session refreshed");
            }
            Ok(_) => {
                self.revoke(refreshed.record());
                tracing::info!(%application, "a session was refreshed after it had ended; it stays ended");
            }
            Err(fault) => {
                tracing::warn!(%application, %fault, "a refreshed session could not be saved; its user may have to sign in again");
            }
        }
    }

    /// Has the refresh token of `record` revoked (RFC 7009). The work runs in the background.
    pub(super) fn revoke(&self, record: &SessionRecord) {
        if let Some(refresh_token) = record.refresh_token() {
            self.context.provider.revoke(&self.application.relying_party, refresh_token);
        }
    }

    fn fits(&self, about: &SessionRecord) -> Result<(), OverBudget> {
        let (context, application) = (&self.context, &*self.application);
        let sources = FactSources {
            provider: context.provider.as_ref(),
            name: &context.outpost.load(),
            signing_keys: &context.signing_keys,
            clock: context.clock.as_ref(),
        };
        sources.tell(application, |outpost| {
            identity_headers::preview(
                &application.headers,
                &Facts { about: about.into(), application: application.into(), outpost },
            )
            .fits
        })
    }

    /// Ends the session whose refresh token was refused, unless another process has refreshed it meanwhile: then the
    /// token was refused because it had been used, and the session has a newer one.
    pub(super) async fn end_if_still_the_same(&self, holder: &LeaseHolder, cause: &(dyn Display + Sync)) {
        let application = &self.application.slug;
        match self.context.store.lease(&self.key, holder, SPAN).await {
            Ok(Lease::Held(Some(stored))) if stored.session.record().generation == self.generation => {
                self.end(SessionEndCause::RefreshRefused, cause).await;
            }
            Ok(_) => {
                tracing::debug!(%application, %cause, "a refresh came too late; the session was refreshed or ended meanwhile");
            }
            Err(fault) => {
                tracing::warn!(%application, %cause, %fault, "the provider ended a session, which cannot be deleted in the store yet");
                self.end(SessionEndCause::RefreshRefused, cause).await;
            }
        }
    }

    /// Ends the session; the user has to sign in again.
    pub(super) async fn end(&self, kind: SessionEndCause, cause: &(dyn Display + Sync)) {
        let application = &self.application.slug;
        match self.context.store.end(&self.key).await {
            Ok(ended) => {
                tracing::info!(%application, %cause, "session ended: it could not be refreshed");
                if let Some(session) = ended {
                    let event = || audit::session_not_refreshed(self.key, session.record(), kind, cause);
                    self.context.audit.record(event);
                }
            }
            // The session counts as ended in this process all the same.
            Err(fault) => {
                tracing::warn!(%application, %cause, %fault, "session ended in this process; it is deleted in the store later");
                self.context.audit.record(|| audit::pending_end(self.key, application, kind, cause));
            }
        }
    }
}
