//! The callback: the request with which the browser returns from the provider, and the session that it begins.

use http::StatusCode;

use super::go_on::go_on;
use super::response_parameters::{ResponseUnreadable, response_parameters};
use super::restart::{Setback, restart};
use super::return_address::{kept_address, return_address};
use super::session_limit;
use super::sign_in_loop::{last_completed, sign_in_loop};
use super::step_up::asked_for;
use crate::domain::application::cookies::{self, OwnCookies};
use crate::domain::application::return_cookie;
use crate::domain::audit::{SessionEndCause, SignInFailure};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::decision::pages::{Action, Message, Text};
use crate::domain::decision::{Reason, Verdict};
use crate::domain::oidc::id_token::SignedIn;
use crate::domain::oidc::sign_in::{Attempt, Callback, CompletedSignIn, MatchedCode, ProviderError, ResponseFault};
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::policy::identity;
use crate::domain::session::{Session, SessionId};
use crate::outpost::errors::{Fault, Outcome};
use crate::outpost::request_context::RequestContext;
use crate::outpost::services::Services;
use crate::outpost::waits::{self, WaitReason};
use crate::outpost::{answers, header_preview, logout};
use crate::ports::{Consumption, ExchangeFault, StoreFault};

const SEND_THE_BODY: &str = "with `response_mode: form_post`, let the front proxy send the body of this path with the check (Envoy: \
`check_settings.with_request_body`, see envoy/inside-the-check), or route the path to Gatepost's HTTP listener";

/// `callback`: the request with which the browser returns from the provider.
pub(in crate::outpost) async fn callback(services: &Services, context: &mut RequestContext<'_>) -> Outcome {
    let parameters = match response_parameters(context.request, context.application) {
        Ok(parameters) => parameters,
        Err(fault) => return Ok(unreadable(context, fault)),
    };
    let (application, keys) = (context.application, &services.parts.sealing);
    let own = OwnCookies::read(&context.request.head.headers, application)?;
    let callback = match Callback::parse(parameters) {
        Ok(callback) => callback,
        Err(fault) => {
            return Ok(answers::failed(context, StatusCode::BAD_REQUEST, Text::CallbackIncomplete, &fault.to_string()));
        }
    };
    let Ok(attempt) = Attempt::open(callback.state(), application.as_ref(), keys) else {
        let text = Text::SignInUnknown;
        return Ok(answers::failed(context, StatusCode::BAD_REQUEST, text, "`state` cannot be decrypted"));
    };
    let matched = match attempt.matching(&own.bindings, services.parts.clock.now()) {
        Ok(matched) => matched,
        Err(mismatch) => {
            let setback = Setback::of(mismatch, &own);
            return restart(services, context, &own, &attempt, &setback).await;
        }
    };
    let metadata = services.parts.provider.metadata(&application.relying_party);
    let metadata = waits::wait_for(&services.waits, context, WaitReason::Metadata, metadata).await??;
    let code = match callback.into_code(&matched, &metadata, (&context.application.relying_party).into()) {
        Ok(code) => code,
        Err(ResponseFault::Provider(error)) => {
            return Ok(provider_refused(context, &error, &return_address(context, &own, &attempt)));
        }
        Err(fault @ ResponseFault::OtherIssuer(_)) => {
            context.record_failure(SignInFailure::ProviderUntrustworthy, None, &fault);
            return Ok(answers::failed(context, StatusCode::BAD_REQUEST, Text::OtherIssuer, &fault.to_string()));
        }
    };
    if let Some(page) = sign_in_loop(services, context, &own, &attempt).await? {
        return Ok(page);
    }
    // The attempt is consumed only after its turn has come, so that a client which was refused for lack of a place may
    // reload.
    let Some(_redemption) = waits::redemption(&services.waits, context, matched.id()).await? else {
        return restart(services, context, &own, &attempt, &Setback::UsedBefore).await;
    };
    match services.parts.store.consume_once(&ReplayKey::from_bytes(*matched.id().as_bytes()), matched.expires()).await?
    {
        Consumption::First => redeem(services, context, &own, &attempt, code).await,
        Consumption::Repeated => restart(services, context, &own, &attempt, &Setback::UsedBefore).await,
    }
}

/// The address at which a callback that failed is retried: that of another sign-in with the same return address. The
/// callback's own address holds a code, which must not appear in a page.
pub(in crate::outpost) fn retry_address(services: &Services, context: &RequestContext<'_>) -> String {
    let own = OwnCookies::read(&context.request.head.headers, context.application).ok();
    let parameters = response_parameters(context.request, context.application).ok();
    let callback = parameters.and_then(|parameters| Callback::parse(parameters).ok());
    let attempt =
        callback.and_then(|it| Attempt::open(it.state(), context.application.as_ref(), &services.parts.sealing).ok());
    let address = own.zip(attempt).and_then(|(own, attempt)| kept_address(context, &own, &attempt));
    address.map_or_else(|| context.landing(), |address| answers::start_again(context, &address))
}

/// Turns a matched code into a session, or answers why it cannot.
async fn redeem(
    services: &Services,
    context: &mut RequestContext<'_>,
    own: &OwnCookies,
    attempt: &Attempt,
    code: MatchedCode,
) -> Outcome {
    match services.parts.provider.exchange(&context.application.relying_party, code).await {
        Ok(signed_in) => begin_session(services, context, own, attempt, signed_in).await,
        Err(ExchangeFault::Unavailable(fault)) => Err(Fault::Provider(fault)),
        Err(ExchangeFault::Refused(error)) if error == "invalid_grant" => {
            restart(services, context, own, attempt, &Setback::CodeRefused).await
        }
        Err(fault) => {
            let text = Text::AnswerNotAccepted;
            context.record_failure(SignInFailure::ProviderUntrustworthy, None, &fault);
            let (verdict, _) = answers::failed(context, StatusCode::FORBIDDEN, text, &fault.to_string());
            Ok((verdict, Reason::ProviderUntrustworthy))
        }
    }
}

/// Saves a session under a new id; an id that the browser presented is never reused (no session fixation).
async fn begin_session(
    services: &Services,
    context: &mut RequestContext<'_>,
    own: &OwnCookies,
    attempt: &Attempt,
    signed_in: SignedIn,
) -> Outcome {
    let (application, now) = (context.application, services.parts.clock.now());
    let session = Session::begin(signed_in, application.as_ref(), now, services.parts.lifetimes);
    let session = session.after_step_up(asked_for(application, attempt).map(|asked| asked.fingerprint()));
    let session = session.begun_at(services.parts.clock.unix_millis());
    let lifetime = session.record().ends.since(now);
    context.user = Some(identity::display_name(&session.record().claims, &session.record().user).to_owned());
    if lifetime.is_zero() {
        let cause = "the session would end at once";
        context.record_failure(SignInFailure::SessionTooShort, Some(session.record()), &cause);
        return Ok(answers::failed(context, StatusCode::FORBIDDEN, Text::TokenEnded, cause));
    }
    if let Err(over) = header_preview::preview(services, context, session.record().into()) {
        context.record_failure(SignInFailure::IdentityTooLarge, Some(session.record()), &over);
        return Ok(header_preview::too_much(context, &over));
    }
    let id = SessionId::new(services.random()?);
    for presented in &own.sessions {
        let key = presented.key();
        let ended = logout::ended_session(key, services.parts.store.end(&key).await?);
        // Its tokens are not revoked: some providers end the user's session with them, and so the new tokens, too.
        logout::record_ends(services, Some(context), SessionEndCause::NewSignIn, &ended);
    }
    let (user, provider_session) = (session.record().user.clone(), session.provider_session());
    let event = context.sign_in(id.key(), session.record());
    services.parts.store.save(&id.key(), session).await?;
    let kept = keep(services, context, &user, provider_session.as_ref()).await;
    if !matches!(kept, Ok(true)) {
        // Without a browser that has its cookie, it would only count towards the user's limit.
        let ended = services.parts.store.end(&id.key()).await;
        kept.and(ended)?;
        return restart(services, context, own, attempt, &Setback::ProviderSessionEnded).await;
    }
    services.parts.audit.record(|| event);
    let location = return_address(context, own, attempt);
    let last = last_completed(services, application, own);
    let completed = CompletedSignIn::after(last, attempt, &location, services.parts.clock.unix_millis());
    let completed = completed.seal(application.as_ref(), &services.parts.sealing, services.random()?);
    let mut cookies =
        vec![cookies::set_session(application, &id, lifetime), cookies::set_completed(application, &completed)];
    cookies.extend(return_cookie::forget(application, own, attempt));
    Ok((go_on(context, location, cookies), Reason::SignInCompleted))
}

/// Whether the session that was just saved stays. It is counted towards the user's limit then.
async fn keep(
    services: &Services,
    context: &RequestContext<'_>,
    user: &User,
    provider_session: Option<&ProviderSession>,
) -> Result<bool, StoreFault> {
    if !logout::may_begin(services, provider_session).await? {
        return Ok(false);
    }
    session_limit::end_oldest(services, context, user).await?;
    Ok(true)
}

/// The request does not contain the provider's answer in a form that this application takes.
fn unreadable(context: &RequestContext<'_>, fault: ResponseUnreadable) -> (Verdict, Reason) {
    if let ResponseUnreadable::Method(allowed) = fault {
        return answers::method_not_allowed(context, allowed);
    }
    let text = if fault == ResponseUnreadable::NoBody {
        tracing::warn!(decision_id = context.id, application = %context.application.slug, help = SEND_THE_BODY, "a callback has no body");
        Text::AnswerWithoutBody
    } else {
        Text::AnswerNoForm
    };
    answers::failed(context, StatusCode::BAD_REQUEST, text, &fault.to_string())
}

/// The provider answered with an error; the page shows the provider's own text.
fn provider_refused(context: &RequestContext<'_>, error: &ProviderError, return_address: &str) -> (Verdict, Reason) {
    let temporary = matches!(error.error.as_str(), "temporarily_unavailable" | "server_error");
    let text = if error.description.is_some() { Text::ProviderRefused } else { Text::ProviderRefusedBare };
    let values = [("error", error.error.as_str()), ("description", error.description.as_deref().unwrap_or_default())];
    tracing::warn!(decision_id = context.id, application = %context.application.slug, error = error.error, "the provider refused the sign-in");
    context.record_failure(SignInFailure::ProviderRefused, None, &error.error);
    let again = Action::Link { address: answers::start_again(context, return_address), label: Text::TryAgain };
    let status = if temporary { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::FORBIDDEN };
    let message = Message {
        status,
        title: Text::ProviderRefusedTitle,
        text: text.with(&values),
        id: &context.id,
        action: Some(again),
    };
    (Verdict::Deny(context.pages().render(&message)), Reason::ProviderRefused)
}
