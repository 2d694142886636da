//! Previews the identity headers of a user at the sign-in, or at each request that presents a credential. Headers that
//! do not fit are refused; headers that are left out and claims that are ignored are logged once instead of at every
//! request.

use http::StatusCode;

use super::answers;
use super::request_context::RequestContext;
use super::services::Services;
use crate::domain::application::{Application, Mode};
use crate::domain::decision::pages::Text;
use crate::domain::decision::{Reason, Verdict};
use crate::domain::oidc::claims::Claims;
use crate::domain::policy::identity_headers::{self, Facts, OverBudget, UserFacts};

/// How many characters of a name are logged.
const LONGEST: usize = 80;

/// Checks whether the identity headers of a user fit into a request.
pub(super) fn preview(
    services: &Services,
    context: &RequestContext<'_>,
    about: UserFacts<'_>,
) -> Result<(), OverBudget> {
    let application = context.application;
    report_ignored_overrides(services, context, about.claims);
    let header_preview = services.with_outpost_facts(application, |outpost| {
        identity_headers::preview(
            &application.headers,
            &Facts { about, application: application.as_ref().into(), outpost },
        )
    });
    for (name, cause) in header_preview.dropped {
        let header: String = name.chars().take(LONGEST).collect();
        if is_news(services, application, &header) {
            tracing::warn!(decision_id = context.id, application = %application.slug, header, %cause, "header left out");
        }
    }
    for unnamed in header_preview.unnamed {
        if is_news(services, application, unnamed.header) {
            tracing::warn!(
                decision_id = context.id,
                application = %application.slug,
                header = unnamed.header,
                claim = unnamed.claim,
                cause = %unnamed.cause,
                "the header for the user's name has no value: let the provider send the claim, which is part of the scope \
                 `profile`, or set another claim for this header in `claim_headers`"
            );
        }
    }
    header_preview.fits
}

fn is_news(services: &Services, application: &Application, finding: &str) -> bool {
    services.reported.admit((application.slug.clone(), finding.to_owned())).is_some()
}

/// Logs which backend claims are ignored in mode `proxy`.
fn report_ignored_overrides(services: &Services, context: &RequestContext<'_>, claims: &Claims) {
    let Mode::Proxy(backends) = &context.application.mode else { return };
    for cause in backends.ignored_overrides(claims) {
        if is_news(services, context.application, &cause.to_string()) {
            tracing::warn!(decision_id = context.id, application = %context.application.slug, %cause, "a claim about the backend was ignored");
        }
    }
}

/// Denies the sign-in of a user whose identity headers do not fit.
pub(super) fn too_much(context: &RequestContext<'_>, over: &OverBudget) -> (Verdict, Reason) {
    let (verdict, _) = answers::failed(context, StatusCode::FORBIDDEN, Text::IdentityTooLarge, &over.to_string());
    (verdict, Reason::IdentityTooLarge)
}
