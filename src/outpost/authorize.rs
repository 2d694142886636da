//! A request of the application itself: a known user's whom the rules let pass, public, or neither.

use super::denial_cause::DenialCause;
use super::errors::Fault;
use super::refresh::RefreshDecision;
use super::sign_in::Beginning;
use super::waits::Purpose;
use super::{LoadedSession, Outcome, Outpost, RequestContext, answers};
use crate::domain::application::Application;
use crate::domain::application::cookies::OwnCookies;
use crate::domain::decision::{self, ForwardedRequest, Reason, Verdict};
use crate::domain::http::ClientKind;
use crate::domain::policy::identity::Identity;
use crate::domain::policy::identity_headers::OutpostFacts;
use crate::domain::policy::{Permit, PublicPath};
use crate::ports::IdentityProvider;

impl Outpost {
    /// Decides on a request of the application itself.
    pub(super) async fn authorize(&self, context: &mut RequestContext<'_>) -> Outcome {
        let (head, application) = (context.head, context.application);
        if let Some(flaw) = head.target.flaw().filter(|_| depends_on_path(context)) {
            return Ok(answers::odd_path(context, flaw));
        }
        let mut own = OwnCookies::read(&head.headers, application)?;
        let forwarded = ForwardedRequest { head, rest_of_cookies: own.rest.take() };
        let denial_cause = match self.authenticate(context, &own).await? {
            Ok(Some(identity)) => match application.rules.permit(&identity, head) {
                Ok(permit) => return Ok(self.allow(context, permit, forwarded)),
                Err(cause) => Some(DenialCause::Forbidden(identity, cause)),
            },
            Ok(None) => None,
            Err(denial_cause) => Some(denial_cause),
        };
        if let Some((proof, reason)) = public(context) {
            return Ok((Verdict::Allow(decision::allow_public(&proof, application, forwarded)), reason));
        }
        if let Some(denial_cause) = denial_cause {
            return denial_cause.into_outcome(context);
        }
        if context.kind == ClientKind::Navigation {
            let beginning = Beginning::of_request(context.own_address());
            return Box::pin(self.begin_sign_in(context, &own, beginning)).await;
        }
        Ok(answers::sign_in_required(context, context.own_address()))
    }

    /// Who asks: by a live session, else by the credential that the request presents.
    async fn authenticate(
        &self,
        context: &RequestContext<'_>,
        own: &OwnCookies,
    ) -> Result<Result<Option<Identity>, DenialCause>, Fault> {
        let Some(loaded) = self.load_session(context, own).await? else {
            return Ok(Box::pin(self.verify_credential(context)).await);
        };
        Ok(Ok(Some(Identity::Session(loaded.session))))
    }

    /// The live session, renewed if it is high time.
    async fn load_session(
        &self,
        context: &RequestContext<'_>,
        own: &OwnCookies,
    ) -> Result<Option<LoadedSession>, Fault> {
        let Some(loaded) = self.find_session(context.application, own).await? else { return Ok(None) };
        self.note_use(&loaded).await;
        let attended = self.refresh_tasks.refresh_if_due(context.application, &loaded, context.patience);
        // Where too many wait for news already, what is known of the user stands, as while the provider is down.
        match self.wait_for(context, Purpose::Renewal, attended).await.unwrap_or(RefreshDecision::UpToDate) {
            RefreshDecision::UpToDate => Ok(Some(loaded)),
            RefreshDecision::Reload => self.find_session(context.application, own).await,
        }
    }

    async fn note_use(&self, loaded: &LoadedSession) {
        let now = self.parts.clock.now();
        if now.since(loaded.last_seen) >= self.parts.lifetimes.one_use()
            && let Err(fault) = self.parts.store.touch(&loaded.key, now).await
        {
            tracing::warn!(%fault, "the use of a session could not be noted");
        }
    }

    fn allow(
        &self,
        context: &mut RequestContext<'_>,
        permit: Permit<'_>,
        forwarded: ForwardedRequest<'_>,
    ) -> (Verdict, Reason) {
        let (application, identity) = (context.application, permit.identity());
        if let Some(rule) = permit.rule() {
            tracing::debug!(decision_id = context.id, application = %application.slug, rule, "a rule lets this user pass");
        }
        context.user = Some(identity.name().to_owned());
        let allow =
            self.with_facts(application, |outpost| decision::allow_signed_in(permit, application, outpost, forwarded));
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
fn depends_on_path(context: &RequestContext<'_>) -> bool {
    let (head, application) = (context.head, context.application);
    let (mode, scheme) = (&application.mode, application.external.scheme());
    application.rules.have_paths() || application.unauthenticated.concern(mode, scheme, &head.authority, &head.target)
}

/// Why nobody has to sign in for this request, if so.
fn public(context: &RequestContext<'_>) -> Option<(PublicPath, Reason)> {
    let (head, application) = (context.head, context.application);
    let scheme = application.external.scheme();
    let path = application.unauthenticated.admit(&application.mode, scheme, &head.authority, &head.target);
    let path = path.map(|proof| (proof, Reason::UnauthenticatedPath));
    path.or_else(|| {
        PublicPath::preflight(application.pass_preflight, context.kind).map(|proof| (proof, Reason::Preflight))
    })
}
