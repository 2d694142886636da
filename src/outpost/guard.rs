//! A request of the application itself: a known user's, public, or neither.

use std::time::Duration;

use super::{Found, Outcome, Outpost, Visit, answers};
use crate::domain::access::PublicPath;
use crate::domain::application::Application;
use crate::domain::cookies::OwnCookies;
use crate::domain::decision::{Reason, Verdict};
use crate::domain::headers::{self, OutpostFacts, Passing};
use crate::domain::identity::Identity;
use crate::domain::request::ClientKind;

/// A session's use is noted this often at most, so that reading does not turn into writing.
const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

impl Outpost {
    /// Decides on a request of the application itself.
    pub(super) async fn guard(&self, visit: &mut Visit<'_>) -> Outcome {
        let (head, application) = (visit.head, visit.application);
        let mut own = OwnCookies::read(&head.headers, application)?;
        let passing = Passing { head, rest_of_cookies: own.rest.take() };
        if let Some(found) = self.session(application, &own).await? {
            self.note_use(&found).await;
            return Ok(self.allow(visit, &Identity::Session(found.session), passing));
        }
        if let Some((proof, reason)) = public(visit) {
            return Ok((Verdict::Allow(headers::allow_public(&proof, application, passing)), reason));
        }
        if visit.kind == ClientKind::Navigation {
            let return_address = visit.own_address();
            return self.begin_sign_in(visit, &own, return_address, 0).await;
        }
        Ok(answers::sign_in_required(visit))
    }

    async fn note_use(&self, found: &Found) {
        let now = self.parts.clock.now();
        if now.since(found.last_seen) >= TOUCH_INTERVAL
            && let Err(fault) = self.parts.store.touch(&found.key, now).await
        {
            tracing::warn!(%fault, "the use of a session could not be noted");
        }
    }

    fn allow(&self, visit: &mut Visit<'_>, identity: &Identity, passing: Passing<'_>) -> (Verdict, Reason) {
        let application = visit.application;
        visit.user = Some(identity.name().to_owned());
        let allow =
            self.with_facts(application, |outpost| headers::allow_signed_in(identity, application, outpost, passing));
        (Verdict::Allow(allow), Reason::SignedIn)
    }

    /// What of this outpost goes into headers; the provider is never waited for.
    pub(super) fn with_facts<T>(&self, application: &Application, tell: impl FnOnce(OutpostFacts<'_>) -> T) -> T {
        let metadata =
            application.jwt_headers.then(|| self.parts.provider.remembered(&application.relying_party)).flatten();
        let jwks_uri = metadata.as_ref().map(|metadata| metadata.jwks_uri.as_str());
        tell(OutpostFacts { name: &self.parts.name, jwks_uri })
    }
}

/// Why nobody has to sign in for this request, if so.
fn public(visit: &Visit<'_>) -> Option<(PublicPath, Reason)> {
    let (head, application) = (visit.head, visit.application);
    let scheme = application.external.scheme();
    let path = application.unauthenticated.admit(&application.mode, scheme, &head.authority, &head.target);
    let path = path.map(|proof| (proof, Reason::UnauthenticatedPath));
    path.or_else(|| PublicPath::preflight(application, visit.kind).map(|proof| (proof, Reason::Preflight)))
}
