//! A request and its route: an application, one of Gatepost's own endpoints, or neither.

use std::sync::Arc;
use std::time::Duration;

use super::request::Request;
use crate::domain::application::endpoints::Destination;
use crate::domain::application::registry::Unrouted;
use crate::domain::application::{Application, Mode};
use crate::domain::http::Excess;

/// The longest wait of a request for a refresh: less than the timeout of a Check, so that the Check is still answered.
pub(super) const REFRESH_TIMEOUT: Duration = Duration::from_millis(700);

/// A request and its route.
pub struct RoutedRequest<'a> {
    pub(super) request: &'a Request,
    pub(super) route: Route,
    /// How long the request may wait for work that its answer does not require.
    pub(super) refresh_timeout: Duration,
    /// Called when the request begins to wait in a place of [`super::waits`].
    pub(super) on_wait: fn(),
}

pub(super) enum Route {
    /// The liveness probe, on any host.
    Probe,
    /// The request exceeds a size limit.
    Excessive(Excess),
    /// No application matches.
    Unrouted(Unrouted),
    /// The application as it was when the request came: a change of the configuration does not affect the request.
    Application(Arc<Application>, Destination),
}

impl RoutedRequest<'_> {
    /// Has `leave` called when the request begins to wait for the identity provider, or for a fixed time: from then on
    /// the outpost counts the request, and the protocol need not.
    #[must_use]
    pub fn when_waiting(self, leave: fn()) -> Self {
        Self { on_wait: leave, ..self }
    }

    /// Whether the request is for one of Gatepost's own endpoints, not for an application.
    #[must_use]
    pub fn is_own(&self) -> bool {
        match &self.route {
            Route::Probe => true,
            Route::Unrouted(_) | Route::Excessive(_) => false,
            Route::Application(_, destination) => *destination != Destination::Application,
        }
    }

    /// Whether the request exceeds a limit of the operator's, whatever its route.
    #[must_use]
    pub const fn is_excessive(&self) -> bool {
        matches!(self.route, Route::Excessive(_))
    }

    /// The application, if it is in mode `proxy`: its backend is named to Envoy, and no other protocol can use it.
    #[must_use]
    pub fn in_proxy_mode(&self) -> Option<&str> {
        match &self.route {
            Route::Application(application, _) if matches!(application.mode, Mode::Proxy(_)) => {
                Some(application.slug.as_str())
            }
            Route::Application(..) | Route::Probe | Route::Excessive(_) | Route::Unrouted(_) => None,
        }
    }

    /// Reduces the wait for a refresh so that the answer is sent within `limit`.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        let refresh_timeout = self.refresh_timeout.min(limit.mul_f64(0.7));
        Self { refresh_timeout, ..self }
    }

    /// Whether the answer may take as long as the provider takes: to redeem a code, or to verify a credential.
    #[must_use]
    pub fn takes_long(&self) -> bool {
        match &self.route {
            Route::Probe | Route::Excessive(_) | Route::Unrouted(_) | Route::Application(_, Destination::Nowhere) => {
                false
            }
            Route::Application(_, Destination::Endpoint(_)) => true,
            Route::Application(application, Destination::Application) => {
                application.credentials.apply_to(&self.request.head.headers)
            }
        }
    }
}
