//! The redirect to the provider with which a sign-in begins.

use url::form_urlencoded;

use super::start_limit;
use crate::domain::application::cookies::{self, OwnCookies};
use crate::domain::application::return_cookie;
use crate::domain::decision::{Reason, Redirect, Verdict};
use crate::domain::oidc::authorization_settings::Parameter;
use crate::domain::oidc::sign_in::{Attempt, AttemptId, Binding, StartedBy, authorization_url};
use crate::outpost::errors::Outcome;
use crate::outpost::request_context::RequestContext;
use crate::outpost::services::Services;
use crate::outpost::waits::{self, WaitReason};

/// The parameters with which an attempt begins.
pub(super) struct Beginning {
    /// The return address at which the sign-in ends.
    pub(super) return_address: String,
    pub(super) origin: StartedBy,
    /// How many earlier attempts of this sign-in failed.
    pub(super) restarts: u8,
    /// Parameters of the authorization request beside those of the application.
    pub(super) parameters: Vec<Parameter>,
}

impl Beginning {
    /// The parameters of an attempt that a request of the application begins.
    pub(super) const fn of_request(return_address: String) -> Self {
        Self { return_address, origin: StartedBy::Request, restarts: 0, parameters: Vec::new() }
    }
}

/// Redirects the browser to the provider. Nothing is stored on the server: the attempt travels in `state`, and a return
/// address that is too long for it is stored in a cookie.
pub(super) async fn begin_sign_in(
    services: &Services,
    context: &RequestContext<'_>,
    own: &OwnCookies,
    beginning: Beginning,
) -> Outcome {
    if let Some(refused) = start_limit::refusal(services.start_limit.as_ref(), context) {
        return Ok(refused);
    }
    let application = context.application;
    let relying_party = &application.relying_party;
    let metadata = services.parts.provider.metadata(relying_party);
    let metadata = waits::wait_for(&services.waits, context, WaitReason::Metadata, metadata).await??;
    let mut set_cookies = Vec::new();
    let binding = match own.bindings.first() {
        Some(binding) => binding.clone(),
        None => Binding::new(services.random()?),
    };
    // The cookie of the browser may be one that is not sent with the provider's form post: applications of one host share it.
    let is_sent_back = !application.takes_form_posts() && !own.bindings.is_empty();
    if !is_sent_back {
        set_cookies.push(cookies::set_binding(application, &binding));
    }
    let (keys, clock) = (&services.parts.sealing, &services.parts.clock);
    let Beginning { mut return_address, origin, restarts, parameters } = beginning;
    let id = AttemptId::new(services.random()?);
    let mut attempt = Attempt::begin(id, &binding, return_address.clone(), restarts, clock.now(), keys);
    if attempt.return_address().is_none() {
        let kept = return_cookie::keep(application, &id, &return_address);
        if kept.is_empty() {
            return_address = context.landing();
            attempt = Attempt::begin(id, &binding, return_address, restarts, clock.now(), keys);
        }
        set_cookies.extend(kept);
    }
    let attempt = attempt.begun(origin, clock.unix_millis());
    let state = attempt.seal(application.as_ref(), keys, services.random()?);
    let location = authorization_url(&metadata, relying_party, &attempt, &binding, &state, &parameters).into();
    let reason = match (restarts, origin) {
        (0, StartedBy::StepUp(_) | StartedBy::Sessions) => Reason::StepUpStarted,
        (0, StartedBy::Request | StartedBy::Start) => Reason::SignInStarted,
        (_, _) => Reason::SignInRestarted,
    };
    let status = context.redirect_status();
    Ok((Verdict::Redirect(Redirect { status, location, cookies: set_cookies }), reason))
}

/// The value of a parameter, if it occurs exactly once.
pub(super) fn only_parameter(query: &str, name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(other, _)| other == name);
    let first = values.next().map(|(_, value)| value.into_owned());
    first.filter(|_| values.next().is_none())
}
