//! Logout by the provider: over the back channel by a direct call, or over the front channel by a frame in the browser.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;
use tokio::join;
use tokio::time::sleep;

use super::errors::{Fault, Outcome};
use super::loaded_session::LoadedSession;
use super::request::RequestBody;
use super::request_context::RequestContext;
use super::services::Services;
use super::waits::{self, WaitReason};
use super::{answers, audit};
use crate::domain::application::cookies::{self, OwnCookies};
use crate::domain::audit::SessionEndCause;
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::decision::pages::{self, Message, Text};
use crate::domain::decision::{Page, Reason, Verdict};
use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::logout_token::{self, Ending, VerifiedLogoutToken};
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::frontchannel_logout::{self, LogoutRequest};
use crate::domain::session::{Session, SessionKey};
use crate::ports::{Consumption, EndedSession, LogoutTokenFault, ProviderSessionEnd, StoreFault};

/// How long the answer to a frame that presents no session takes, whether a session ended or not: a store that writes
/// durably takes some milliseconds, which would otherwise reveal that there was one (FL-3).
const FRAME_TAKES: Duration = Duration::from_millis(100);

/// How long a sign-in can take from the provider's answer to its session. One that is under way while the provider reports the end of
/// its session there would save its own afterwards, and the provider does not report it again (BL-13). The mark lasts at least as long.
const SIGN_IN_TAKES: Duration = Duration::from_secs(60);

/// Why a back-channel logout is refused. No session ended.
#[derive(Debug, Error)]
enum Refused {
    #[error("this address is reached over https only")]
    PlainHttp,
    #[error("the front proxy did not send the request's body")]
    NoBody,
    #[error("the body is not a form of at most 64 KiB with exactly one `logout_token`")]
    NoForm,
    #[error(transparent)]
    Token(#[from] LogoutTokenFault),
    #[error("the logout token was used before")]
    Repeated,
    #[error("`sid` is another user's session than `sub` names")]
    OtherUser,
    #[error("sessions cannot be ended at the moment")]
    Store(#[from] StoreFault),
}

/// `backchannel_logout`: the provider reports ended sessions. A POST is answered by 200 or 400 and by no other status
/// (BL-15).
pub(super) async fn backchannel_logout(services: &Services, context: &RequestContext<'_>) -> Outcome {
    if context.request.head.method != "POST" {
        return Ok(answers::method_not_allowed(context, "POST"));
    }
    match logout_by_token(services, context).await {
        Ok(ended) => {
            tracing::info!(decision_id = context.id, application = %context.application.slug, ended = ended.len(), "a back-channel logout ended sessions");
            conclude(services, Some(context), SessionEndCause::BackchannelLogout, &ended);
            Ok((Verdict::Page(Page::empty(StatusCode::OK)), Reason::LogoutByProvider))
        }
        Err(refused) => Ok(logout_refused(context, &refused)),
    }
}

/// A token counts as used when its effect is durable. Ending sessions can be repeated, so it comes first: if the replay
/// key were stored first and the store then failed, the provider's second delivery would be refused and the logout
/// lost.
async fn logout_by_token(services: &Services, context: &RequestContext<'_>) -> Result<Vec<EndedSession>, Refused> {
    if context.comes_plainly() {
        return Err(Refused::PlainHttp);
    }
    let body = match &context.request.body {
        RequestBody::Whole(body) => body,
        RequestBody::Withheld => return Err(Refused::NoBody),
        RequestBody::Cut => return Err(Refused::NoForm),
    };
    let kind = context.request.head.headers.text("content-type");
    let raw = logout_token::in_form(kind, body).ok_or(Refused::NoForm)?;
    let token = services.parts.provider.verify_logout_token(&context.application.relying_party, &raw);
    let token = waits::wait_for(&services.waits, context, WaitReason::LogoutToken, token)
        .await
        .map_err(LogoutTokenFault::from)??;
    if services.parts.store.is_consumed(token.replay_key()).await? {
        return Err(Refused::Repeated);
    }
    let ended = end_named_sessions(services, &token).await?;
    match services.parts.store.consume_once(token.replay_key(), token.until()).await {
        Ok(Consumption::First) => {}
        // Two concurrent deliveries: the other one is answered by 200. The sessions that this one ended stay ended.
        Ok(Consumption::Repeated) => {
            conclude(services, Some(context), SessionEndCause::BackchannelLogout, &ended);
            return Err(Refused::Repeated);
        }
        Err(fault) => {
            let (decision_id, application) = (&context.id, &context.application.slug);
            tracing::warn!(decision_id, %application, %fault, "the sessions that a logout token names ended, but a second use of the token could not be ruled out");
        }
    }
    Ok(ended)
}

async fn end_named_sessions(services: &Services, token: &VerifiedLogoutToken) -> Result<Vec<EndedSession>, Refused> {
    match token.ending() {
        Ending::User(user) => Ok(services.parts.store.end_user(user).await?),
        Ending::ProviderSession(session, of) => {
            forbid_sign_ins(services, session).await?;
            match services.parts.store.end_provider_session(session, of.as_ref()).await? {
                ProviderSessionEnd::Ended(ended) => Ok(ended),
                ProviderSessionEnd::OtherUser => Err(Refused::OtherUser),
            }
        }
    }
}

/// `frontchannel_logout`: called in a frame of the provider's page. To a GET request the answer is the
/// same whether or not there was a session (FL-2, FL-3); only with a session cookie may it differ, by the cookies that it deletes,
/// or when the store fails.
pub(super) async fn frontchannel_logout(services: &Services, context: &mut RequestContext<'_>) -> Outcome {
    if context.request.head.method != "GET" {
        return Ok(answers::method_not_allowed(context, "GET"));
    }
    let own = OwnCookies::read(&context.request.head.headers, context.application)?;
    let mut cookies = Vec::new();
    let asked = LogoutRequest::read(context.request.head.target.query().unwrap_or_default());
    if let Some(asked) = asked.filter(|_| frontchannel_logout::may_come_from_a_frame(&context.request.head)) {
        match services.find_session(context.application, &own).await? {
            Some(found) => cookies = logout_of_browser(services, context, asked, &found).await?,
            None => logout_without_cookie(services, context, asked).await?,
        }
    }
    let mut page = frame(services, context);
    page.cookies = cookies;
    Ok((Verdict::Page(page), Reason::LogoutByProvider))
}

/// FL-2: ends the session of the browser, unless the frame asks for another one; returns the cookies that are deleted. The answer does
/// not tell why nothing ended, so the log does.
async fn logout_of_browser(
    services: &Services,
    context: &mut RequestContext<'_>,
    asked: LogoutRequest,
    found: &LoadedSession,
) -> Result<Vec<String>, Fault> {
    let record = found.session.record();
    if let Some(cause) = asked.misses(record) {
        let (decision_id, application) = (&context.id, &context.application.slug);
        tracing::warn!(decision_id, %application, cause, "a front-channel logout ended no session");
        return Ok(Vec::new());
    }
    context.user = Some(found.name().to_owned());
    let ended = match asked.provider_session(record.user.issuer.as_str().into()) {
        Some(session) => end_reported(services, &session, Some(&record.user)).await?,
        None => ended_session(found.key, services.parts.store.end(&found.key).await?),
    };
    log_frame(context, &ended);
    conclude(services, Some(context), SessionEndCause::FrontchannelLogout, &ended);
    Ok(cookies::delete_all(context.application))
}

/// FL-3: a client that knows the provider's session id may end that session, but learns nothing, not even whether it
/// existed. Any client can have many such frames under way, so each takes a place; without a free one it is refused
/// before anything ended, a hit as a miss.
async fn logout_without_cookie(
    services: &Services,
    context: &RequestContext<'_>,
    asked: LogoutRequest,
) -> Result<(), Fault> {
    // It cannot end a session, so its answer tells nothing and may come at once. Only the parameters count: the time must
    // not reveal which issuers are trusted.
    if !asked.is_complete() {
        log_frame(context, &[]);
        return Ok(());
    }
    let named = asked.provider_session((&context.application.relying_party).into());
    let ending = async {
        match &named {
            Some(session) => end_sessions_of(services, session, None).await,
            None => Ok(Vec::new()),
        }
    };
    let lasting = async { join!(ending, sleep(FRAME_TAKES)) };
    let (ended, ()) = waits::wait_in_place(&services.waits, context, WaitReason::FrontchannelLogout, lasting).await?;
    let ended = ended?;
    log_frame(context, &ended);
    // Nothing is revoked for a client that presents no session.
    record_ends(services, Some(context), SessionEndCause::FrontchannelLogout, &ended);
    Ok(())
}

/// No session begins of this provider session from now on. It comes before the end: a sign-in that saves its session before the end
/// loses it by the end, and one that saves it later asks [`may_begin`] afterwards. A client without a session must not come here: each
/// mark takes room in the store.
async fn forbid_sign_ins(services: &Services, ended: &ProviderSession) -> Result<(), StoreFault> {
    let until = services.parts.clock.now().plus(SIGN_IN_TAKES);
    let mark = ReplayKey::provider_session_ended(&ended.issuer, &ended.id);
    services.parts.store.consume_once(&mark, until).await.map(|_| ())
}

/// Whether the provider session of a session that was just saved has not ended meanwhile.
pub(super) async fn may_begin(services: &Services, begun_of: Option<&ProviderSession>) -> Result<bool, StoreFault> {
    let Some(ProviderSession { issuer, id }) = begun_of else { return Ok(true) };
    Ok(!services.parts.store.is_consumed(&ReplayKey::provider_session_ended(issuer, id)).await?)
}

/// Ends the sessions of a provider session of which a trusted report says that it ended, those that begin meanwhile included.
async fn end_reported(
    services: &Services,
    session: &ProviderSession,
    of: Option<&User>,
) -> Result<Vec<EndedSession>, StoreFault> {
    forbid_sign_ins(services, session).await?;
    end_sessions_of(services, session, of).await
}

async fn end_sessions_of(
    services: &Services,
    session: &ProviderSession,
    of: Option<&User>,
) -> Result<Vec<EndedSession>, StoreFault> {
    match services.parts.store.end_provider_session(session, of).await? {
        ProviderSessionEnd::Ended(ended) => Ok(ended),
        ProviderSessionEnd::OtherUser => Ok(Vec::new()),
    }
}

fn frame(services: &Services, context: &RequestContext<'_>) -> Page {
    let relying_party = &context.application.relying_party;
    let metadata = services.parts.provider.cached_metadata(relying_party);
    let (title, text) = (Text::SignedOutTitle, Text::ProviderSignedOut.into());
    let message = Message { status: StatusCode::OK, title, text, id: "", action: None };
    context.pages().framed(&message, &frontchannel_logout::ancestors(&relying_party.issuer, metadata.as_deref()))
}

/// Ends the sessions that belong to the provider session `id` at any of the issuers; returns how many. A fault at one issuer
/// keeps no session of another one.
pub(super) async fn end_everywhere(
    services: &Services,
    id: &str,
    issuers: &BTreeSet<String>,
) -> Result<usize, StoreFault> {
    let (mut count, mut failed) = (0, None);
    for issuer in issuers {
        let session = ProviderSession { issuer: issuer.clone(), id: id.to_owned() };
        match end_reported(services, &session, None).await {
            Ok(ended) => {
                conclude(services, None, SessionEndCause::Authentik, &ended);
                count += ended.len();
            }
            Err(fault) => failed = Some(fault),
        }
    }
    failed.map_or(Ok(count), Err)
}

/// The session that was stored under this key and ended, if there was one.
pub(super) fn ended_session(key: SessionKey, session: Option<Arc<Session>>) -> Vec<EndedSession> {
    session.map(|session| EndedSession { key, session }).into_iter().collect()
}

/// What follows when sessions have ended: the ends are recorded in the audit stream, and the refresh tokens are revoked.
pub(super) fn conclude(
    services: &Services,
    context: Option<&RequestContext<'_>>,
    cause: SessionEndCause,
    ended: &[EndedSession],
) {
    record_ends(services, context, cause, ended);
    revoke(services, ended);
}

/// Records the ends of sessions in the audit stream.
pub(super) fn record_ends(
    services: &Services,
    context: Option<&RequestContext<'_>>,
    cause: SessionEndCause,
    ended: &[EndedSession],
) {
    for EndedSession { key, session } in ended {
        services.parts.audit.record(|| audit::session_ended(*key, session.record(), cause, context));
    }
}

/// Has the refresh tokens of ended sessions revoked, each by the client to which it was issued (RFC 7009). The work
/// runs in the background.
fn revoke(services: &Services, ended: &[EndedSession]) {
    let applications = services.parts.applications.load_full();
    for record in ended.iter().map(|ended| ended.session.record()) {
        let Some(refresh_token) = record.refresh_token() else { continue };
        let of_client = applications.iter().find(|application| {
            let relying_party = &application.relying_party;
            application.slug == record.application
                && TrustedIssuer::from(relying_party).includes(&record.user.issuer)
                && relying_party.client_id == record.client_id
        });
        if let Some(application) = of_client {
            services.parts.provider.revoke(&application.relying_party, refresh_token);
        }
    }
}

fn log_frame(context: &RequestContext<'_>, ended: &[EndedSession]) {
    tracing::info!(decision_id = context.id, application = %context.application.slug, ended = ended.len(), "a front-channel logout ended sessions");
}

fn logout_refused(context: &RequestContext<'_>, refused: &Refused) -> (Verdict, Reason) {
    let (decision_id, application) = (&context.id, &context.application.slug);
    let reason = match refused {
        Refused::NoBody => {
            let help = "let the front proxy send it (`check_settings.with_request_body`, see envoy/inside-the-check), or route \
                        this path to Gatepost's HTTP listener";
            tracing::warn!(decision_id, %application, help, "a back-channel logout request has no body");
            Reason::LogoutRefused
        }
        Refused::Store(fault) => {
            tracing::warn!(decision_id, %application, %fault, "a logout by the provider could not be carried out; the provider has to repeat it");
            Reason::StoreUnavailable
        }
        cause @ (Refused::PlainHttp | Refused::NoForm | Refused::Token(_) | Refused::Repeated | Refused::OtherUser) => {
            tracing::warn!(decision_id, %application, %cause, "a logout by the provider was refused");
            Reason::LogoutRefused
        }
    };
    (Verdict::Deny(pages::logout_refused(&refused.to_string())), reason)
}
