//! What claims say about the backend in vain is said once, at the sign-in: at every Check it would be said without end.

use super::Visit;
use crate::domain::application::Mode;
use crate::domain::claims::Claims;

/// Logs what of these claims is not followed in mode `proxy`.
pub(super) fn warn_of_unheeded(visit: &Visit<'_>, claims: &Claims) {
    let Mode::Proxy(backends) = &visit.application.mode else { return };
    for cause in backends.unheeded(claims) {
        tracing::warn!(decision_id = visit.id, application = %visit.application.slug, %cause, "a claim about the backend is not followed");
    }
}
