//! Sign-ins that succeed and lead to another sign-in: they end at a page.

use http::StatusCode;

use super::return_address::return_address;
use crate::domain::application::Application;
use crate::domain::application::cookies::OwnCookies;
use crate::domain::decision::pages::{Action, Message, Text};
use crate::domain::decision::{Reason, Verdict};
use crate::domain::oidc::sign_in::{Attempt, CompletedSignIn};
use crate::outpost::errors::Fault;
use crate::outpost::request_context::RequestContext;
use crate::outpost::services::Services;

/// Loop Detected (RFC 5842 section 7.2).
const LOOP_DETECTED: StatusCode = StatusCode::LOOP_DETECTED;

const ASK_ONCE: &str = "send the Check at one hop only. If there is only one: pass `cookie` on to the check. Envoy: no `allowed_headers`, or `cookie` \
among them. Envoy Gateway: `headersToExtAuth`. Istio: `includeRequestHeadersInCheck`. Traefik: `authRequestHeaders`. nginx: \
`proxy_pass_request_headers on`";
const SHARE_SESSIONS: &str = "with several replicas: `session.store: redis` for all, or one replica; compare their clocks; check the lifetime of \
sessions: `access_token_validity`, `session` and the provider's tokens";

/// Returns a page if sign-ins would otherwise repeat endlessly. No code is redeemed, and no session is changed.
pub(super) async fn sign_in_loop(
    services: &Services,
    context: &mut RequestContext<'_>,
    own: &OwnCookies,
    attempt: &Attempt,
) -> Result<Option<(Verdict, Reason)>, Fault> {
    let Some(last) = last_completed(services, context.application, own) else { return Ok(None) };
    let found =
        if last.was_just_before(attempt) { services.find_session(context.application, own).await? } else { None };
    let address = return_address(context, own, attempt);
    if !last.would_loop(attempt, &address, found.is_some(), services.parts.clock.unix_millis()) {
        return Ok(None);
    }
    context.user = found.as_ref().map(|found| found.name().to_owned());
    Ok(Some(loop_detected(context, found.is_some(), last.in_a_row(), address)))
}

/// The sign-in that this browser completed last.
pub(super) fn last_completed(
    services: &Services,
    application: &Application,
    own: &OwnCookies,
) -> Option<CompletedSignIn> {
    CompletedSignIn::latest(&own.completed, application, &services.parts.sealing)
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
    let again = Action::Link { address, label: Text::OpenApplication };
    let (title, text) = (Text::SignInLoopTitle, Text::SignInLoop.into());
    let message = Message { status: LOOP_DETECTED, title, text, id: &context.id, action: Some(again) };
    (Verdict::Deny(context.pages().render(&message)), Reason::SignInLoop)
}
