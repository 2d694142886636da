//! Sign-out: all sessions of the user end here, durably, before the browser is redirected to the provider.

use http::StatusCode;

use super::errors::{Fault, Outcome};
use super::loaded_session::LoadedSession;
use super::request_context::RequestContext;
use super::services::Services;
use super::waits::{self, WaitReason};
use super::{answers, logout};
use crate::domain::application::cookies::{self, OwnCookies};
use crate::domain::application::sign_out::{EndSession, end_session, is_deliberate};
use crate::domain::audit::SessionEndCause;
use crate::domain::decision::pages::{Action, Message, Text};
use crate::domain::decision::{Page, Reason, Redirect, Verdict};
use crate::domain::oidc::relying_party::ProviderSignOut;
use crate::domain::session::SessionRecord;
use crate::ports::StoreFault;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

/// `sign_out`: ends every session of this user in this outpost, then asks the provider to end its own.
pub(super) async fn sign_out(services: &Services, context: &mut RequestContext<'_>) -> Outcome {
    if !matches!(context.request.head.method.as_str(), "GET" | "POST") {
        return Ok(answers::method_not_allowed(context, "GET, POST"));
    }
    let own = OwnCookies::read(&context.request.head.headers, context.application)?;
    let deliberate = is_deliberate(&context.request.head, context.application);
    let loaded = match services.find_session(context.application, &own).await {
        Ok(Some(loaded)) => loaded,
        Ok(None) => return Ok((Verdict::Page(signed_out(context)), Reason::SignedOut)),
        Err(Fault::Store(fault)) if deliberate && !own.sessions.is_empty() => {
            return Ok(sign_out_here(services, context, &own, &fault, Text::SignedOutOnlyHere).await);
        }
        Err(fault) => return Err(fault),
    };
    context.user = Some(loaded.name().to_owned());
    if !deliberate {
        return Ok(ask_first(context));
    }
    sign_out_everywhere(services, context, &own, &loaded).await
}

async fn sign_out_everywhere(
    services: &Services,
    context: &RequestContext<'_>,
    own: &OwnCookies,
    loaded: &LoadedSession,
) -> Outcome {
    let record = loaded.session.record();
    let ended = match services.parts.store.end_user(&record.user).await {
        Ok(ended) => ended,
        Err(fault) => return Ok(sign_out_here(services, context, own, &fault, Text::SignedOutHere).await),
    };
    tracing::info!(decision_id = context.id, application = %context.application.slug, ended = ended.len(), "sessions of the user ended");
    logout::conclude(services, Some(context), SessionEndCause::SignOut, &ended);
    let id_token = ended.iter().map(|ended| ended.session.record()).find(|ended| is_same(ended, record));
    let id_token = id_token.and_then(|ended| ended.id_token.as_ref());
    let mut verdict = end_at_provider(services, context, id_token).await?;
    match &mut verdict {
        Verdict::Redirect(Redirect { cookies, .. }) | Verdict::Page(Page { cookies, .. }) => {
            cookies.extend(cookies::delete_all(context.application));
        }
        Verdict::Allow(_) | Verdict::Deny(_) => {}
    }
    Ok((verdict, Reason::SignedOut))
}

/// The store is unreachable: the sessions whose cookies the browser presents count as ended in this process from now
/// on, and are ended in the store as soon as it is reachable. The page says so.
async fn sign_out_here(
    services: &Services,
    context: &RequestContext<'_>,
    own: &OwnCookies,
    fault: &StoreFault,
    text: Text,
) -> (Verdict, Reason) {
    tracing::warn!(decision_id = context.id, application = %context.application.slug, %fault, "a sign-out holds in this process only, until the store answers");
    let mut ended = Vec::new();
    for id in &own.sessions {
        let key = id.key();
        match services.parts.store.end(&key).await {
            Ok(session) => ended.extend(logout::ended_session(key, session)),
            // This process still remembers that the session ended.
            Err(fault) => context.record_pending_sign_out(key, &fault),
        }
    }
    logout::conclude(services, Some(context), SessionEndCause::SignOut, &ended);
    (Verdict::Deny(signed_out_here(context, text)), Reason::SignedOutHere)
}

/// Redirects to the address that the operator gave, or to the provider's `end_session_endpoint` if its metadata can be fetched and names one; otherwise a page.
/// The local sign-out is complete in either case.
async fn end_at_provider(
    services: &Services,
    context: &RequestContext<'_>,
    id_token: Option<&SecretString>,
) -> Result<Verdict, Fault> {
    let application = context.application;
    match &application.relying_party.sign_out {
        ProviderSignOut::EndSessionEndpoint => {}
        ProviderSignOut::Omitted => return Ok(Verdict::Page(signed_out(context))),
        ProviderSignOut::At(address) => return Ok(redirect(context, address.to_string())),
    }
    let metadata = services.parts.provider.metadata(&application.relying_party);
    let metadata = waits::wait_for(&services.waits, context, WaitReason::Metadata, metadata).await;
    let Some(endpoint) =
        metadata.and_then(|metadata| metadata).ok().and_then(|metadata| metadata.end_session_endpoint.clone())
    else {
        return Ok(Verdict::Page(signed_out(context)));
    };
    let state = URL_SAFE_NO_PAD.encode(services.random::<16>()?);
    Ok(match end_session(&endpoint, application, id_token, &state) {
        EndSession::Redirect(location) => redirect(context, location),
        EndSession::Form { action, fields } => {
            let form = Action::Form { address: action, label: Text::SignOutThereToo, fields };
            Verdict::Page(page(context, StatusCode::OK, (Text::SignedOutTitle, Text::OneStepLeft), form))
        }
    })
}

fn redirect(context: &RequestContext<'_>, location: String) -> Verdict {
    Verdict::Redirect(Redirect { status: context.redirect_status(), location, cookies: Vec::new() })
}

/// Whether a session that ended is the one that the request presented. The presented one was loaded without its tokens,
/// which stay in the store.
fn is_same(ended: &SessionRecord, loaded: &SessionRecord) -> bool {
    ended.application == loaded.application && ended.created == loaded.created
}

fn signed_out(context: &RequestContext<'_>) -> Page {
    let link = Action::Link { address: context.landing(), label: Text::SignInAgain };
    page(context, StatusCode::OK, (Text::SignedOutTitle, Text::SignedOut), link)
}

fn signed_out_here(context: &RequestContext<'_>, text: Text) -> Page {
    let link = Action::Link { address: context.landing(), label: Text::OpenApplication };
    let mut page = page(context, StatusCode::SERVICE_UNAVAILABLE, (Text::SignedOutHereTitle, text), link);
    page.headers.push(answers::retry_after());
    page.cookies = cookies::delete_all(context.application);
    page
}

/// A request from another site's image, link or script may have caused this, so the user has to confirm.
fn ask_first(context: &RequestContext<'_>) -> (Verdict, Reason) {
    let address = context.application.endpoint("sign_out");
    let form = Action::Form { address, label: Text::SignOut, fields: Vec::new() };
    let reason = Reason::SignOutUnconfirmed;
    if context.kind.reads_html() {
        let texts = (Text::SignOutQuestionTitle, Text::SignOutQuestion);
        return (Verdict::Page(page(context, StatusCode::OK, texts, form)), reason);
    }
    let texts = (Text::SignOutRefusedTitle, Text::SignOutRefused);
    (Verdict::Deny(page(context, StatusCode::FORBIDDEN, texts, form)), reason)
}

fn page(context: &RequestContext<'_>, status: StatusCode, (title, text): (Text, Text), action: Action) -> Page {
    context.pages().render(&Message { status, title, text: text.into(), id: "", action: Some(action) })
}
