//! The end of a sign-in: the browser goes on to the application.

use http::StatusCode;

use crate::domain::application::cookie_settings::SameSite;
use crate::domain::decision::pages::{Action, Message, Text};
use crate::domain::decision::{Page, Redirect, Verdict};
use crate::outpost::request_context::RequestContext;

/// Sends the browser to `location`. It comes from the provider's site, and sends no `SameSite=Strict` cookie with a redirect that
/// began there: then a page of ours leads on.
pub(super) fn go_on(context: &RequestContext<'_>, location: String, cookies: Vec<String>) -> Verdict {
    if context.application.cookie.same_site != SameSite::Strict {
        return Verdict::Redirect(Redirect { status: context.redirect_status(), location, cookies });
    }
    let action = Some(Action::Onward { address: location, label: Text::GoOn });
    let (title, text) = (Text::SignedInTitle, Text::SignedIn.into());
    let message = Message { status: StatusCode::OK, title, text, id: "", action };
    Verdict::Page(Page { cookies, ..context.pages().render(&message) })
}
