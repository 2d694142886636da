//! The conductor: one request in, one decision out. It loads, asks and saves through the ports; all judging is done by pure
//! functions of the domain.

pub mod administration;
mod answers;
mod authenticate;
mod authorize;
mod denial_cause;
mod errors;
mod header_preview;
mod loaded_session;
mod logout;
mod parts;
mod plain_http;
mod refresh;
mod reported;
mod request_body;
mod request_context;
mod route;
mod routed_request;
mod services;
mod sign_in;
mod sign_out;
#[cfg(test)]
mod tests;
mod waits;

use crate::domain::application::cookies::OwnCookies;
use crate::domain::application::endpoints::{self, Destination, Endpoint};
use crate::domain::decision::{Decision, Reason};
use crate::domain::http::{ClientKind, RequestHead, RequestLimits, RequestTarget};
use crate::ports::EntropyFault;

use authenticate::authenticate;
use authorize::authorize;
use errors::Outcome;
use request_context::RequestContext;
use route::route;
use routed_request::Route;
use services::Services;

pub use parts::Parts;
pub use request_body::RequestBody;
pub use routed_request::RoutedRequest;
pub use waits::WaitLimits;

/// Decides on the requests of all protocols.
pub struct Outpost {
    services: Services,
}

impl Outpost {
    /// An outpost from its parts.
    ///
    /// # Errors
    /// When the randomness source fails.
    pub fn new(parts: Parts) -> Result<Self, EntropyFault> {
        Services::new(parts).map(|services| Self { services })
    }

    /// The same with other limits for what is looked at.
    #[must_use]
    pub fn with_limits(self, limits: RequestLimits) -> Self {
        Self { services: self.services.with_limits(limits) }
    }

    /// The same, with other limits for requests that wait for the identity provider.
    #[must_use]
    pub fn with_wait_limits(self, limits: WaitLimits) -> Self {
        Self { services: self.services.with_wait_limits(limits) }
    }

    /// Finds the application and the endpoint that a request is for.
    #[must_use]
    pub fn route<'a>(&'a self, head: &'a RequestHead) -> RoutedRequest<'a> {
        route(&self.services, head)
    }

    /// Decides on one request. Total: every error ends in a denial with a reason.
    pub async fn answer(&self, routed: &RoutedRequest<'_>) -> Decision {
        let (id, kind) = (self.services.decision_id(), routed.head.client_kind());
        let (application, destination) = match routed.route {
            Route::Probe => return answers::ping(id),
            Route::Excessive(excess) => return answers::excessive(id, excess, kind),
            Route::Unrouted(cause) => return answers::unrouted(id, cause, kind),
            Route::Application(application, destination) => (application, destination),
        };
        let mut context = RequestContext::new(routed, application, id);
        let (verdict, reason) = match self.decide(&mut context, destination).await {
            Ok(outcome) => outcome,
            Err(fault) => {
                self.set_retry_address(&mut context, destination);
                fault.into_verdict(&context)
            }
        };
        context.decided(verdict, reason)
    }

    async fn decide(&self, context: &mut RequestContext<'_>, destination: Destination) -> Outcome {
        // The provider's own call is no browser's: it follows no redirect.
        let is_providers = destination == Destination::Endpoint(Endpoint::BackchannelLogout);
        if context.comes_plainly() && !is_providers {
            self.set_retry_address(context, destination);
            return Ok(plain_http::answer(context, &OwnCookies::read(&context.head.headers, context.application)?));
        }
        match destination {
            Destination::Nowhere => Ok(answers::nowhere(context)),
            // On the heap, as everything that is rare: a call's future is moved several times, whatever it turns out to be.
            Destination::Endpoint(endpoint) => Box::pin(self.endpoint(context, endpoint)).await,
            Destination::Application => self.application(context).await,
        }
    }

    /// A request of the application itself.
    async fn application(&self, context: &mut RequestContext<'_>) -> Outcome {
        if let Some(flaw) = authorize::ambiguous_path(context) {
            return Ok(answers::odd_path(context, flaw));
        }
        let mut cookies = OwnCookies::read(&context.head.headers, context.application)?;
        let identity = authenticate(&self.services, context, &cookies).await?;
        match authorize(&self.services, context, identity, cookies.rest.take()) {
            Ok(allowed) => Ok(allowed),
            Err(Some(cause)) => cause.into_outcome(context),
            Err(None) => sign_in::require(&self.services, context, &cookies).await,
        }
    }

    async fn endpoint(&self, context: &mut RequestContext<'_>, endpoint: Endpoint) -> Outcome {
        match endpoint {
            Endpoint::Start => sign_in::start(&self.services, context).await,
            Endpoint::Callback => sign_in::callback(&self.services, context).await,
            Endpoint::SignOut => sign_out::sign_out(&self.services, context).await,
            Endpoint::BackchannelLogout => logout::backchannel_logout(&self.services, context).await,
            Endpoint::FrontchannelLogout => logout::frontchannel_logout(&self.services, context).await,
        }
    }

    /// The decision on what is no well-formed request, in a form that this kind of client reads.
    #[must_use]
    pub fn refuse(&self, reason: Reason, kind: ClientKind) -> Decision {
        answers::refuse(self.services.decision_id(), reason, kind)
    }

    /// The decision on what could not be decided in time.
    #[must_use]
    pub fn overdue(&self, routed: &RoutedRequest<'_>) -> Decision {
        let Route::Application(application, destination) = routed.route else {
            return self.refuse(Reason::Overdue, routed.head.client_kind());
        };
        let mut context = RequestContext::new(routed, application, self.services.decision_id());
        self.set_retry_address(&mut context, destination);
        let (verdict, reason) = answers::overdue(&context);
        context.decided(verdict, reason)
    }

    /// Where a request that came to nothing is tried again, when not at its own address: a callback's holds a code, which
    /// stands in no page.
    fn set_retry_address(&self, context: &mut RequestContext<'_>, destination: Destination) {
        if destination == Destination::Endpoint(Endpoint::Callback) {
            context.again = Some(sign_in::begin_anew(&self.services, context));
        }
    }

    /// Parts a path at the prefix of our own endpoints: what stands before it, and what below. `None` without a prefix.
    #[must_use]
    pub fn split_at_prefix<'a>(&self, raw: &'a str) -> Option<(&'a str, &'a str)> {
        self.services.parts.applications.prefixes().split(raw)
    }

    /// Whether this is the liveness probe, which is answered whatever host it names.
    #[must_use]
    pub fn is_probe(target: &RequestTarget) -> bool {
        endpoints::is_ping(target)
    }

    /// Whether a request for `raw`, path and query, goes nowhere without its body. Doors keep no other.
    #[must_use]
    pub fn needs_body(&self, raw: &str) -> bool {
        self.split_at_prefix(raw).is_some_and(|(_, below)| endpoints::needs_body(below))
    }

    /// Waits until nothing is under way any more that nobody waits for; what is asked meanwhile counts, too.
    pub async fn settled(&self) {
        // A renewal that came too late has its token revoked.
        self.services.refresh_tasks.finished().await;
        self.services.parts.provider.settled().await;
    }
}
