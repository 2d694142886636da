//! A callback that cannot be used begins the sign-in again, a limited number of times.

use http::StatusCode;

use super::begin::{Beginning, begin_sign_in};
use super::go_on::go_on;
use super::return_address::return_address;
use super::step_up::asked_for;
use crate::domain::application::cookies::OwnCookies;
use crate::domain::audit::SignInFailure;
use crate::domain::decision::pages::Text;
use crate::domain::decision::{Reason, Verdict};
use crate::domain::oidc::sign_in::{Attempt, Mismatch, StartedBy};
use crate::outpost::answers;
use crate::outpost::errors::Outcome;
use crate::outpost::loaded_session::LoadedSession;
use crate::outpost::request_context::RequestContext;
use crate::outpost::services::Services;

const PASS_COOKIES_ON: &str = "if the browser accepts cookies: pass `cookie` on to the check and to the callback. Envoy: no `allowed_headers`, \
or `cookie` among them. Envoy Gateway: `headersToExtAuth`. Istio: `includeRequestHeadersInCheck`. Traefik: `authRequestHeaders`. nginx: \
`proxy_pass_request_headers on`";

/// Why a callback cannot be used, although a new attempt may succeed.
pub(super) enum Setback {
    /// Tabs that began at the same time each set a binding cookie, and this tab's was replaced. Until the last of them
    /// has set its own, this may happen again.
    Raced,
    /// The attempt expired, or the browser does not send the binding.
    Stale(Mismatch),
    UsedBefore,
    CodeRefused,
    /// The user's session at the provider ended while the code was redeemed.
    ProviderSessionEnded,
}

impl Setback {
    pub(super) fn of(mismatch: Mismatch, own: &OwnCookies) -> Self {
        if mismatch == Mismatch::OtherBrowser && !own.bindings.is_empty() { Self::Raced } else { Self::Stale(mismatch) }
    }

    /// The number of restarts after which the sign-in gives up. Browsers follow about 20 redirects in a row, and each
    /// restart takes two or three.
    const fn restarts(&self) -> u8 {
        match self {
            Self::Raced => 5,
            Self::Stale(_) | Self::UsedBefore | Self::CodeRefused | Self::ProviderSessionEnded => 1,
        }
    }

    const fn cause(&self) -> &'static str {
        match self {
            Self::Raced => "another tab replaced the binding",
            Self::Stale(Mismatch::Expired) => "the attempt has expired",
            Self::Stale(Mismatch::OtherBrowser) => "the request carries no binding cookie",
            Self::UsedBefore => "used before",
            Self::CodeRefused => "the provider refused the code",
            Self::ProviderSessionEnded => "the session at the provider ended meanwhile",
        }
    }
}

/// Handles a callback that cannot be used: a user who is signed in by now is redirected to the return address;
/// otherwise the sign-in starts again, a limited number of times.
pub(super) async fn restart(
    services: &Services,
    context: &mut RequestContext<'_>,
    own: &OwnCookies,
    attempt: &Attempt,
    setback: &Setback,
) -> Outcome {
    let location = return_address(context, own, attempt);
    if let Some(found) = services.find_session(context.application, own).await?.filter(|it| is_result_of(it, attempt)) {
        context.user = Some(found.name().to_owned());
        return Ok((go_on(context, location, Vec::new()), Reason::AlreadySignedIn));
    }
    let cause = setback.cause();
    if attempt.restarts() >= setback.restarts() {
        return Ok(gave_up(context, setback));
    }
    tracing::info!(decision_id = context.id, application = %context.application.slug, cause, "sign-in starts again");
    let restarts = attempt.restarts() + 1;
    let parameters = asked_for(context.application, attempt).map(|asked| asked.parameters()).unwrap_or_default();
    let beginning = Beginning { return_address: location, origin: attempt.origin(), restarts, parameters };
    begin_sign_in(services, context, own, beginning).await
}

/// Whether the user is signed in as the attempt was to achieve. A sign-in that was asked for although there was a session began
/// with that session, which would lead to the same question again.
fn is_result_of(found: &LoadedSession, attempt: &Attempt) -> bool {
    let created = found.session.record().created.as_unix();
    matches!(attempt.origin(), StartedBy::Request | StartedBy::Start) || created.saturating_mul(1000) >= attempt.began()
}

/// Neither this attempt nor its restarts succeeded.
fn gave_up(context: &RequestContext<'_>, setback: &Setback) -> (Verdict, Reason) {
    let no_cookie_at_all = context.request.head.headers.all("cookie").next().is_none();
    let (text, help) = if matches!(setback, Setback::Stale(Mismatch::OtherBrowser)) && no_cookie_at_all {
        (Text::NoCookie, PASS_COOKIES_ON)
    } else {
        (Text::NotCompleted, "")
    };
    let cause = setback.cause();
    if !help.is_empty() {
        tracing::warn!(decision_id = context.id, application = %context.application.slug, cause, help, "no cookie arrives at the callback: the browser does not store it, or a proxy in front removes it");
    }
    context.record_failure(SignInFailure::CallbackUnusable, None, &cause);
    answers::failed(context, StatusCode::BAD_REQUEST, text, cause)
}
