//! A request, and where it belongs: to an application, to one of our endpoints, or to no application.

use std::sync::Arc;
use std::time::Duration;

use super::request_body::RequestBody;
use crate::domain::application::endpoints::Destination;
use crate::domain::application::registry::Unrouted;
use crate::domain::application::{Application, Mode};
use crate::domain::http::{Excess, RequestHead, RequestTarget};

/// The longest that a request waits for a renewal: less than a Check may take, so that it is answered all the same.
pub(super) const REFRESH_PATIENCE: Duration = Duration::from_millis(700);

/// A request and whose business it is.
pub struct RoutedRequest<'a> {
    pub(super) head: &'a RequestHead,
    pub(super) route: Route<'a>,
    pub(super) body: RequestBody<'a>,
    /// The target of the request that a front proxy leads to `start` for, where it says so.
    pub(super) asked: Option<&'a RequestTarget>,
    pub(super) patience: Duration,
    pub(super) on_wait: fn(),
}

pub(super) enum Route<'a> {
    /// The liveness probe, on any host.
    Probe,
    /// Too large to be looked at.
    Excessive(Excess),
    /// No application's.
    Unrouted(Unrouted),
    Application(&'a Arc<Application>, Destination),
}

impl<'a> RoutedRequest<'a> {
    /// The same with what the door brought of the request's body.
    #[must_use]
    pub fn with_body(self, body: RequestBody<'a>) -> Self {
        Self { body, ..self }
    }

    /// The same, which tells the door by `leave` when it begins to wait for the identity provider: from then on the outpost
    /// counts it, and the door need not.
    #[must_use]
    pub fn when_waiting(self, leave: fn()) -> Self {
        Self { on_wait: leave, ..self }
    }

    /// The same with the target of the request that a front proxy leads to `start` for.
    #[must_use]
    pub fn on_behalf_of(self, asked: Option<&'a RequestTarget>) -> Self {
        Self { asked, ..self }
    }
}

impl RoutedRequest<'_> {
    /// Whether it is for one of our own endpoints, not for an application.
    #[must_use]
    pub fn is_own(&self) -> bool {
        match self.route {
            Route::Probe => true,
            Route::Unrouted(_) | Route::Excessive(_) => false,
            Route::Application(_, destination) => destination != Destination::Application,
        }
    }

    /// Whether it exceeds a limit of the operator's, whoever it is for.
    #[must_use]
    pub const fn is_excessive(&self) -> bool {
        matches!(self.route, Route::Excessive(_))
    }

    /// The application, where it is one in mode `proxy`: its backend is named to Envoy, and nobody else takes it.
    #[must_use]
    pub fn in_proxy_mode(&self) -> Option<&str> {
        match self.route {
            Route::Application(application, _) if matches!(application.mode, Mode::Proxy(_)) => {
                Some(application.slug.as_str())
            }
            Route::Application(..) | Route::Probe | Route::Excessive(_) | Route::Unrouted(_) => None,
        }
    }

    /// The same errand when there is only so much time for its answer: it waits for less, rather than come too late.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        let patience = self.patience.min(limit.mul_f64(0.7));
        Self { patience, ..self }
    }

    /// Whether the answer may take as long as the provider takes: to redeem a code, or to judge a credential.
    #[must_use]
    pub fn takes_long(&self) -> bool {
        match self.route {
            Route::Probe | Route::Excessive(_) | Route::Unrouted(_) | Route::Application(_, Destination::Nowhere) => {
                false
            }
            Route::Application(_, Destination::Endpoint(_)) => true,
            Route::Application(application, Destination::Application) => {
                application.credentials.concern(&self.head.headers)
            }
        }
    }
}
