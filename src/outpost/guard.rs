//! A request of the application itself: a known user's whom the rules let pass, public, or neither.

use super::faults::Fault;
use super::objection::Objection;
use super::renewal::Attended;
use super::sign_in::Beginning;
use super::waits::Purpose;
use super::{Found, Outcome, Outpost, Visit, answers};
use crate::domain::application::Application;
use crate::domain::application::cookies::OwnCookies;
use crate::domain::decision::{self, Passing, Reason, Verdict};
use crate::domain::http::ClientKind;
use crate::domain::policy::identity::Identity;
use crate::domain::policy::identity_headers::OutpostFacts;
use crate::domain::policy::{Permit, PublicPath};
use crate::ports::IdentityProvider;

impl Outpost {
    /// Decides on a request of the application itself.
    pub(super) async fn guard(&self, visit: &mut Visit<'_>) -> Outcome {
        let (head, application) = (visit.head, visit.application);
        if let Some(flaw) = head.target.flaw().filter(|_| depends_on_path(visit)) {
            return Ok(answers::odd_path(visit, flaw));
        }
        let mut own = OwnCookies::read(&head.headers, application)?;
        let passing = Passing { head, rest_of_cookies: own.rest.take() };
        let objection = match self.known(visit, &own).await? {
            Ok(Some(identity)) => match application.rules.permit(&identity, head) {
                Ok(permit) => return Ok(self.allow(visit, permit, passing)),
                Err(cause) => Some(Objection::Forbidden(identity, cause)),
            },
            Ok(None) => None,
            Err(objection) => Some(objection),
        };
        if let Some((proof, reason)) = public(visit) {
            return Ok((Verdict::Allow(decision::allow_public(&proof, application, passing)), reason));
        }
        if let Some(objection) = objection {
            return objection.into_outcome(visit);
        }
        if visit.kind == ClientKind::Navigation {
            let beginning = Beginning::of_request(visit.own_address());
            return Box::pin(self.begin_sign_in(visit, &own, beginning)).await;
        }
        Ok(answers::sign_in_required(visit, visit.own_address()))
    }

    /// Who asks: by a live session, else by the credential that the request presents.
    async fn known(&self, visit: &Visit<'_>, own: &OwnCookies) -> Result<Result<Option<Identity>, Objection>, Fault> {
        let Some(found) = self.fresh_session(visit, own).await? else {
            return Ok(Box::pin(self.judge_credential(visit)).await);
        };
        Ok(Ok(Some(Identity::Session(found.session))))
    }

    /// The live session, renewed if it is high time.
    async fn fresh_session(&self, visit: &Visit<'_>, own: &OwnCookies) -> Result<Option<Found>, Fault> {
        let Some(found) = self.session(visit.application, own).await? else { return Ok(None) };
        self.note_use(&found).await;
        let attended = self.renewals.attend(visit.application, &found, visit.patience);
        // Where too many wait for news already, what is known of the user stands, as while the provider is down.
        match self.wait_for(visit, Purpose::Renewal, attended).await.unwrap_or(Attended::AsFound) {
            Attended::AsFound => Ok(Some(found)),
            Attended::LookAgain => self.session(visit.application, own).await,
        }
    }

    async fn note_use(&self, found: &Found) {
        let now = self.parts.clock.now();
        if now.since(found.last_seen) >= self.parts.lifetimes.one_use()
            && let Err(fault) = self.parts.store.touch(&found.key, now).await
        {
            tracing::warn!(%fault, "the use of a session could not be noted");
        }
    }

    fn allow(&self, visit: &mut Visit<'_>, permit: Permit<'_>, passing: Passing<'_>) -> (Verdict, Reason) {
        let (application, identity) = (visit.application, permit.identity());
        if let Some(rule) = permit.rule() {
            tracing::debug!(decision_id = visit.id, application = %application.slug, rule, "a rule lets this user pass");
        }
        visit.user = Some(identity.name().to_owned());
        let allow =
            self.with_facts(application, |outpost| decision::allow_signed_in(permit, application, outpost, passing));
        (Verdict::Allow(allow), identity.into())
    }

    /// What of this outpost goes into headers.
    pub(super) fn with_facts<T>(&self, application: &Application, tell: impl FnOnce(OutpostFacts<'_>) -> T) -> T {
        with_facts(self.parts.provider.as_ref(), &self.parts.name, application, tell)
    }
}

/// What of the outpost of this `name` goes into headers; the provider is never waited for.
pub(super) fn with_facts<T>(
    provider: &dyn IdentityProvider,
    name: &str,
    application: &Application,
    tell: impl FnOnce(OutpostFacts<'_>) -> T,
) -> T {
    let metadata = application.jwt_headers.then(|| provider.remembered(&application.relying_party)).flatten();
    let jwks_uri = metadata.as_ref().map(|metadata| metadata.jwks_uri.as_str());
    tell(OutpostFacts { name, jwks_uri })
}

/// Whether it matters how the application reads a path that cannot be decoded (N4).
fn depends_on_path(visit: &Visit<'_>) -> bool {
    let (head, application) = (visit.head, visit.application);
    let (mode, scheme) = (&application.mode, application.external.scheme());
    application.rules.have_paths() || application.unauthenticated.concern(mode, scheme, &head.authority, &head.target)
}

/// Why nobody has to sign in for this request, if so.
fn public(visit: &Visit<'_>) -> Option<(PublicPath, Reason)> {
    let (head, application) = (visit.head, visit.application);
    let scheme = application.external.scheme();
    let path = application.unauthenticated.admit(&application.mode, scheme, &head.authority, &head.target);
    let path = path.map(|proof| (proof, Reason::UnauthenticatedPath));
    path.or_else(|| {
        PublicPath::preflight(application.pass_preflight, visit.kind).map(|proof| (proof, Reason::Preflight))
    })
}
