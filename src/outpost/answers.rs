//! Answers that need no port: denials, failure pages, the liveness probe.

use http::StatusCode;
use http::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use url::{Url, form_urlencoded};

use super::challenge;
use super::request_context::RequestContext;
use crate::domain::application::endpoints::SESSIONS;
use crate::domain::application::registry::Unrouted;
use crate::domain::application::return_address::ReturnAddress;
use crate::domain::audit::Denial;
use crate::domain::decision::pages::{Action, Message, Pages, Text};
use crate::domain::decision::{AuditRecord, Decision, Page, Reason, Verdict};
use crate::domain::http::{Excess, Header, TargetFault};
use crate::domain::oidc::credentials::{BearerError, Refusal, Scheme};
use crate::domain::policy::Forbidden;
use crate::domain::policy::identity::Identity;
use crate::domain::time::Timestamp;

/// The longest return address, in bytes, that a link to `start` carries.
const LONGEST_PARAMETER: usize = 1024;

pub(super) fn ping(id: String) -> Decision {
    let audit = AuditRecord { id, application: None, user: None, reason: Reason::Ping };
    Decision { verdict: Verdict::Page(Page::empty(StatusCode::NO_CONTENT)), audit }
}

/// Denies a request that exceeds a limit of the operator's (RFC 9110 section 15.5.15, RFC 6585 section 5).
pub(super) fn excessive(id: String, excess: Excess, pages: &Pages) -> Decision {
    let (status, reason, text) = match excess {
        Excess::Target { bytes, most } => {
            let limit = "limits.requests.max_target_size";
            tracing::info!(decision_id = id, bytes, most, limit, "a request was refused: path and query are too long");
            (StatusCode::URI_TOO_LONG, Reason::AddressTooLong, Text::AddressTooLong)
        }
        Excess::HeaderLines { count, most } => {
            let limit = "limits.requests.max_headers";
            tracing::info!(decision_id = id, count, most, limit, "a request was refused: it has too many header lines");
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Reason::TooManyHeaders, Text::TooManyHeaders)
        }
    };
    let message = Message { status, title: Text::RefusedTitle, text: text.into(), id: &id, action: None };
    let verdict = Verdict::Deny(pages.render(&message));
    Decision { verdict, audit: AuditRecord { id, application: None, user: None, reason } }
}

pub(super) fn unrouted(id: String, cause: Unrouted, pages: &Pages) -> Decision {
    let (status, reason, title, text) = match cause {
        Unrouted::UnknownHost => {
            (StatusCode::FORBIDDEN, Reason::UnknownHost, Text::UnknownAddressTitle, Text::UnknownHost)
        }
        Unrouted::UnknownApplication => {
            (StatusCode::FORBIDDEN, Reason::UnknownApplication, Text::UnknownAddressTitle, Text::UnknownApplication)
        }
        Unrouted::OddPath => (StatusCode::BAD_REQUEST, Reason::Malformed, Text::BadRequestTitle, Text::AmbiguousPath),
    };
    let message = Message { status, title, text: text.into(), id: &id, action: None };
    let verdict = Verdict::Deny(pages.render(&message));
    Decision { verdict, audit: AuditRecord { id, application: None, user: None, reason } }
}

/// Denies a request that could not be decided in time.
pub(super) fn overdue(context: &RequestContext<'_>) -> (Verdict, Reason) {
    let message = Message { action: Some(context.again()), ..overdue_message(&context.id) };
    let mut page = context.pages().render(&message);
    page.headers.push(retry_after());
    (Verdict::Deny(page), Reason::Overdue)
}

fn overdue_message(id: &str) -> Message<'_> {
    let (title, text) = (Text::UnavailableTitle, Text::Overdue.into());
    Message { status: StatusCode::SERVICE_UNAVAILABLE, title, text, id, action: None }
}

/// Denies a request that is not well-formed or not permitted on this protocol, in a form that its reader can
/// read.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a reason that is not told apart is a request's that cannot be read"
)]
pub(super) fn refuse(id: String, reason: Reason, pages: &Pages) -> Decision {
    let (status, title, text) = match reason {
        Reason::Overdue | Reason::Internal => (StatusCode::SERVICE_UNAVAILABLE, Text::UnavailableTitle, Text::Overdue),
        Reason::UntrustedPeer => (StatusCode::FORBIDDEN, Text::UntrustedPeerTitle, Text::UntrustedPeer),
        Reason::ModeProxy => (StatusCode::FORBIDDEN, Text::ModeProxyTitle, Text::ModeProxy),
        Reason::OwnEndpoint => (StatusCode::UNAUTHORIZED, Text::OwnEndpointTitle, Text::OwnEndpoint),
        _ => (StatusCode::BAD_REQUEST, Text::BadRequestTitle, Text::Malformed),
    };
    let action = match status {
        StatusCode::SERVICE_UNAVAILABLE => Some(Action::Again(String::new())),
        // The same address would be refused again; the root of the same host can be read in one way only.
        StatusCode::BAD_REQUEST => Some(Action::Link { address: "/".to_owned(), label: Text::TryStartPage }),
        _ => None,
    };
    let mut page = pages.render(&Message { status, title, text: text.into(), id: &id, action });
    if status == StatusCode::SERVICE_UNAVAILABLE {
        page.headers.push(retry_after());
    }
    Decision { verdict: Verdict::Deny(page), audit: AuditRecord { id, application: None, user: None, reason } }
}

/// The `Retry-After` header for a denial that is temporary, in seconds.
pub(super) const fn retry_after() -> Header {
    (RETRY_AFTER, HeaderValue::from_static("5"))
}

/// Denies a path that cannot be decoded, where the decision depends on how it is read.
pub(super) fn odd_path(context: &RequestContext<'_>, flaw: TargetFault) -> (Verdict, Reason) {
    let (application, why) =
        (&context.application.slug, "its rules for some paths or its `skip_path_regex` depend on the path");
    tracing::info!(decision_id = context.id, %application, %flaw, why, "a path that cannot be decoded was refused");
    let message = Message {
        status: StatusCode::BAD_REQUEST,
        title: Text::BadRequestTitle,
        text: Text::AmbiguousPath.into(),
        id: &context.id,
        action: None,
    };
    (Verdict::Deny(context.pages().render(&message)), Reason::Malformed)
}

pub(super) fn nowhere(context: &RequestContext<'_>) -> (Verdict, Reason) {
    let link = Action::Link { address: context.landing(), label: Text::OpenApplication };
    let (title, text) = (Text::NotFoundTitle, Text::NotFound.into());
    let message = Message { status: StatusCode::NOT_FOUND, title, text, id: &context.id, action: Some(link) };
    (Verdict::Deny(context.pages().render(&message)), Reason::UnknownEndpoint)
}

pub(super) fn method_not_allowed(context: &RequestContext<'_>, allowed: &'static str) -> (Verdict, Reason) {
    let (title, text) = (Text::MethodTitle, Text::Method.into());
    let message = Message { status: StatusCode::METHOD_NOT_ALLOWED, title, text, id: &context.id, action: None };
    let mut page = context.pages().render(&message);
    page.add(ALLOW, HeaderValue::from_static(allowed));
    (Verdict::Deny(page), Reason::MethodNotAllowed)
}

/// Denies a known user whom no rule allows. Another sign-in would end in the same denial, so the answer is never a
/// redirect.
pub(super) fn forbidden(
    context: &mut RequestContext<'_>,
    identity: &Identity,
    cause: Forbidden,
    now: Timestamp,
) -> (Verdict, Reason) {
    let rules = &context.application.rules;
    let cause = rules.explain(cause, identity.issued_claims(), identity.known_by(now), &context.request.head);
    tracing::info!(decision_id = context.id, application = %context.application.slug, %cause, "no access rule allows this user");
    context.record_denial(Denial::Forbidden, Some(identity), &cause);
    context.user = Some(identity.name().to_owned());
    let [sign_out, sessions] = ["sign_out", SESSIONS].map(|name| context.application.endpoint(name));
    let page = context.pages().forbidden(identity.name(), sign_out, sessions, &context.id);
    (Verdict::Deny(page), Reason::Forbidden)
}

/// No user is signed in, and the client is not redirected. The page for a person links to a sign-in that returns to
/// `address`, or to the page around it.
pub(super) fn sign_in_required(context: &RequestContext<'_>, address: String) -> (Verdict, Reason) {
    let (application, id) = (context.application, &context.id);
    let (start, link) = (application.endpoint("start"), start_again(context, &context.page_around(address)));
    let mut page = context.pages().sign_in_required(application.slug.as_str(), &start, link, id);
    if let Some(challenge) = challenge::without_credential(context) {
        // Some programs read the first challenge only.
        let others = std::mem::take(&mut page.headers);
        page.add(WWW_AUTHENTICATE, challenge);
        page.headers.extend(others);
    }
    (Verdict::Deny(page), Reason::SignInRequired)
}

/// Denies a credential that is not valid. Every kind of client gets 401, as none of them can repair the credential by
/// following a redirect; a bearer token that lacks a scope gets 403 (RFC 6750 section 3.1).
pub(super) fn credential_refused(context: &RequestContext<'_>, scheme: Scheme, cause: &Refusal) -> (Verdict, Reason) {
    let sign_in = Action::Link { address: context.application.endpoint("start"), label: Text::SignIn };
    let (status, error, scope, text) = match (scheme, cause) {
        (Scheme::Bearer, Refusal::Scope(scope)) => {
            (StatusCode::FORBIDDEN, BearerError::InsufficientScope, scope.as_str(), Text::CredentialScope)
        }
        (Scheme::Bearer | Scheme::Basic, _) => {
            (StatusCode::UNAUTHORIZED, BearerError::InvalidToken, "", Text::Credential)
        }
    };
    let message =
        Message { status, title: Text::CredentialTitle, text: text.into(), id: &context.id, action: Some(sign_in) };
    let mut page = context.pages().render(&message);
    page.add(WWW_AUTHENTICATE, challenge::of_refusal(context, scheme, error, scope));
    (Verdict::Deny(page), Reason::CredentialRefused)
}

/// A page that reports that the sign-in failed and links to the application, where another one begins.
pub(super) fn failed(context: &RequestContext<'_>, status: StatusCode, text: Text, cause: &str) -> (Verdict, Reason) {
    tracing::warn!(decision_id = context.id, application = %context.application.slug, cause, "sign-in failed");
    let again = Action::Link { address: context.landing(), label: Text::OpenApplication };
    let message =
        Message { status, title: Text::SignInFailedTitle, text: text.into(), id: &context.id, action: Some(again) };
    (Verdict::Deny(context.pages().render(&message)), Reason::SignInFailed)
}

/// The address that begins a sign-in which ends at `return_address`. An address that is too long for the link, or that
/// the rules for `rd` would change, is returned itself: no user is signed in, so requesting it begins a sign-in where
/// one is required.
pub(super) fn start_again(context: &RequestContext<'_>, return_address: &str) -> String {
    let kept = || context.base().and_then(|base| Url::parse(&base).ok());
    let checked = kept().and_then(|base| ReturnAddress::check(return_address, context.application, &base).ok());
    let fits = return_address.len() <= LONGEST_PARAMETER;
    if !fits || checked.is_none_or(|checked| checked.as_str() != return_address) {
        return return_address.to_owned();
    }
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("rd", return_address).finish();
    format!("{}?{query}", context.application.endpoint("start"))
}
