//! The requests with which a sign-in begins: `start`, or a request of the application without a session.

use super::begin::{Beginning, begin_sign_in, only_parameter};
use super::session_limit;
use super::step_up;
use crate::domain::application::cookies::OwnCookies;
use crate::domain::application::endpoints::RETURN_PARAMETER;
use crate::domain::http::ClientKind;
use crate::domain::oidc::sign_in::StartedBy;
use crate::outpost::answers;
use crate::outpost::errors::Outcome;
use crate::outpost::request_context::RequestContext;
use crate::outpost::services::Services;

/// `start`: signs the user in and redirects to `rd` if that is an address of the application. A front proxy sends a
/// denied request here with any method, so a client that cannot follow a redirect gets the denial here as well.
pub(in crate::outpost) async fn start(services: &Services, context: &mut RequestContext<'_>) -> Outcome {
    let beginning = if let Some(original) = &context.request.redirected_from {
        Beginning::of_request(context.address_of(original.raw()))
    } else {
        let query = context.request.head.target.query().unwrap_or_default();
        let return_address = only_parameter(query, RETURN_PARAMETER)
            .map_or_else(|| context.landing(), |raw| context.return_address(&raw));
        let parameters = context.application.relying_party.authorization.forwarded_from(query);
        Beginning { return_address, origin: StartedBy::Start, restarts: 0, parameters }
    };
    if !begins_sign_in(context) {
        return Ok(answers::sign_in_required(context, beginning.return_address));
    }
    let own = OwnCookies::read(&context.request.head.headers, context.application)?;
    // A request for `start` itself asks for a sign-in, perhaps by the link of that page.
    if context.request.redirected_from.is_some()
        && let Some(page) = session_limit::ended_page(services, context, &own, &beginning.return_address).await?
    {
        return Ok(page);
    }
    let beginning = step_up::at_start(services, context, &own, beginning).await?;
    begin_sign_in(services, context, &own, beginning).await
}

/// A request without a session: a navigation is redirected to the provider; other clients get an answer that names the
/// sign-in address.
pub(in crate::outpost) async fn require(
    services: &Services,
    context: &RequestContext<'_>,
    own: &OwnCookies,
) -> Outcome {
    if context.kind != ClientKind::Navigation {
        return Ok(answers::sign_in_required(context, context.own_address()));
    }
    let beginning = Beginning::of_request(context.own_address());
    if let Some(page) = session_limit::ended_page(services, context, own, &beginning.return_address).await? {
        return Ok(page);
    }
    Box::pin(begin_sign_in(services, context, own, beginning)).await
}

/// Whether `start` was opened as an address: by a page load, or by a client that accepts any type and was shown the
/// link: another page with the same link would not help its user. nginx also sends denied requests here, those of scripts
/// and images too.
fn begins_sign_in(context: &RequestContext<'_>) -> bool {
    let opens =
        matches!(context.request.head.method.as_str(), "GET" | "HEAD") && context.request.redirected_from.is_none();
    context.kind == ClientKind::Navigation || (context.kind == ClientKind::Html && opens)
}
