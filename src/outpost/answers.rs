//! Answers that need no port: refusals, redirects to https, the liveness probe.

use std::borrow::Cow;

use super::Visit;
use crate::domain::access::Forbidden;
use crate::domain::applications::NotOurs;
use crate::domain::credentials::Scheme;
use crate::domain::decision::{Decision, Header, Note, Reason, Verdict};
use crate::domain::identity::Identity;
use crate::domain::pages::{self, Action, Message};
use crate::domain::request::ClientKind;

pub(super) fn ping(id: String) -> Decision {
    let note = Note { id, application: None, user: None, reason: Reason::Ping };
    Decision { verdict: Verdict::Page(pages::empty(204)), note }
}

pub(super) fn not_ours(id: String, cause: NotOurs, kind: ClientKind) -> Decision {
    let (reason, text) = match cause {
        NotOurs::UnknownHost => (Reason::UnknownHost, "No application is configured for this address."),
        NotOurs::UnknownApplication => (
            Reason::UnknownApplication,
            "The front proxy names an application that is not configured for this address.",
        ),
    };
    let message = Message { status: 403, title: "Unknown address", text, id: &id, action: None };
    let verdict = Verdict::Deny(pages::render(&message, kind));
    Decision { verdict, note: Note { id, application: None, user: None, reason } }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a reason that is not told apart is a request's that cannot be read"
)]
pub(super) fn refuse(id: String, reason: Reason) -> Decision {
    let (status, title, text) = match reason {
        Reason::Overdue | Reason::Internal => {
            (503, "Temporarily unavailable", "The server could not decide in time. Please try again.")
        }
        Reason::UntrustedPeer => (403, "Not a front proxy", "Nobody may ask here but the operator's front proxies."),
        Reason::ModeProxy => (403, "Not for this front proxy", "This application is reached through Envoy only."),
        Reason::OwnEndpoint => (401, "Not for a front proxy", "This address answers the browser's own visits only."),
        _ => (400, "Bad request", "The request is incomplete, or can be read in more than one way."),
    };
    let message = Message { status, title, text, id: &id, action: None };
    let mut page = pages::render(&message, ClientKind::Script);
    if status == 503 {
        page.headers.push(retry_after());
    }
    Decision { verdict: Verdict::Deny(page), note: Note { id, application: None, user: None, reason } }
}

/// When a browser may try again, in seconds.
pub(super) fn retry_after() -> Header {
    (Cow::Borrowed("retry-after"), "5".to_owned())
}

pub(super) fn nowhere(visit: &Visit<'_>) -> (Verdict, Reason) {
    let link = Action::Link { address: visit.landing(), label: "Open the application" };
    let text = "There is nothing at this address.";
    let message = Message { status: 404, title: "Not found", text, id: &visit.id, action: Some(link) };
    (Verdict::Deny(pages::render(&message, visit.kind)), Reason::UnknownEndpoint)
}

pub(super) fn method_not_allowed(visit: &Visit<'_>, allowed: &'static str) -> (Verdict, Reason) {
    let text = "This address does not take that method.";
    let message = Message { status: 405, title: "Method not allowed", text, id: &visit.id, action: None };
    let mut page = pages::render(&message, visit.kind);
    page.headers.push((Cow::Borrowed("allow"), allowed.to_owned()));
    (Verdict::Deny(page), Reason::MethodNotAllowed)
}

/// A known user whom no rule lets pass. Signing in again would end here again, so it is never a redirect.
pub(super) fn forbidden(visit: &mut Visit<'_>, identity: &Identity, cause: Forbidden) -> (Verdict, Reason) {
    tracing::debug!(decision_id = visit.id, application = %visit.application.slug, ?cause, "no rule lets this user pass");
    visit.user = Some(identity.name().to_owned());
    let sign_out = visit.application.endpoint("sign_out");
    let page = pages::forbidden(visit.kind, identity.name(), sign_out, &visit.id);
    (Verdict::Deny(page), Reason::Forbidden)
}

pub(super) fn sign_in_required(visit: &Visit<'_>) -> (Verdict, Reason) {
    let page =
        pages::sign_in_required(visit.kind, visit.application.slug.as_str(), &visit.application.endpoint("start"));
    (Verdict::Deny(page), Reason::SignInRequired)
}

/// A credential that is not valid: said to every kind of client alike, as none of them can repair it by a redirect.
pub(super) fn credential_refused(visit: &Visit<'_>, scheme: Scheme) -> (Verdict, Reason) {
    let sign_in = Action::Link { address: visit.application.endpoint("start"), label: "Sign in" };
    let text = "The credentials that were sent with this request are not valid here.";
    let message = Message { status: 401, title: "Not accepted", text, id: &visit.id, action: Some(sign_in) };
    let mut page = pages::render(&message, visit.kind);
    page.headers.push((Cow::Borrowed("www-authenticate"), scheme.challenge(visit.application.slug.as_str())));
    (Verdict::Deny(page), Reason::CredentialRefused)
}
