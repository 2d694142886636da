//! Authorization: only a permit of the access rules or a public path becomes an *allow*.

use super::authenticate::Authentication;
use super::denial_cause::DenialCause;
use super::request_context::RequestContext;
use super::services::Services;
use crate::domain::decision::{self, ForwardedRequest, Reason, Verdict};
use crate::domain::http::TargetFault;
use crate::domain::policy::identity::Identity;
use crate::domain::policy::{Forbidden, Permit, PublicPath};
use crate::domain::session::LiveSession;

/// What authorization decided.
pub(super) enum Authorization {
    /// The request may pass.
    Allowed(Verdict, Reason),
    /// The user is unknown until a sign-in.
    SignInRequired,
    /// The user of this session would be allowed after another sign-in.
    StepUpRequired(LiveSession),
    /// The request may not pass.
    Denied(DenialCause),
}

/// Allows the request if the access rules permit the identity, or if the path is public.
pub(super) fn authorize(
    services: &Services,
    context: &mut RequestContext<'_>,
    authentication: Authentication,
    rest_of_cookies: Option<Vec<u8>>,
) -> Authorization {
    let (head, application) = (&context.request.head, context.application);
    let forwarded = ForwardedRequest { head, rest_of_cookies };
    let otherwise = match authentication {
        Authentication::Identity(identity) => {
            match (application.rules.permit(&identity, head, services.parts.clock.now()), &identity) {
                (Ok(permit), _) => return allow(services, context, permit, forwarded),
                (Err(Forbidden::OtherSignIn), Identity::Session(session)) => {
                    Authorization::StepUpRequired(session.clone())
                }
                (Err(cause), _) => Authorization::Denied(DenialCause::Forbidden(identity, cause)),
            }
        }
        Authentication::Anonymous => Authorization::SignInRequired,
        Authentication::Denied(cause) => Authorization::Denied(cause),
    };
    let Some((proof, reason)) = public(context) else { return otherwise };
    Authorization::Allowed(Verdict::Allow(decision::allow_public(&proof, application, forwarded)), reason)
}

/// What makes a path ambiguous, if the decision depends on how the application reads it (N-4).
pub(super) fn ambiguous_path(context: &RequestContext<'_>) -> Option<TargetFault> {
    context.request.head.target.flaw().filter(|_| depends_on_path(context))
}

fn allow(
    services: &Services,
    context: &mut RequestContext<'_>,
    permit: Permit<'_>,
    forwarded: ForwardedRequest<'_>,
) -> Authorization {
    let (application, identity) = (context.application, permit.identity());
    if let Some(rule) = permit.rule() {
        tracing::debug!(decision_id = context.id, application = %application.slug, rule, "an access rule allows this user");
    }
    context.user = Some(identity.name().to_owned());
    let allow = services
        .with_outpost_facts(application, |outpost| decision::allow_signed_in(permit, application, outpost, forwarded));
    Authorization::Allowed(Verdict::Allow(allow), identity.into())
}

fn depends_on_path(context: &RequestContext<'_>) -> bool {
    let (head, application) = (&context.request.head, context.application);
    let (mode, scheme) = (&application.mode, application.external.scheme());
    application.rules.have_paths() || application.public_paths.may_match(mode, scheme, &head.authority, &head.target)
}

/// The reason for which this request needs no sign-in, if there is one.
fn public(context: &RequestContext<'_>) -> Option<(PublicPath, Reason)> {
    let (head, application) = (&context.request.head, context.application);
    let scheme = application.external.scheme();
    let path = application.public_paths.admit(&application.mode, scheme, &head.authority, &head.target);
    let path = path.map(|proof| (proof, Reason::PublicPath));
    let network = || PublicPath::network(&application.skip_networks, head.client);
    path.or_else(|| network().map(|proof| (proof, Reason::PublicNetwork))).or_else(|| {
        PublicPath::preflight(application.pass_preflight, context.kind).map(|proof| (proof, Reason::Preflight))
    })
}
