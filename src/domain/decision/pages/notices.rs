//! Pages about a sign-in that is required, a user without access, and a sign-in of another kind.

use std::time::Duration;

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use super::message::{Action, Message};
use super::render::Pages;
use super::texts::Text;
use crate::domain::decision::Page;
use crate::domain::http::ClientKind;
use crate::domain::policy::span;

/// What the access rules ask of a user who is signed in in another way.
#[derive(Debug)]
pub struct StepUp<'a> {
    /// The user's name.
    pub user: &'a str,
    /// Authentication context classes, of which one is needed; empty for any.
    pub acr: &'a [String],
    /// How long ago the user may have signed in at the provider.
    pub max_age: Option<Duration>,
    /// Whether the provider was asked already, in vain.
    pub was_asked: bool,
    /// Whether the provider does not tell when the user signed in, although that is asked for.
    pub lacks_time: bool,
    /// The address that begins such a sign-in.
    pub sign_in: String,
}

impl Pages {
    /// The 401 for a client that is not redirected. It names the sign-in address in the challenge and, for programs, in the
    /// field `sign_in`; for a person it contains a link that returns to the current page.
    #[must_use]
    pub fn sign_in_required(&self, realm: &str, sign_in: &str, link: String, id: &str) -> Page {
        let mut page = match self.kind() {
            ClientKind::Navigation | ClientKind::Html | ClientKind::Frame => {
                let action = Some(Action::Link { address: link, label: Text::SignIn });
                let (title, text) = (Text::SignInRequiredTitle, Text::SignInRequired.into());
                self.render(&Message { status: StatusCode::UNAUTHORIZED, title, text, id, action })
            }
            ClientKind::Grpc => Page {
                body: format!("sign-in required: open {sign_in} in a browser"),
                ..Page::empty(StatusCode::UNAUTHORIZED)
            },
            ClientKind::Script | ClientKind::WebSocket | ClientKind::Preflight => {
                let body = serde_json::json!({ "error": "sign_in_required", "sign_in": sign_in }).to_string();
                Page { content_type: "application/json", body, ..Page::empty(StatusCode::UNAUTHORIZED) }
            }
        };
        let challenge = format!("Gatepost realm=\"{realm}\", sign_in=\"{sign_in}\"");
        page.add(WWW_AUTHENTICATE, challenge);
        page
    }

    /// The 403 for a known user whom no rule allows: never a redirect, as another sign-in would end in the same denial. A
    /// person gets links to sign out, and to the page of the user's sessions.
    #[must_use]
    pub fn forbidden(&self, user: &str, sign_out: String, sessions: String, id: &str) -> Page {
        let (user, status) = (in_one_line(user), StatusCode::FORBIDDEN);
        match self.kind() {
            ClientKind::Navigation | ClientKind::Html | ClientKind::Frame | ClientKind::Grpc => {
                let action = Some(Action::Links([(sign_out, Text::SignOut), (sessions, Text::YourSessions)]));
                let values = [("user", user.as_str())];
                let text = Text::Forbidden.with(&values);
                self.render(&Message { status, title: Text::ForbiddenTitle, text, id, action })
            }
            ClientKind::Script | ClientKind::WebSocket | ClientKind::Preflight => {
                let body =
                    serde_json::json!({ "error": "forbidden", "user": user, "sign_out": sign_out, "decision_id": id });
                Page { content_type: "application/json", body: body.to_string(), ..Page::empty(status) }
            }
        }
    }

    /// The 403 for a known user of whom the access rules ask another sign-in: not a 401, which would make programs sign in by
    /// themselves, over and over. The name of the error is that of RFC 9470 section 3.
    #[must_use]
    pub fn step_up(&self, asked: &StepUp<'_>, id: &str) -> Page {
        let (user, status) = (in_one_line(asked.user), StatusCode::FORBIDDEN);
        if !(self.kind().reads_html() || self.kind() == ClientKind::Grpc) {
            let body = serde_json::json!({
                "error": "insufficient_user_authentication", "user": user, "acr_values": asked.acr.join(" "),
                "max_age": asked.max_age.map(|max_age| max_age.as_secs()), "sign_in": asked.sign_in, "decision_id": id,
            });
            let content_type = "application/json";
            return Page { content_type, body: body.to_string(), ..Page::empty(status) };
        }
        let text = match (asked.acr, asked.max_age) {
            ([], _) => Text::StepUpMaxAge,
            (_, None) => Text::StepUpAcr,
            (_, Some(_)) => Text::StepUpAcrAndMaxAge,
        };
        let next = match (asked.was_asked, asked.lacks_time) {
            (false, _) => Text::StepUpNotAsked,
            (true, false) => Text::StepUpInVain,
            (true, true) => Text::StepUpWithoutTime,
        };
        let (or, age) = (self.value(Text::Or), asked.max_age.map(span).unwrap_or_default());
        let acr = asked.acr.join(&format!(" {or} "));
        let values = [("user", user.as_str()), ("acr", &acr), ("age", &age)];
        let action = Some(Action::Link { address: asked.sign_in.clone(), label: Text::SignInAgain });
        self.render(&Message { status, title: Text::StepUpTitle, text: text.with(&values).then(next), id, action })
    }
}

/// Control characters could break the single line for gRPC or rearrange the page.
fn in_one_line(user: &str) -> String {
    user.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}

/// The answer to a refused logout token (Back-Channel Logout section 2.8), as JSON.
#[must_use]
pub fn logout_refused(cause: &str) -> Page {
    let body = serde_json::json!({ "error": "invalid_request", "error_description": cause });
    Page { content_type: "application/json", body: body.to_string(), ..Page::empty(StatusCode::BAD_REQUEST) }
}
