//! Authentication: finds the user of a request, by a live session or by the credential that the request presents.

use super::denial_cause::DenialCause;
use super::errors::Fault;
use super::header_preview;
use super::loaded_session::LoadedSession;
use super::refresh::RefreshDecision;
use super::request_context::RequestContext;
use super::services::Services;
use super::waits::{self, WaitReason};
use crate::domain::application::cookies::OwnCookies;
use crate::domain::oidc::credentials::{Presented, TokenIssuer};
use crate::domain::policy::identity::Identity;
use crate::ports::CredentialFault;

/// What authentication found.
pub(super) enum Authentication {
    /// A user, or a client, by a live session or a verified credential.
    Identity(Identity),
    /// Neither a live session nor a credential that the application accepts.
    Anonymous,
    /// A credential that does not count.
    Denied(DenialCause),
}

/// The identity behind the request: by a live session, else by the credential that the request presents.
pub(super) async fn authenticate(
    services: &Services,
    context: &mut RequestContext<'_>,
    own: &OwnCookies,
) -> Result<Authentication, Fault> {
    if let Some(loaded) = load_session(services, context, own).await? {
        context.session = Some(loaded.key);
        return Ok(Authentication::Identity(Identity::Session(loaded.session)));
    }
    let Some(presented) = Presented::read(&context.request.head.headers, &context.application.credentials) else {
        return Ok(Authentication::Anonymous);
    };
    let identity = Box::pin(verify_credential(services, context, presented)).await;
    Ok(identity.map_or_else(Authentication::Denied, Authentication::Identity))
}

/// The live session, refreshed first if its facts are out of date.
async fn load_session(
    services: &Services,
    context: &RequestContext<'_>,
    own: &OwnCookies,
) -> Result<Option<LoadedSession>, Fault> {
    let Some(loaded) = services.find_session(context.application, own).await? else { return Ok(None) };
    record_use(services, &loaded).await;
    let attended = services.refresh_tasks.refresh_if_due(context.application, &loaded, context.refresh_timeout);
    // Where too many requests wait already, the stored facts about the user stay valid, as they do while the provider
    // is down.
    match waits::wait_for(&services.waits, context, WaitReason::Refresh, attended)
        .await
        .unwrap_or(RefreshDecision::UpToDate)
    {
        RefreshDecision::UpToDate => Ok(Some(loaded)),
        RefreshDecision::Reload => services.find_session(context.application, own).await,
    }
}

async fn record_use(services: &Services, loaded: &LoadedSession) {
    let now = services.parts.clock.now();
    if now.since(loaded.last_seen) >= services.parts.lifetimes.touch_interval()
        && let Err(fault) = services.parts.store.touch(&loaded.key, now).await
    {
        tracing::warn!(%fault, "the last use of a session could not be recorded");
    }
}

/// The identity of the credential that a request presents.
async fn verify_credential(
    services: &Services,
    context: &RequestContext<'_>,
    presented: Presented,
) -> Result<Identity, DenialCause> {
    let scheme = presented.scheme;
    let credential = presented.credential.map_err(|refusal| DenialCause::Refused(scheme, refusal))?;
    let verified = services.parts.provider.verify(context.application, &credential);
    let issuer = || match context.application.issuer_of(&credential) {
        Ok(TokenIssuer::Foreign(foreign)) => foreign.issuer.as_str(),
        Ok(TokenIssuer::Provider) | Err(_) => &context.application.relying_party.issuer,
    };
    let verified = waits::wait_for_issuer(&services.waits, context, issuer, WaitReason::Credential, verified)
        .await
        .map_err(CredentialFault::from);
    match verified.and_then(|verified| verified) {
        Ok(verified) => credential_fits(services, context, Identity::Credential(verified)),
        Err(CredentialFault::Refused(refusal)) => Err(DenialCause::Refused(scheme, refusal)),
        Err(CredentialFault::Unavailable(fault)) => Err(DenialCause::Unavailable(fault)),
    }
}

/// A credential has no sign-in at which oversized headers could be refused, so every request checks.
fn credential_fits(
    services: &Services,
    context: &RequestContext<'_>,
    identity: Identity,
) -> Result<Identity, DenialCause> {
    header_preview::preview(services, context, (&identity).into()).map_err(DenialCause::TooMuch)?;
    Ok(identity)
}
