//! The page of the signed-in user's sessions over all applications of this outpost, on which the user ends them.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use http::StatusCode;
use url::form_urlencoded;

use super::errors::{Fault, Outcome};
use super::loaded_session::LoadedSession;
use super::request_context::RequestContext;
use super::services::Services;
use super::{answers, logout, sign_in};
use crate::domain::application::Application;
use crate::domain::application::cookies::OwnCookies;
use crate::domain::application::endpoints::SESSIONS;
use crate::domain::application::registry::Applications;
use crate::domain::audit::SessionEndCause;
use crate::domain::decision::pages::{Action, Message, NeededSignIn, SessionEntry, SessionList, Text};
use crate::domain::decision::{Reason, Redirect, Verdict};
use crate::domain::http::ClientKind;
use crate::domain::policy::{RECENT, is_recent, was_asked_in_vain};
use crate::domain::session::SessionKey;
use crate::domain::session::end_token::{Ends, end_token, is_end_token};
use crate::domain::time::Timestamp;
use crate::ports::ListedSession;

/// The query parameter with the token that ends one session.
const END: &str = "end";
/// The query parameter with the token that ends all sessions but this one.
const END_OTHERS: &str = "end_others";
/// As many sessions are shown, the newest.
const MOST_SHOWN: usize = 100;
/// As many sessions are ended at a time.
const ENDED_AT_ONCE: usize = 16;

/// A live session of the user, and its application.
struct OwnSession<'a> {
    application: &'a Arc<Application>,
    listed: ListedSession,
}

/// `sessions`: shows the user's sessions, and ends those that a form of the page names.
pub(super) async fn sessions(services: &Services, context: &mut RequestContext<'_>) -> Outcome {
    let is_post = context.request.head.method == "POST";
    if !is_post && context.request.head.method != "GET" {
        return Ok(answers::method_not_allowed(context, "GET, POST"));
    }
    if !context.kind.reads_html() {
        return Ok(for_browsers_only(context));
    }
    let own = OwnCookies::read(&context.request.head.headers, context.application)?;
    let Some(this) = services.find_session(context.application, &own).await? else {
        if context.kind == ClientKind::Navigation && context.request.head.target.query().is_none() {
            return sign_in::require(services, context, &own).await;
        }
        return Ok(answers::sign_in_required(context, context.application.endpoint(SESSIONS)));
    };
    context.user = Some(this.name().to_owned());
    if is_post && !is_from_own_page(context) {
        return Ok(refused(context, (Text::EndRefusedTitle, Text::EndRefused)));
    }
    let applications = services.parts.applications.load_full();
    let now = services.parts.clock.now();
    let all = live_sessions(services, &applications, &this, now).await?;
    if !is_post {
        return Ok(show(services, context, &this, &all, now));
    }
    let Some(named) = named(services, context, &this, &all) else {
        return Ok(refused(context, (Text::NothingEndedTitle, Text::NothingEnded)));
    };
    if !is_recent(this.session.record(), now) {
        return sign_in::to_end_sessions(services, context, &own).await;
    }
    end(services, context, named).await
}

/// The live sessions of this user, issuer and subject, at the applications of this outpost: the presented one first, then the newest.
async fn live_sessions<'a>(
    services: &Services,
    applications: &'a Applications,
    this: &LoadedSession,
    now: Timestamp,
) -> Result<Vec<OwnSession<'a>>, Fault> {
    let user = &this.session.record().user;
    let of = |listed: &ListedSession| {
        let record = listed.stored.session.record();
        let application = applications.iter().find(|application| application.slug == record.application)?;
        let (last_seen, lifetimes) = (listed.stored.last_seen, services.parts.lifetimes);
        listed.stored.session.live(last_seen, application.as_ref(), now, lifetimes)?;
        let is_over = services.pending_ends.contain(record.provider_session.as_deref());
        (record.user == *user && !is_over).then_some(application)
    };
    let found = services.parts.store.of_user(user).await?;
    let mut all: Vec<OwnSession<'_>> =
        found.into_iter().filter_map(|listed| Some(OwnSession { application: of(&listed)?, listed })).collect();
    all.sort_by_key(|own| (own.listed.key != this.key, Reverse(own.created())));
    Ok(all)
}

impl OwnSession<'_> {
    fn created(&self) -> Timestamp {
        self.listed.stored.session.record().created
    }

    /// The entry on the page that the session `this` is shown; `exact` is how exactly uses are recorded.
    fn entry(
        &self,
        this: &SessionKey,
        now: Timestamp,
        exact: Duration,
        end_token: impl FnOnce(&SessionKey) -> Option<String>,
    ) -> SessionEntry<'_> {
        let is_this = self.listed.key == *this;
        let unused = now.since(self.listed.stored.last_seen);
        SessionEntry {
            application: &self.application.name,
            age: now.since(self.created()),
            unused: Some(unused).filter(|unused| !is_this && *unused > exact),
            end_token: if is_this { None } else { end_token(&self.listed.key) },
            is_this,
        }
    }
}

fn show(
    services: &Services,
    context: &RequestContext<'_>,
    this: &LoadedSession,
    all: &[OwnSession<'_>],
    now: Timestamp,
) -> (Verdict, Reason) {
    let record = this.session.record();
    let (may_end, keys) = (is_recent(record, now), &services.parts.sealing);
    let others = all.iter().any(|own| own.listed.key != this.key);
    // Uses are recorded once in this interval.
    let exact = services.parts.lifetimes.touch_interval();
    let token = |key: &SessionKey| may_end.then(|| end_token(keys, &this.key, Ends::One(key)));
    let needed = (others && !may_end).then(|| NeededSignIn {
        limit: RECENT,
        in_vain: was_asked_in_vain(record),
        address: answers::start_again(context, &context.application.endpoint(SESSIONS)),
    });
    let list = SessionList {
        user: this.name(),
        shown: all.iter().take(MOST_SHOWN).map(|own| own.entry(&this.key, now, exact, token)).collect(),
        count: all.len(),
        end_others: (others && may_end).then(|| end_token(keys, &this.key, Ends::Others)),
        needed,
        sign_out: context.application.endpoint("sign_out"),
    };
    (Verdict::Page(context.pages().sessions(&list, [END, END_OTHERS])), Reason::SessionsShown)
}

/// The sessions that the token of the request ends; `None` if it is no token of this session, or if what it ends has ended.
fn named(
    services: &Services,
    context: &RequestContext<'_>,
    this: &LoadedSession,
    all: &[OwnSession<'_>],
) -> Option<Vec<SessionKey>> {
    let query = context.request.head.target.query().unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let (name, token) = parameters.next().filter(|_| parameters.next().is_none())?;
    let others = all.iter().map(|own| own.listed.key).filter(|key| *key != this.key);
    let is_token = |ends: Ends<'_>| is_end_token(&token, &services.parts.sealing, &this.key, ends);
    let named: Vec<SessionKey> = match name.as_ref() {
        END => others.filter(|key| is_token(Ends::One(key))).collect(),
        END_OTHERS if is_token(Ends::Others) => others.collect(),
        _ => Vec::new(),
    };
    (!named.is_empty()).then_some(named)
}

/// Ends the sessions, and leads back to the page. After a fault of the store they count as ended in this process all the same.
async fn end(services: &Services, context: &RequestContext<'_>, named: Vec<SessionKey>) -> Outcome {
    let store = &services.parts.store;
    let end = |key| async move { store.end(&key).await.map(|session| logout::ended_session(key, session)) };
    let ends = stream::iter(named).map(end).buffer_unordered(ENDED_AT_ONCE);
    let results: Vec<_> = ends.collect().await;
    let mut ended = Vec::new();
    let mut fault = None;
    for result in results {
        match result {
            Ok(sessions) => ended.extend(sessions),
            Err(next) => fault = Some(next),
        }
    }
    tracing::info!(decision_id = context.id, application = %context.application.slug, ended = ended.len(), "sessions ended by their user");
    logout::conclude(services, Some(context), SessionEndCause::SessionsPage, &ended);
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    let location = context.address_of(context.request.head.target.raw_path());
    let redirect = Redirect { status: StatusCode::SEE_OTHER, location, cookies: Vec::new() };
    Ok((Verdict::Redirect(redirect), Reason::SessionsEnded))
}

/// Whether a form may come from the page. A browser without Fetch Metadata sends the origin `null` from a page that sends no
/// referrer (Fetch standard, "append a request `Origin` header"), as this one; then the token alone decides, which no other page has.
fn is_from_own_page(context: &RequestContext<'_>) -> bool {
    let headers = &context.request.head.headers;
    match headers.text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => headers.text("origin").is_none_or(|origin| {
            origin == "null" || context.base().is_some_and(|base| base.trim_end_matches('/') == origin)
        }),
    }
}

fn refused(context: &RequestContext<'_>, (title, text): (Text, Text)) -> (Verdict, Reason) {
    let link = Action::Link { address: context.application.endpoint(SESSIONS), label: Text::OpenSessions };
    let message =
        Message { status: StatusCode::FORBIDDEN, title, text: text.into(), id: &context.id, action: Some(link) };
    (Verdict::Deny(context.pages().render(&message)), Reason::SessionEndRefused)
}

fn for_browsers_only(context: &RequestContext<'_>) -> (Verdict, Reason) {
    let (title, text) = (Text::YourSessions, Text::SessionsBrowsersOnly.into());
    let message = Message { status: StatusCode::NOT_ACCEPTABLE, title, text, id: &context.id, action: None };
    (Verdict::Deny(context.pages().render(&message)), Reason::SessionEndRefused)
}
