//! Answers that need no port: denials, failure pages, the liveness probe.

use http::StatusCode;
use http::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use url::{Url, form_urlencoded};

use super::challenge;
use super::request_context::RequestContext;
use crate::domain::application::registry::Unrouted;
use crate::domain::application::return_address::ReturnAddress;
use crate::domain::decision::pages::{self, Action, Message};
use crate::domain::decision::{AuditRecord, Decision, Page, Reason, Verdict};
use crate::domain::http::{ClientKind, Excess, Header, TargetFault};
use crate::domain::oidc::credentials::{BearerError, Refusal, Scheme};
use crate::domain::policy::Forbidden;
use crate::domain::policy::identity::Identity;
use crate::domain::time::Timestamp;

/// The longest return address, in bytes, that a link to `start` carries.
const LONGEST_PARAMETER: usize = 1024;
/// The text about a path that can be read in several ways, where the decision depends on the reading.
const ODD_PATH: &str = "The path of this address can be read in more than one way.";

pub(super) fn ping(id: String) -> Decision {
    let audit = AuditRecord { id, application: None, user: None, reason: Reason::Ping };
    Decision { verdict: Verdict::Page(Page::empty(StatusCode::NO_CONTENT)), audit }
}

/// Denies a request that exceeds a limit of the operator's (RFC 9110 section 15.5.15, RFC 6585 section 5).
pub(super) fn excessive(id: String, excess: Excess, kind: ClientKind) -> Decision {
    let (status, reason, text) = match excess {
        Excess::Target { bytes, most } => {
            let limit = "limits.requests.max_target_size";
            tracing::info!(decision_id = id, bytes, most, limit, "a request was refused: path and query are too long");
            (StatusCode::URI_TOO_LONG, Reason::AddressTooLong, "The address is longer than this server accepts.")
        }
        Excess::HeaderLines { count, most } => {
            let limit = "limits.requests.max_headers";
            tracing::info!(decision_id = id, count, most, limit, "a request was refused: it has too many header lines");
            (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                Reason::TooManyHeaders,
                "The request has more headers than this server accepts.",
            )
        }
    };
    let message = Message { status, title: "Request refused", text, id: &id, action: None };
    let verdict = Verdict::Deny(pages::render(&message, kind));
    Decision { verdict, audit: AuditRecord { id, application: None, user: None, reason } }
}

pub(super) fn unrouted(id: String, cause: Unrouted, kind: ClientKind) -> Decision {
    let (status, reason, title, text) = match cause {
        Unrouted::UnknownHost => (
            StatusCode::FORBIDDEN,
            Reason::UnknownHost,
            "Unknown address",
            "No application is configured for this address.",
        ),
        Unrouted::UnknownApplication => (
            StatusCode::FORBIDDEN,
            Reason::UnknownApplication,
            "Unknown address",
            "The front proxy names an application that is not configured for this address.",
        ),
        Unrouted::OddPath => (StatusCode::BAD_REQUEST, Reason::Malformed, "Bad request", ODD_PATH),
    };
    let message = Message { status, title, text, id: &id, action: None };
    let verdict = Verdict::Deny(pages::render(&message, kind));
    Decision { verdict, audit: AuditRecord { id, application: None, user: None, reason } }
}

/// Denies a request that could not be decided in time.
pub(super) fn overdue(context: &RequestContext<'_>) -> (Verdict, Reason) {
    let message = Message { action: Some(context.again()), ..overdue_message(&context.id) };
    let mut page = pages::render(&message, context.kind);
    page.headers.push(retry_after());
    (Verdict::Deny(page), Reason::Overdue)
}

const fn overdue_message(id: &str) -> Message<'_> {
    let text = "The server could not decide in time. Please try again.";
    Message { status: StatusCode::SERVICE_UNAVAILABLE, title: "Temporarily unavailable", text, id, action: None }
}

/// Denies a request that is not well-formed or not permitted on this protocol, in a form that this kind of client can
/// read.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a reason that is not told apart is a request's that cannot be read"
)]
pub(super) fn refuse(id: String, reason: Reason, kind: ClientKind) -> Decision {
    let (status, title, text) = match reason {
        Reason::Overdue | Reason::Internal => {
            let Message { status, title, text, .. } = overdue_message(&id);
            (status, title, text)
        }
        Reason::UntrustedPeer => {
            (StatusCode::FORBIDDEN, "Not a front proxy", "Only the operator's front proxies may send requests here.")
        }
        Reason::ModeProxy => {
            (StatusCode::FORBIDDEN, "Not for this front proxy", "This application is reached through Envoy only.")
        }
        Reason::OwnEndpoint => (
            StatusCode::UNAUTHORIZED,
            "Not for a front proxy",
            "This address answers browsers only, not the subrequests of a front proxy.",
        ),
        _ => {
            (StatusCode::BAD_REQUEST, "Bad request", "The request is incomplete, or can be read in more than one way.")
        }
    };
    let action = match status {
        StatusCode::SERVICE_UNAVAILABLE => Some(Action::Again(String::new())),
        // The same address would be refused again; the root of the same host can be read in one way only.
        StatusCode::BAD_REQUEST => Some(Action::Link { address: "/".to_owned(), label: "Try again at the start page" }),
        _ => None,
    };
    let mut page = pages::render(&Message { status, title, text, id: &id, action }, kind);
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
        title: "Bad request",
        text: ODD_PATH,
        id: &context.id,
        action: None,
    };
    (Verdict::Deny(pages::render(&message, context.kind)), Reason::Malformed)
}

pub(super) fn nowhere(context: &RequestContext<'_>) -> (Verdict, Reason) {
    let link = Action::Link { address: context.landing(), label: "Open the application" };
    let text = "There is nothing at this address.";
    let message =
        Message { status: StatusCode::NOT_FOUND, title: "Not found", text, id: &context.id, action: Some(link) };
    (Verdict::Deny(pages::render(&message, context.kind)), Reason::UnknownEndpoint)
}

pub(super) fn method_not_allowed(context: &RequestContext<'_>, allowed: &'static str) -> (Verdict, Reason) {
    let text = "This address does not support that method.";
    let message = Message {
        status: StatusCode::METHOD_NOT_ALLOWED,
        title: "Method not allowed",
        text,
        id: &context.id,
        action: None,
    };
    let mut page = pages::render(&message, context.kind);
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
    context.user = Some(identity.name().to_owned());
    let sign_out = context.application.endpoint("sign_out");
    let page = pages::forbidden(context.kind, identity.name(), sign_out, &context.id);
    (Verdict::Deny(page), Reason::Forbidden)
}

/// No user is signed in, and the client is not redirected. The page for a person links to a sign-in that returns to
/// `address`, or to the page around it.
pub(super) fn sign_in_required(context: &RequestContext<'_>, address: String) -> (Verdict, Reason) {
    let (application, id) = (context.application, &context.id);
    let (start, link) = (application.endpoint("start"), start_again(context, &context.page_around(address)));
    let mut page = pages::sign_in_required(context.kind, application.slug.as_str(), &start, link, id);
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
    let sign_in = Action::Link { address: context.application.endpoint("start"), label: "Sign in" };
    let (status, error, scope, text) = match (scheme, cause) {
        (Scheme::Bearer, Refusal::Scope(scope)) => (
            StatusCode::FORBIDDEN,
            BearerError::InsufficientScope,
            scope.as_str(),
            "The credentials that were sent with this request lack a scope that is needed here.",
        ),
        (Scheme::Bearer | Scheme::Basic, _) => (
            StatusCode::UNAUTHORIZED,
            BearerError::InvalidToken,
            "",
            "The credentials that were sent with this request are not valid here.",
        ),
    };
    let message = Message { status, title: "Not accepted", text, id: &context.id, action: Some(sign_in) };
    let mut page = pages::render(&message, context.kind);
    page.add(WWW_AUTHENTICATE, challenge::of_refusal(context, scheme, error, scope));
    (Verdict::Deny(page), Reason::CredentialRefused)
}

/// A page that reports that the sign-in failed and links to the application, where another one begins.
pub(super) fn failed(context: &RequestContext<'_>, status: StatusCode, text: &str, cause: &str) -> (Verdict, Reason) {
    tracing::warn!(decision_id = context.id, application = %context.application.slug, cause, "sign-in failed");
    let again = Action::Link { address: context.landing(), label: "Open the application" };
    let message = Message { status, title: "Sign-in failed", text, id: &context.id, action: Some(again) };
    (Verdict::Deny(pages::render(&message, context.kind)), Reason::SignInFailed)
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
