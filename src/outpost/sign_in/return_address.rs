//! The return address of a sign-in attempt: sealed in the attempt, or in a cookie.

use crate::domain::application::cookies::OwnCookies;
use crate::domain::application::return_cookie;
use crate::domain::oidc::sign_in::Attempt;
use crate::outpost::request_context::RequestContext;

/// The return address of an attempt, checked again; `None` when it is lost.
pub(super) fn kept_address(context: &RequestContext<'_>, own: &OwnCookies, attempt: &Attempt) -> Option<String> {
    let address = attempt.return_address().map(str::to_owned).or_else(|| return_cookie::kept(own, attempt))?;
    Some(context.address_as_asked(&address))
}

/// The return address of an attempt, or the landing address when it is lost.
pub(super) fn return_address(context: &RequestContext<'_>, own: &OwnCookies, attempt: &Attempt) -> String {
    if let Some(address) = kept_address(context, own, attempt) {
        return address;
    }
    let cause = "the cookie that held it did not come back; other tabs may have replaced it";
    tracing::info!(decision_id = context.id, application = %context.application.slug, cause, "return address lost");
    context.landing()
}
