//! The conductor: one request in, one decision out. It loads, asks and saves through the ports; all judging is
//! done by pure functions of the domain.

pub mod administration;
mod answers;
mod credentials;
mod logout;
mod plain_http;
mod sign_in;
mod sign_out;
mod waits;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use url::Url;

use crate::domain::application::cookies::OwnCookies;
use crate::domain::application::endpoints::{self, Destination, Endpoint};
use crate::domain::application::registry::{Applications, Unrouted};
use crate::domain::application::return_address::{Refused, ReturnAddress};
use crate::domain::application::{Application, Mode};
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::decision::{Decision, Note, Reason, Verdict};
use crate::domain::http::{ClientKind, Excess, RequestHead, RequestLimits, RequestTarget, Scheme};
use crate::domain::policy::identity;
use crate::domain::session::{Freshness, Lifetimes, LiveSession, SessionKey};
use crate::domain::time::Timestamp;
use crate::ports::{Clock, Entropy, EntropyFault, IdentityProvider, SessionStore};

use errors::Fault;
use header_preview::Reported;
use refresh::RefreshTasks;
use waits::Waits;

pub use logout::RequestBody;
pub use waits::WaitLimits;

/// Bytes of the longest decision id: a dash between 32 and 64 bits in hexadecimal digits.
const LONGEST_ID: usize = 25;

/// What an outpost is made of.
pub struct Parts {
    /// The applications that it guards.
    pub applications: Applications,
    /// The outpost's name; `X-authentik-meta-outpost`.
    pub name: String,
    /// How long sessions last.
    pub lifetimes: Lifetimes,
    /// Keys that seal sign-in attempts.
    pub sealing: SealingKeys,
    /// Where sessions are kept.
    pub store: Arc<dyn SessionStore>,
    /// Who signs users in.
    pub provider: Arc<dyn IdentityProvider>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
}

/// Answers every door's question.
pub struct Outpost {
    parts: Parts,
    limits: RequestLimits,
    run: u32,
    decisions: AtomicU64,
    reported: Reported,
    refresh_tasks: RefreshTasks,
    waits: Waits,
}

/// A request and whose business it is.
pub struct RoutedRequest<'a> {
    head: &'a RequestHead,
    route: Route<'a>,
    body: RequestBody<'a>,
    /// The target of the request that a front proxy leads to `start` for, where it says so.
    asked: Option<&'a RequestTarget>,
    patience: Duration,
    on_wait: fn(),
}

enum Route<'a> {
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

/// One request on its way to a decision.
struct RequestContext<'a> {
    head: &'a RequestHead,
    body: RequestBody<'a>,
    asked: Option<&'a RequestTarget>,
    application: &'a Arc<Application>,
    kind: ClientKind,
    id: String,
    user: Option<String>,
    /// Where it is tried again, when not at its own address.
    again: Option<String>,
    /// How long it may wait for what is not needed to answer at all.
    patience: Duration,
    /// Tells the door that it waits for the provider.
    on_wait: fn(),
}

/// What came of a visit, and why.
type Outcome = Result<(Verdict, Reason), Fault>;

impl Outpost {
    /// An outpost from its parts.
    ///
    /// # Errors
    /// When the randomness source fails.
    pub fn new(parts: Parts) -> Result<Self, EntropyFault> {
        let mut run = [0; 4];
        parts.entropy.fill(&mut run)?;
        let refresh_tasks = RefreshTasks::new(&parts);
        let (run, decisions) = (u32::from_ne_bytes(run), AtomicU64::new(0));
        let (limits, waits) = (RequestLimits::default(), Waits::default());
        Ok(Self { parts, limits, run, decisions, reported: Reported::default(), refresh_tasks, waits })
    }

    /// The same with other limits for what is looked at.
    #[must_use]
    pub fn with_limits(self, limits: RequestLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same, with other limits for requests that wait for the identity provider.
    #[must_use]
    pub fn with_wait_limits(self, limits: WaitLimits) -> Self {
        Self { waits: Waits::new(limits), ..self }
    }

    /// Finds out whose business a request is, once for all who want to know.
    #[must_use]
    pub fn route<'a>(&'a self, head: &'a RequestHead) -> RoutedRequest<'a> {
        let route = if let Some(excess) = self.limits.exceeded_by(head) {
            Route::Excessive(excess)
        } else if endpoints::is_ping(&head.target) {
            Route::Probe
        } else {
            match self.parts.applications.find(head) {
                Ok(application) => {
                    let prefixes = self.parts.applications.prefixes();
                    Route::Application(application, Destination::of(application, &head.target, prefixes))
                }
                Err(cause) => Route::Unrouted(cause),
            }
        };
        let body = RequestBody::Withheld;
        RoutedRequest { head, route, body, asked: None, patience: refresh::PATIENCE, on_wait: || {} }
    }

    /// Answers one request. Total: every fault ends in a denial with a reason.
    pub async fn answer(&self, routed: &RoutedRequest<'_>) -> Decision {
        let (application, destination) = match routed.route {
            Route::Probe => return answers::ping(self.decision_id()),
            Route::Excessive(excess) => {
                return answers::excessive(self.decision_id(), excess, routed.head.client_kind());
            }
            Route::Unrouted(cause) => {
                return answers::unrouted(self.decision_id(), cause, routed.head.client_kind());
            }
            Route::Application(application, destination) => (application, destination),
        };
        let mut context = self.context_of(routed, application);
        let (verdict, reason) = match self.handle(&mut context, destination).await {
            Ok(outcome) => outcome,
            Err(fault) => {
                self.set_retry_address(&mut context, destination);
                fault.into_verdict(&context)
            }
        };
        context.decided(verdict, reason)
    }

    /// The decision on something that is no well-formed question, said in words that this kind of client reads.
    #[must_use]
    pub fn refuse(&self, reason: Reason, kind: ClientKind) -> Decision {
        answers::refuse(self.decision_id(), reason, kind)
    }

    /// The decision on what could not be decided in time.
    #[must_use]
    pub fn overdue(&self, routed: &RoutedRequest<'_>) -> Decision {
        let Route::Application(application, destination) = routed.route else {
            return self.refuse(Reason::Overdue, routed.head.client_kind());
        };
        let mut context = self.context_of(routed, application);
        self.set_retry_address(&mut context, destination);
        let (verdict, reason) = answers::overdue(&context);
        context.decided(verdict, reason)
    }

    /// Where a request that came to nothing is tried again, when not at its own address: a callback's holds a code, which
    /// stands in no page.
    fn set_retry_address(&self, context: &mut RequestContext<'_>, destination: Destination) {
        if destination == Destination::Endpoint(Endpoint::Callback) {
            context.again = Some(self.begin_anew(context));
        }
    }

    fn context_of<'a>(&self, routed: &RoutedRequest<'a>, application: &'a Arc<Application>) -> RequestContext<'a> {
        let RoutedRequest { head, body, asked, patience, on_wait, .. } = *routed;
        RequestContext {
            head,
            body,
            asked,
            application,
            kind: head.client_kind(),
            id: self.decision_id(),
            user: None,
            again: None,
            patience,
            on_wait,
        }
    }

    /// Parts a path at the prefix of our own endpoints: what stands before it, and what below. `None` without a prefix.
    #[must_use]
    pub fn split_at_prefix<'a>(&self, raw: &'a str) -> Option<(&'a str, &'a str)> {
        self.parts.applications.prefixes().split(raw)
    }

    /// Whether this is the liveness probe, which is answered whatever host it names.
    #[must_use]
    pub fn is_probe(target: &RequestTarget) -> bool {
        endpoints::is_ping(target)
    }

    async fn handle(&self, context: &mut RequestContext<'_>, destination: Destination) -> Outcome {
        // The provider's own call is no browser's: nobody follows a redirect there.
        let is_providers = destination == Destination::Endpoint(Endpoint::BackchannelLogout);
        if context.comes_plainly() && !is_providers {
            self.set_retry_address(context, destination);
            return Ok(plain_http::answer(context, &OwnCookies::read(&context.head.headers, context.application)?));
        }
        match destination {
            Destination::Nowhere => Ok(answers::nowhere(context)),
            // On the heap, as everything that is rare: a call's future is moved several times, whatever it turns out to be.
            Destination::Endpoint(endpoint) => Box::pin(self.endpoint(context, endpoint)).await,
            Destination::Application => self.authorize(context).await,
        }
    }

    async fn endpoint(&self, context: &mut RequestContext<'_>, endpoint: Endpoint) -> Outcome {
        match endpoint {
            Endpoint::Start => self.start(context).await,
            Endpoint::Callback => self.callback(context).await,
            Endpoint::SignOut => self.sign_out(context).await,
            Endpoint::BackchannelLogout => self.backchannel_logout(context).await,
            Endpoint::FrontchannelLogout => self.frontchannel_logout(context).await,
        }
    }

    /// The live session that one of the presented cookies names. A store that cannot say is not "no session".
    async fn find_session(&self, application: &Application, own: &OwnCookies) -> Result<Option<LoadedSession>, Fault> {
        for id in &own.sessions {
            let key = id.key();
            let Some(stored) = self.parts.store.load(&key).await? else { continue };
            let (now, last_seen) = (self.parts.clock.now(), stored.last_seen);
            if let Some(session) = stored.session.live(last_seen, application, now, self.parts.lifetimes) {
                let freshness = session.record().freshness(now);
                return Ok(Some(LoadedSession { key, session, last_seen, freshness }));
            }
        }
        Ok(None)
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.parts.entropy.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Unique over runs and cheap: a random number for the run and a counter.
    fn decision_id(&self) -> String {
        let mut id = String::with_capacity(LONGEST_ID);
        // Text takes whatever is written to it.
        let _ = write!(id, "{:08x}-{:x}", self.run, self.decisions.fetch_add(1, Ordering::Relaxed));
        id
    }
}

/// A live session, the key under which it is stored, when it was last used, and whether it is time to renew it.
struct LoadedSession {
    key: SessionKey,
    session: LiveSession,
    last_seen: Timestamp,
    freshness: Freshness,
}

impl LoadedSession {
    /// What logs and pages call the user.
    fn name(&self) -> &str {
        let record = self.session.record();
        identity::display_name(&record.claims, &record.user)
    }
}

impl RequestContext<'_> {
    /// The decision, with what is recorded about it.
    fn decided(self, verdict: Verdict, reason: Reason) -> Decision {
        let note = Note { id: self.id, application: Some(self.application.slug.clone()), user: self.user, reason };
        Decision { verdict, note }
    }

    /// Whether it is a plain-http request to an application that is reached over https.
    fn comes_plainly(&self) -> bool {
        self.head.scheme == Some(Scheme::Http) && self.application.external.scheme() == Scheme::Https
    }

    /// The request's own address when a browser may be sent back to it, else the application's.
    fn own_address(&self) -> String {
        self.address_of(self.head.target.raw())
    }

    /// The address of a request for this target, in its own spelling.
    fn address_of(&self, target: &str) -> String {
        let address = self.base().map(|base| format!("{}{target}", base.trim_end_matches('/')));
        address.map_or_else(|| ReturnAddress::landing(self.application), |address| self.address_as_asked(&address))
    }

    /// `address` in its own spelling when it passes the rules for return addresses, else where sign-ins end otherwise.
    fn address_as_asked(&self, address: &str) -> String {
        self.or_landing(ReturnAddress::as_asked(address, self.application))
    }

    /// `raw`, which may be anybody's, when it passes the rules for return addresses, else where sign-ins end otherwise.
    fn return_address(&self, raw: &str) -> String {
        let base = self.base().and_then(|base| Url::parse(&base).ok());
        let Some(base) = base else { return ReturnAddress::landing(self.application) };
        self.or_landing(ReturnAddress::judge(raw, self.application, &base))
    }

    fn or_landing(&self, judged: Result<ReturnAddress, Refused>) -> String {
        match judged {
            Ok(address) => address.as_str().to_owned(),
            Err(rule) => {
                tracing::info!(decision_id = self.id, application = %self.application.slug, %rule, "return address replaced");
                self.landing()
            }
        }
    }

    /// Where sign-ins end when nothing better is known: in domain mode the host that was asked for.
    fn landing(&self) -> String {
        match (&self.application.mode, self.base()) {
            (Mode::ForwardDomain(_), Some(base)) => base,
            _ => ReturnAddress::landing(self.application),
        }
    }

    /// The root of the host that was asked for.
    fn base(&self) -> Option<String> {
        let scheme = self.application.external.scheme();
        let authority = &self.head.authority;
        self.application
            .owns(authority, scheme)
            .then(|| format!("{}://{}/", scheme.as_str(), authority.to_text(scheme)))
    }
}

mod authorize;
mod denial_cause;
mod errors;
mod header_preview;
mod refresh;
#[cfg(test)]
mod tests;
