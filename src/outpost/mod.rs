//! The outpost decides on one request at a time. It loads, queries and saves through the ports; every judgement is made
//! by pure functions of the domain.

pub mod administration;
mod answers;
mod audit;
mod authenticate;
mod authorize;
mod challenge;
mod cors;
mod denial_cause;
mod errors;
mod header_preview;
mod jwks;
mod loaded_session;
mod logout;
mod parts;
mod pending_ends;
mod plain_http;
mod refresh;
mod request;
mod request_context;
mod resource_metadata;
mod route;
mod routed_request;
mod services;
mod sessions;
mod sign_in;
mod sign_out;
#[cfg(test)]
mod tests;
mod user_info;
mod waits;

use crate::domain::application::cookies::OwnCookies;
use crate::domain::application::endpoints::{self, Destination, Endpoint};
use crate::domain::application::registry::Applications;
use crate::domain::decision::pages::{Design, Pages};
use crate::domain::decision::{Decision, Reason};
use crate::domain::http::{Reader, RequestLimits, RequestTarget};
use crate::ports::{EntropyFault, StoreFault};
use std::collections::BTreeSet;
use std::sync::Arc;

use authenticate::authenticate;
use authorize::{Authorization, authorize};
use errors::Outcome;
use request_context::RequestContext;
use route::route;
use routed_request::Route;
use services::Services;

pub use parts::{OutpostName, Parts};
pub use request::{Request, RequestBody};
pub use routed_request::RoutedRequest;
pub use sign_in::SignInLimits;
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

    /// Replaces the limits on the size of a request.
    #[must_use]
    pub fn with_limits(self, limits: RequestLimits) -> Self {
        Self { services: self.services.with_limits(limits) }
    }

    /// Replaces the limits on requests that wait for the identity provider.
    #[must_use]
    pub fn with_wait_limits(self, limits: WaitLimits) -> Self {
        Self { services: self.services.with_wait_limits(limits) }
    }

    /// Replaces the limits on the sign-ins of one client and on the sessions of one user.
    #[must_use]
    pub fn with_sign_in_limits(self, limits: SignInLimits) -> Self {
        Self { services: self.services.with_sign_in_limits(limits) }
    }

    /// Replaces the design of the pages.
    #[must_use]
    pub fn with_design(self, design: Design) -> Self {
        self.redesign(design);
        self
    }

    /// Replaces the applications. Requests that were routed before, and refreshes under way, keep the earlier ones. The
    /// prefixes of the endpoints stay.
    pub fn replace_applications(&self, applications: Applications) {
        let current = &self.services.parts.applications;
        let prefixes = current.load().prefixes();
        current.replace(applications.with_prefixes(prefixes));
    }

    /// Replaces the design of the pages while requests go on.
    pub fn redesign(&self, design: Design) {
        self.services.design.store(Arc::new(design));
    }

    /// Replaces the name. Identity headers that were made before have it as soon as the applications are replaced.
    pub fn rename(&self, name: String) {
        self.services.parts.name.replace(name);
    }

    /// Finds the application and the endpoint that a request is for.
    #[must_use]
    pub fn route<'a>(&self, request: &'a Request) -> RoutedRequest<'a> {
        route(&self.services, request)
    }

    /// Decides on one request. Total: every error ends in a denial with a reason.
    pub async fn answer(&self, routed: &RoutedRequest<'_>) -> Decision {
        let id = self.services.decision_id();
        let (application, destination) = match &routed.route {
            Route::Probe => return answers::ping(id),
            Route::Excessive(excess) => return answers::excessive(id, *excess, &self.pages_for(routed)),
            Route::Unrouted(cause) => return answers::unrouted(id, *cause, &self.pages_for(routed)),
            Route::Application(application, destination) => (application, *destination),
        };
        let (design, audit) = (&self.services.design, &self.services.parts.audit);
        let mut context = RequestContext::new(routed, application, id, design, audit);
        let (mut verdict, reason) = match self.decide(&mut context, destination).await {
            Ok(outcome) => outcome,
            Err(fault) => {
                self.set_retry_address(&mut context, destination);
                fault.into_verdict(&context)
            }
        };
        cors::share_refusal(&mut verdict, &context, destination);
        context.decided(verdict, reason)
    }

    fn pages_for(&self, routed: &RoutedRequest<'_>) -> Pages {
        self.services.pages(routed.request.head.reader())
    }

    async fn decide(&self, context: &mut RequestContext<'_>, destination: Destination) -> Outcome {
        // The back-channel logout call comes from the provider, not from a browser, and follows no redirect.
        let is_providers = destination == Destination::Endpoint(Endpoint::BackchannelLogout);
        if context.comes_plainly() && !is_providers {
            self.set_retry_address(context, destination);
            return Ok(plain_http::answer(
                context,
                &OwnCookies::read(&context.request.head.headers, context.application)?,
            ));
        }
        match destination {
            Destination::Nowhere => Ok(answers::nowhere(context)),
            // Boxed, as every rare path is: the future of a call is moved several times, whichever path it takes.
            Destination::Endpoint(endpoint) => Box::pin(self.endpoint(context, endpoint)).await,
            Destination::Application => self.application(context).await,
        }
    }

    /// A request of the application itself.
    async fn application(&self, context: &mut RequestContext<'_>) -> Outcome {
        if let Some(flaw) = authorize::ambiguous_path(context) {
            return Ok(answers::odd_path(context, flaw));
        }
        let mut cookies = OwnCookies::read(&context.request.head.headers, context.application)?;
        let authentication = authenticate(&self.services, context, &cookies).await?;
        match authorize(&self.services, context, authentication, cookies.rest.take()) {
            Authorization::Allowed(verdict, reason) => Ok((verdict, reason)),
            Authorization::Denied(cause) => cause.into_outcome(context, self.services.parts.clock.now()),
            Authorization::SignInRequired => sign_in::require(&self.services, context, &cookies).await,
            Authorization::StepUpRequired(session) => {
                Box::pin(sign_in::step_up(&self.services, context, &cookies, &session)).await
            }
        }
    }

    async fn endpoint(&self, context: &mut RequestContext<'_>, endpoint: Endpoint) -> Outcome {
        match endpoint {
            Endpoint::Start => sign_in::start(&self.services, context).await,
            Endpoint::Callback => sign_in::callback(&self.services, context).await,
            Endpoint::SignOut => sign_out::sign_out(&self.services, context).await,
            Endpoint::BackchannelLogout => logout::backchannel_logout(&self.services, context).await,
            Endpoint::FrontchannelLogout => logout::frontchannel_logout(&self.services, context).await,
            Endpoint::Jwks => jwks::jwks(&self.services, context),
            Endpoint::UserInfo => user_info::user_info(&self.services, context).await,
            Endpoint::ResourceMetadata => Ok(resource_metadata::metadata(context)),
            Endpoint::Sessions => sessions::sessions(&self.services, context).await,
        }
    }

    /// The decision on a request that is not well-formed, in a form that this reader can read.
    #[must_use]
    pub fn refuse(&self, reason: Reason, reader: impl Into<Reader>) -> Decision {
        answers::refuse(self.services.decision_id(), reason, &self.services.pages(reader))
    }

    /// The decision on a request that could not be decided in time.
    #[must_use]
    pub fn overdue(&self, routed: &RoutedRequest<'_>) -> Decision {
        let Route::Application(application, destination) = &routed.route else {
            return self.refuse(Reason::Overdue, routed.request.head.reader());
        };
        let (design, audit) = (&self.services.design, &self.services.parts.audit);
        let mut context = RequestContext::new(routed, application, self.services.decision_id(), design, audit);
        self.set_retry_address(&mut context, *destination);
        let (verdict, reason) = answers::overdue(&context);
        context.decided(verdict, reason)
    }

    /// Sets the address at which a failed request is retried, where it is not the request's own: the address of a
    /// callback holds a code, which must not appear in a page.
    fn set_retry_address(&self, context: &mut RequestContext<'_>, destination: Destination) {
        if destination == Destination::Endpoint(Endpoint::Callback) {
            context.again = Some(sign_in::retry_address(&self.services, context));
        }
    }

    /// Splits a path at the prefix of Gatepost's own endpoints into the part before it and the part below it; `None`
    /// without a prefix.
    #[must_use]
    pub fn split_at_prefix<'a>(&self, raw: &'a str) -> Option<(&'a str, &'a str)> {
        self.services.parts.applications.load().prefixes().split(raw)
    }

    /// Whether this is the liveness probe, which is answered for any host.
    #[must_use]
    pub fn is_probe(target: &RequestTarget) -> bool {
        endpoints::is_ping(target)
    }

    /// Whether a request for `raw`, path and query, cannot be handled without its body. Protocols buffer no other body.
    #[must_use]
    pub fn needs_body(&self, raw: &str) -> bool {
        let applications = self.services.parts.applications.load();
        let takes_forms = || applications.iter().any(|application| application.takes_form_posts());
        applications.prefixes().split(raw).is_some_and(|(_, below)| endpoints::needs_body(below, takes_forms))
    }

    /// Lets the sessions that belong to the provider session `id` (claim `sid`) count as ended in this process from now on,
    /// until [`Self::end_provider_session`] has ended them.
    pub fn provider_session_ended(&self, id: &str) {
        self.services.pending_ends.add(id);
    }

    /// Ends the sessions that belong to the provider session `id` (claim `sid`) at any of these issuers, and has their
    /// refresh tokens revoked; returns how many ended. Until the store has ended them, and after a fault, they count as
    /// ended in this process all the same, until another call succeeds.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn end_provider_session(&self, id: &str, issuers: &BTreeSet<String>) -> Result<usize, StoreFault> {
        // A store may take long before it fails.
        self.provider_session_ended(id);
        let ended = logout::end_everywhere(&self.services, id, issuers).await;
        match &ended {
            Ok(_) => self.services.pending_ends.remove(id),
            // Another call for the same provider session may have succeeded meanwhile.
            Err(_) => self.provider_session_ended(id),
        }
        ended
    }

    /// Waits until no background work is under way, including work that begins meanwhile.
    pub async fn settled(&self) {
        // A refresh that completes after its session ended has its new token revoked, which is background work of the
        // provider.
        self.services.refresh_tasks.finished().await;
        self.services.parts.provider.settled().await;
    }
}
