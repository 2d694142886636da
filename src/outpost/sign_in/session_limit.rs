//! The limit on one user's sessions at one application: a sign-in above it ends the oldest ones, and a page tells their browsers.

use std::cmp::Reverse;
use std::num::NonZeroU32;

use http::StatusCode;

use crate::domain::application::cookies::{self, OwnCookies};
use crate::domain::audit::SessionEndCause;
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::decision::pages::{Action, Message, Text};
use crate::domain::decision::{Reason, Verdict};
use crate::domain::oidc::user::User;
use crate::outpost::errors::Fault;
use crate::outpost::request_context::RequestContext;
use crate::outpost::services::Services;
use crate::outpost::{answers, logout};
use crate::ports::{ListedSession, StoreFault};
use crate::telemetry::names;

/// Ends the oldest sessions of this user at this application that exceed the limit, after a new one was stored. Sign-ins that
/// complete concurrently agree on which are the oldest.
pub(super) async fn end_oldest(
    services: &Services,
    context: &RequestContext<'_>,
    user: &User,
) -> Result<(), StoreFault> {
    let Some(limit) = services.sign_in_limits.sessions_per_user else { return Ok(()) };
    let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
    let store = &services.parts.store;
    let mut sessions = live_sessions(services, context, user).await?;
    if sessions.len() <= limit {
        return Ok(());
    }
    sessions.sort_by_key(|listed| {
        let record = listed.stored.session.record();
        Reverse((record.created, record.created_millis, *listed.key.as_bytes()))
    });
    let mut ended = Vec::new();
    for ListedSession { key, stored } in sessions.drain(limit..) {
        // Its cookie lasts as long as the session would have.
        store.consume_once(&ReplayKey::session_over_limit(key.as_bytes()), stored.session.record().ends).await?;
        ended.extend(logout::ended_session(key, store.end(&key).await?));
    }
    metrics::counter!(names::SESSIONS_OVER_LIMIT).increment(ended.len() as u64);
    let (application, setting) = (&context.application.slug, "session.max_per_user");
    tracing::info!(decision_id = context.id, %application, ended = ended.len(), limit, setting, "a sign-in ended the oldest sessions of the user");
    // Their tokens are not revoked: some providers end the user's session with them, and so the new tokens, too.
    logout::record_ends(services, Some(context), SessionEndCause::SessionLimit, &ended);
    Ok(())
}

async fn live_sessions(
    services: &Services,
    context: &RequestContext<'_>,
    user: &User,
) -> Result<Vec<ListedSession>, StoreFault> {
    let (application, now) = (context.application, services.parts.clock.now());
    let is_live = |listed: &ListedSession| {
        let (session, last_seen) = (&listed.stored.session, listed.stored.last_seen);
        let live = session.live(last_seen, application.as_ref(), now, services.parts.lifetimes);
        session.record().application == application.slug && live.is_some()
    };
    let mut sessions = services.parts.store.of_user(user).await?;
    sessions.retain(is_live);
    Ok(sessions)
}

/// The page for a browser whose session was one of the oldest. It deletes the cookie, so the next request begins a sign-in.
pub(super) async fn ended_page(
    services: &Services,
    context: &RequestContext<'_>,
    own: &OwnCookies,
    return_address: &str,
) -> Result<Option<(Verdict, Reason)>, Fault> {
    let Some(limit) = services.sign_in_limits.sessions_per_user else { return Ok(None) };
    for presented in &own.sessions {
        if services.parts.store.is_consumed(&ReplayKey::session_over_limit(presented.key().as_bytes())).await? {
            return Ok(Some(ended_elsewhere(context, limit, return_address)));
        }
    }
    Ok(None)
}

fn ended_elsewhere(context: &RequestContext<'_>, limit: NonZeroU32, return_address: &str) -> (Verdict, Reason) {
    let again = Action::Link { address: answers::start_again(context, return_address), label: Text::SignInAgain };
    let limit = limit.to_string();
    let values = [("limit", limit.as_str())];
    let message = Message {
        status: StatusCode::UNAUTHORIZED,
        title: Text::SessionOverLimitTitle,
        text: Text::SessionOverLimit.with(&values),
        id: &context.id,
        action: Some(again),
    };
    let mut page = context.pages().render(&message);
    page.cookies = cookies::delete_all(context.application);
    (Verdict::Deny(page), Reason::SessionOverLimit)
}
