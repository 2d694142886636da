//! Sign-in: the redirect to the provider and the callback.

use http::StatusCode;
use url::form_urlencoded;

use super::errors::{Fault, Outcome};
use super::request_context::RequestContext;
use super::services::Services;
use super::waits::{self, WaitReason};
use super::{answers, header_preview};
use crate::domain::application::cookies::{self, OwnCookies};
use crate::domain::application::{Application, return_cookie};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::decision::pages::{self, Action, Message};
use crate::domain::decision::{Reason, Redirect, Verdict};
use crate::domain::http::ClientKind;
use crate::domain::oidc::id_token::SignedIn;
use crate::domain::oidc::sign_in::{
    Attempt, AttemptId, Binding, Callback, CompletedSignIn, MatchedCode, Mismatch, ProviderError, ResponseFault,
    StartedBy, authorization_url,
};
use crate::domain::policy::identity;
use crate::domain::session::{Session, SessionId};
use crate::ports::{Consumption, ExchangeFault};

/// Loop Detected (RFC 5842 section 7.2).
const LOOP_DETECTED: StatusCode = StatusCode::LOOP_DETECTED;

const PASS_COOKIES_ON: &str = "if the browser accepts cookies: pass `cookie` on to the check and to the callback. Envoy: no `allowed_headers`, \
or `cookie` among them. Envoy Gateway: `headersToExtAuth`. Istio: `includeRequestHeadersInCheck`. Traefik: `authRequestHeaders`. nginx: \
`proxy_pass_request_headers on`";
const ASK_ONCE: &str = "send the Check at one hop only. If there is only one: pass `cookie` on to the check. Envoy: no `allowed_headers`, or `cookie` \
among them. Envoy Gateway: `headersToExtAuth`. Istio: `includeRequestHeadersInCheck`. Traefik: `authRequestHeaders`. nginx: \
`proxy_pass_request_headers on`";
const SHARE_SESSIONS: &str = "with several replicas: `session.store: redis` for all, or one replica; compare their clocks; check the lifetime of \
sessions: `access_token_validity`, `session` and the provider's tokens";

/// The parameters with which an attempt begins.
pub(super) struct Beginning {
    /// The return address at which the sign-in ends.
    return_address: String,
    origin: StartedBy,
    /// How many earlier attempts of this sign-in failed.
    restarts: u8,
}

impl Beginning {
    /// The parameters of an attempt that a request of the application begins.
    pub(super) const fn of_request(return_address: String) -> Self {
        Self { return_address, origin: StartedBy::Request, restarts: 0 }
    }
}

/// Why a callback cannot be used, although a new attempt may succeed.
enum Setback {
    /// Tabs that began at the same time each set a binding cookie, and this tab's was replaced. Until the last of them
    /// has set its own, this may happen again.
    Raced,
    /// The attempt expired, or the browser does not send the binding.
    Stale(Mismatch),
    UsedBefore,
    CodeRefused,
}

impl Setback {
    fn of(mismatch: Mismatch, binding: Option<&Binding>) -> Self {
        if mismatch == Mismatch::OtherBrowser && binding.is_some() { Self::Raced } else { Self::Stale(mismatch) }
    }

    /// The number of restarts after which the sign-in gives up. Browsers follow about 20 redirects in a row, and each
    /// restart takes two or three.
    const fn restarts(&self) -> u8 {
        match self {
            Self::Raced => 5,
            Self::Stale(_) | Self::UsedBefore | Self::CodeRefused => 1,
        }
    }

    const fn cause(&self) -> &'static str {
        match self {
            Self::Raced => "another tab replaced the binding",
            Self::Stale(Mismatch::Expired) => "the attempt has expired",
            Self::Stale(Mismatch::OtherBrowser) => "the request carries no binding cookie",
            Self::UsedBefore => "used before",
            Self::CodeRefused => "the provider refused the code",
        }
    }
}

/// `start`: signs the user in and redirects to `rd` if that is an address of the application. A front proxy sends a
/// denied request here whatever its method, so a client that cannot follow a redirect gets the denial here as well.
pub(super) async fn start(services: &Services, context: &mut RequestContext<'_>) -> Outcome {
    let beginning = if let Some(original) = &context.request.redirected_from {
        Beginning::of_request(context.address_of(original.raw()))
    } else {
        let raw = return_parameter(context.request.head.target.query().unwrap_or_default());
        let return_address = raw.map_or_else(|| context.landing(), |raw| context.return_address(&raw));
        Beginning { return_address, origin: StartedBy::Start, restarts: 0 }
    };
    if !begins_sign_in(context) {
        return Ok(answers::sign_in_required(context, beginning.return_address));
    }
    let own = OwnCookies::read(&context.request.head.headers, context.application)?;
    begin_sign_in(services, context, &own, beginning).await
}

/// A request without a session: a navigation is redirected to the provider; other clients get an answer that names the
/// sign-in address.
pub(super) async fn require(services: &Services, context: &RequestContext<'_>, own: &OwnCookies) -> Outcome {
    if context.kind != ClientKind::Navigation {
        return Ok(answers::sign_in_required(context, context.own_address()));
    }
    let beginning = Beginning::of_request(context.own_address());
    Box::pin(begin_sign_in(services, context, own, beginning)).await
}

/// Redirects the browser to the provider. Nothing is stored on the server: the attempt travels in `state`, and a return
/// address that is too long for it is stored in a cookie.
pub(super) async fn begin_sign_in(
    services: &Services,
    context: &RequestContext<'_>,
    own: &OwnCookies,
    beginning: Beginning,
) -> Outcome {
    let application = context.application;
    let relying_party = &application.relying_party;
    let metadata = services.parts.provider.metadata(relying_party);
    let metadata = waits::wait_for(&services.waits, context, WaitReason::Metadata, metadata).await??;
    let mut set_cookies = Vec::new();
    let binding = if let Some(binding) = &own.binding {
        binding.clone()
    } else {
        let binding = Binding::new(services.random()?);
        set_cookies.push(cookies::set_binding(application, &binding));
        binding
    };
    let (keys, clock) = (&services.parts.sealing, &services.parts.clock);
    let Beginning { mut return_address, origin, restarts } = beginning;
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
    let location = authorization_url(&metadata, relying_party, &attempt, &binding, &state).into();
    let reason = if restarts == 0 { Reason::SignInStarted } else { Reason::SignInRestarted };
    Ok((Verdict::Redirect(Redirect { status: StatusCode::FOUND, location, cookies: set_cookies }), reason))
}

/// `callback`: the request with which the browser returns from the provider.
pub(super) async fn callback(services: &Services, context: &mut RequestContext<'_>) -> Outcome {
    if context.request.head.method != "GET" {
        return Ok(answers::method_not_allowed(context, "GET"));
    }
    let (application, keys) = (context.application, &services.parts.sealing);
    let own = OwnCookies::read(&context.request.head.headers, application)?;
    let callback = match Callback::parse(context.request.head.target.query().unwrap_or_default()) {
        Ok(callback) => callback,
        Err(fault) => {
            return Ok(answers::failed(
                context,
                StatusCode::BAD_REQUEST,
                "The address you came back with is incomplete.",
                &fault.to_string(),
            ));
        }
    };
    let Ok(attempt) = Attempt::open(callback.state(), application.as_ref(), keys) else {
        return Ok(answers::failed(
            context,
            StatusCode::BAD_REQUEST,
            "This sign-in was not started here, or too long ago.",
            "`state` cannot be decrypted",
        ));
    };
    let matched = match attempt.matching(own.binding.as_ref(), services.parts.clock.now()) {
        Ok(matched) => matched,
        Err(mismatch) => {
            let setback = Setback::of(mismatch, own.binding.as_ref());
            return restart(services, context, &own, &attempt, &setback).await;
        }
    };
    let metadata = services.parts.provider.metadata(&application.relying_party);
    let metadata = waits::wait_for(&services.waits, context, WaitReason::Metadata, metadata).await??;
    let code = match callback.into_code(&matched, &metadata) {
        Ok(code) => code,
        Err(ResponseFault::Provider(error)) => {
            return Ok(provider_refused(context, &error, &destination(context, &own, &attempt)));
        }
        Err(fault @ ResponseFault::OtherIssuer(_)) => {
            return Ok(answers::failed(
                context,
                StatusCode::BAD_REQUEST,
                "The response did not come from the expected identity provider.",
                &fault.to_string(),
            ));
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
pub(super) fn retry_address(services: &Services, context: &RequestContext<'_>) -> String {
    let own = OwnCookies::read(&context.request.head.headers, context.application).ok();
    let callback = Callback::parse(context.request.head.target.query().unwrap_or_default()).ok();
    let attempt =
        callback.and_then(|it| Attempt::open(it.state(), context.application.as_ref(), &services.parts.sealing).ok());
    let address = own.zip(attempt).and_then(|(own, attempt)| kept_address(context, &own, &attempt));
    address.map_or_else(|| context.landing(), |address| answers::start_again(context, &address))
}

/// Returns a page if sign-ins would otherwise repeat endlessly. No code is redeemed, and no session is changed.
async fn sign_in_loop(
    services: &Services,
    context: &mut RequestContext<'_>,
    own: &OwnCookies,
    attempt: &Attempt,
) -> Result<Option<(Verdict, Reason)>, Fault> {
    let Some(last) = last_completed(services, context.application, own) else { return Ok(None) };
    let found =
        if last.was_just_before(attempt) { services.find_session(context.application, own).await? } else { None };
    let address = destination(context, own, attempt);
    if !last.would_loop(attempt, &address, found.is_some(), services.parts.clock.unix_millis()) {
        return Ok(None);
    }
    context.user = found.as_ref().map(|found| found.name().to_owned());
    Ok(Some(loop_detected(context, found.is_some(), last.in_a_row(), address)))
}

fn last_completed(services: &Services, application: &Application, own: &OwnCookies) -> Option<CompletedSignIn> {
    own.completed.as_deref().and_then(|value| CompletedSignIn::open(value, application, &services.parts.sealing))
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
            let text =
                "The identity provider's answer could not be accepted. Please tell the operator the reference below.";
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
    let lifetime = session.record().ends.since(now);
    context.user = Some(identity::display_name(&session.record().claims, &session.record().user).to_owned());
    if lifetime.is_zero() {
        return Ok(answers::failed(
            context,
            StatusCode::FORBIDDEN,
            "The identity provider's token had already ended. Please tell the operator.",
            "the session would end at once",
        ));
    }
    if let Err(over) = header_preview::preview(services, context, session.record().into()) {
        return Ok(header_preview::too_much(context, &over));
    }
    let id = SessionId::new(services.random()?);
    for presented in &own.sessions {
        services.parts.store.end(&presented.key()).await?;
    }
    services.parts.store.save(&id.key(), session).await?;
    let location = destination(context, own, attempt);
    let last = last_completed(services, application, own);
    let completed = CompletedSignIn::after(last, attempt, &location, services.parts.clock.unix_millis());
    let completed = completed.seal(application.as_ref(), &services.parts.sealing, services.random()?);
    let mut cookies =
        vec![cookies::set_session(application, &id, lifetime), cookies::set_completed(application, &completed)];
    cookies.extend(return_cookie::forget(application, own, attempt));
    Ok((Verdict::Redirect(Redirect { status: StatusCode::FOUND, location, cookies }), Reason::SignInCompleted))
}

/// Handles a callback that cannot be used: a user who is signed in by now is redirected to the return address;
/// otherwise the sign-in starts again, a limited number of times.
async fn restart(
    services: &Services,
    context: &mut RequestContext<'_>,
    own: &OwnCookies,
    attempt: &Attempt,
    setback: &Setback,
) -> Outcome {
    let location = destination(context, own, attempt);
    if let Some(found) = services.find_session(context.application, own).await? {
        context.user = Some(found.name().to_owned());
        return Ok((
            Verdict::Redirect(Redirect { status: StatusCode::FOUND, location, cookies: Vec::new() }),
            Reason::AlreadySignedIn,
        ));
    }
    let cause = setback.cause();
    if attempt.restarts() >= setback.restarts() {
        return Ok(gave_up(context, setback));
    }
    tracing::info!(decision_id = context.id, application = %context.application.slug, cause, "sign-in starts again");
    let restarts = attempt.restarts() + 1;
    let beginning = Beginning { return_address: location, origin: attempt.origin(), restarts };
    begin_sign_in(services, context, own, beginning).await
}

/// The value of `rd`, if the parameter occurs exactly once.
fn return_parameter(query: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "rd");
    let first = values.next().map(|(_, value)| value.into_owned());
    first.filter(|_| values.next().is_none())
}

/// Whether `start` was opened as an address: by a page load, or by a client that accepts any type and was shown the
/// link: another page with the same link would not help its user. nginx also sends denied requests here, those of scripts
/// and images too.
fn begins_sign_in(context: &RequestContext<'_>) -> bool {
    let opens =
        matches!(context.request.head.method.as_str(), "GET" | "HEAD") && context.request.redirected_from.is_none();
    context.kind == ClientKind::Navigation || (context.kind == ClientKind::Html && opens)
}

/// The return address of an attempt, checked again; `None` when it is lost.
fn kept_address(context: &RequestContext<'_>, own: &OwnCookies, attempt: &Attempt) -> Option<String> {
    let address = attempt.return_address().map(str::to_owned).or_else(|| return_cookie::kept(own, attempt))?;
    Some(context.address_as_asked(&address))
}

/// The return address of an attempt, or the landing address when it is lost.
fn destination(context: &RequestContext<'_>, own: &OwnCookies, attempt: &Attempt) -> String {
    if let Some(address) = kept_address(context, own, attempt) {
        return address;
    }
    let cause = "the cookie that held it did not come back; other tabs may have replaced it";
    tracing::info!(decision_id = context.id, application = %context.application.slug, cause, "return address lost");
    context.landing()
}

/// Neither this attempt nor its restarts succeeded.
fn gave_up(context: &RequestContext<'_>, setback: &Setback) -> (Verdict, Reason) {
    let no_cookie_at_all = context.request.head.headers.all("cookie").next().is_none();
    let (text, help) = if matches!(setback, Setback::Stale(Mismatch::OtherBrowser)) && no_cookie_at_all {
        (
            "The sign-in could not be completed: no cookie arrived. Either your browser does not accept cookies from this \
             site, or a proxy in front of this server does not pass them on, which only the operator can change.",
            PASS_COOKIES_ON,
        )
    } else {
        (
            "The sign-in could not be completed. If this happens again, check that your browser accepts cookies from \
             this site.",
            "",
        )
    };
    let cause = setback.cause();
    if !help.is_empty() {
        tracing::warn!(decision_id = context.id, application = %context.application.slug, cause, help, "no cookie arrives at the callback: the browser does not store it, or a proxy in front removes it");
    }
    answers::failed(context, StatusCode::BAD_REQUEST, text, cause)
}

/// Sign-ins succeed but their end begins another one.
fn loop_detected(
    context: &RequestContext<'_>,
    shows_session: bool,
    in_a_row: u8,
    address: String,
) -> (Verdict, Reason) {
    let (cause, help) = if shows_session {
        (
            "the callback has a valid session, but the request that started the sign-in had none: either Checks are sent at \
             two hops (gateway and workload), of which the first removes the cookie, or the Check lacks cookies",
            ASK_ONCE,
        )
    } else {
        (
            "after several sign-ins in a row the next request had no valid session: replicas do not share sessions, their \
             clocks differ, sessions expire at once, or the browser does not store the cookie",
            SHARE_SESSIONS,
        )
    };
    tracing::warn!(decision_id = context.id, application = %context.application.slug, in_a_row, cause, help, "sign-in loop");
    let text = "You signed in a moment ago, and the application asks for it again. To continue would repeat this endlessly. Please \
                tell the operator the reference below.";
    let again = Action::Link { address, label: "Open the application" };
    let message = Message { status: LOOP_DETECTED, title: "Sign-in loop", text, id: &context.id, action: Some(again) };
    (Verdict::Deny(pages::render(&message, context.kind)), Reason::SignInLoop)
}

/// The provider answered with an error; the page shows the provider's own text.
fn provider_refused(context: &RequestContext<'_>, error: &ProviderError, return_address: &str) -> (Verdict, Reason) {
    let temporary = matches!(error.error.as_str(), "temporarily_unavailable" | "server_error");
    let description = error.description.as_deref().unwrap_or("It gave no description.");
    let text = format!("The identity provider answered “{}”. {description}", error.error);
    tracing::warn!(decision_id = context.id, application = %context.application.slug, error = error.error, "the provider refused the sign-in");
    let again = Action::Link { address: answers::start_again(context, return_address), label: "Try again" };
    let status = if temporary { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::FORBIDDEN };
    let message = Message { status, title: "Sign-in refused", text: &text, id: &context.id, action: Some(again) };
    (Verdict::Deny(pages::render(&message, context.kind)), Reason::ProviderRefused)
}
