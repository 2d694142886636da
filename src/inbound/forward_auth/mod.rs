//! Forward auth over HTTP for front proxies: nginx, Traefik, Caddy and Envoy's HTTP service ask whether the request that
//! they describe is allowed. A dialect only translates; the same outpost decides as for every other protocol.

mod answer;
mod dialect;
mod envoy;
mod fault;
mod header_lines;
mod nginx;
mod question;
mod sign_in_redirect;
#[cfg(test)]
mod tests;
mod traefik_and_caddy;
mod trust;
mod untrusted_peers;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request};
use tokio::time::timeout;

pub use dialect::Dialect;
pub use trust::TrustedProxies;

use self::fault::Fault;
use self::question::Question;
use self::untrusted_peers::UntrustedPeersLog;
use crate::domain::decision::{Decision, Reason, Verdict};
use crate::domain::http::{HeaderLines, RequestHead};
use crate::inbound::connections::Answer;
use crate::inbound::router::{HandedOn, Routed, Router};
use crate::outpost::{self, Outpost};
use crate::telemetry::traces;
use crate::telemetry::{DecisionRecorder, Protocol, Stopwatch};

/// Which front proxies may ask, and in which dialects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardAuthSettings {
    /// The dialects that are answered.
    pub dialects: Vec<Dialect>,
    /// The front proxies whose description of the original request is trusted.
    pub trusted: TrustedProxies,
}

/// Answers front proxies' requests on a listener that it shares with the browser's direct requests.
pub struct ForwardAuth {
    outpost: Arc<Outpost>,
    recorder: DecisionRecorder,
    settings: ForwardAuthSettings,
    deadline: Duration,
    untrusted_peers: UntrustedPeersLog,
}

impl ForwardAuth {
    /// Asks `outpost`, which has so much time for a decision, and records the decision.
    #[must_use]
    pub fn new(
        outpost: Arc<Outpost>,
        recorder: DecisionRecorder,
        settings: ForwardAuthSettings,
        deadline: Duration,
    ) -> Self {
        Self { outpost, recorder, settings, deadline, untrusted_peers: UntrustedPeersLog::none() }
    }

    fn speaks(&self, dialect: Dialect) -> bool {
        self.settings.dialects.contains(&dialect)
    }

    /// `None` when it is not a forward-auth request.
    fn question<'a>(&self, before: &str, below: &'a str) -> Option<Question<'a>> {
        let question = Question::parse(below).filter(|_| before.is_empty());
        question.filter(|question| self.speaks(question.dialect))
    }

    async fn answer(&self, question: Question<'_>, request: &Request<()>, peer: IpAddr) -> Answer {
        let dialect = question.dialect;
        let watch = Stopwatch::start();
        if !self.settings.trusted.contain(peer) {
            self.untrusted_peers.turned_away(peer, dialect);
            return self.refuse(dialect, Reason::UntrustedPeer, request, watch);
        }
        match self.read(question, request) {
            Ok(original) => {
                let decision = self.decide(dialect, &original);
                let decision = traces::decided(dialect.protocol(), Some(request.headers()), decision).await;
                if passes_on_owned_names(dialect, &decision) {
                    return self.malformed(dialect, Fault::Owned, request, watch);
                }
                self.finish(dialect, decision, watch, &original.head.headers)
            }
            Err(fault) => self.malformed(dialect, fault, request, watch),
        }
    }

    fn read(&self, question: Question<'_>, request: &Request<()>) -> Result<outpost::Request, Fault> {
        let Question { dialect, application, original } = question;
        let headers = request.headers();
        let client = self.client(headers);
        let head = match dialect {
            Dialect::Nginx => nginx::read(headers, client),
            Dialect::Traefik | Dialect::Caddy => traefik_and_caddy::read(headers, client),
            Dialect::Envoy => envoy::read(request.method(), headers, original, client),
        };
        let passes_redirects_on = dialect.passes_answers_on();
        let application = application.map(str::to_owned);
        head.map(|head| outpost::Request { passes_redirects_on, ..RequestHead { application, ..head }.into() })
    }

    /// The client's address, as the headers of a trusted front proxy report it.
    fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        self.settings.trusted.client(headers.get_all("x-forwarded-for").iter().map(AsRef::as_ref))
    }

    /// The decision on the original request.
    async fn decide(&self, dialect: Dialect, original: &outpost::Request) -> Decision {
        let routed = self.outpost.route(original);
        if let Some(application) = routed.in_proxy_mode() {
            let help = "write `mode: forward_single` for it, or let Envoy ask over gRPC";
            tracing::warn!(%dialect, application, help, "a front proxy sent a forward-auth request for an application in mode `proxy`");
            return self.outpost.refuse(Reason::ModeProxy, original.head.reader());
        }
        if !dialect.passes_answers_on() && routed.is_own() {
            return self.outpost.refuse(Reason::OwnEndpoint, original.head.reader());
        }
        let decision = timeout(self.deadline, self.outpost.answer(&routed)).await;
        decision.unwrap_or_else(|_| self.outpost.overdue(&routed))
    }

    /// The request that nginx' redirect to the sign-in stands for; the response to the browser when it cannot be read.
    fn sign_in_redirect(&self, request: Request<()>) -> Routed {
        let watch = Stopwatch::start();
        let reader = header_lines::reader(&request);
        match sign_in_redirect::read(request) {
            Ok(start) => Routed::HandedOn(start),
            Err(fault) => {
                tracing::warn!(%fault, "nginx' redirect to the sign-in names no original address");
                let decision = self.outpost.refuse(Reason::Malformed, reader);
                self.recorder.record(Protocol::Nginx, &decision, watch, None);
                Routed::Answered(answer::to_browser(decision.verdict))
            }
        }
    }

    fn malformed(&self, dialect: Dialect, fault: Fault, request: &Request<()>, watch: Stopwatch) -> Answer {
        tracing::warn!(%dialect, %fault, "a forward-auth request cannot be answered");
        self.refuse(dialect, Reason::Malformed, request, watch)
    }

    fn refuse(&self, dialect: Dialect, reason: Reason, request: &Request<()>, watch: Stopwatch) -> Answer {
        let decision = self.outpost.refuse(reason, header_lines::reader(request));
        self.finish(dialect, decision, watch, &HeaderLines::default())
    }

    fn finish(&self, dialect: Dialect, decision: Decision, watch: Stopwatch, client: &HeaderLines) -> Answer {
        self.recorder.record(dialect.protocol(), &decision, watch, client.text("x-request-id"));
        answer::render(dialect, decision, client)
    }
}

/// Whether the application would receive a client's header under one of our names, in a spelling or with a suffix that the
/// front proxy's file cannot list.
fn passes_on_owned_names(dialect: Dialect, decision: &Decision) -> bool {
    let Verdict::Allow(allow) = &decision.verdict else { return false };
    let comes_back = |name: &str| name == COOKIE.as_str() || name == AUTHORIZATION.as_str();
    let (_, removed) = allow.of_request();
    !dialect.removes_by_pattern() && removed.iter().any(|name| !comes_back(name))
}

#[async_trait]
impl Router for ForwardAuth {
    async fn route(&self, request: Request<()>, peer: IpAddr) -> Routed {
        let uri = request.uri().clone();
        // The absolute form is for proxies, which this is not; the second service refuses it.
        let target = uri.path_and_query().filter(|_| uri.authority().is_none()).map_or("", PathAndQuery::as_str);
        let Some((before, below)) = self.outpost.split_at_prefix(target) else { return handed_on(request) };
        if let Some(question) = self.question(before, below) {
            return Routed::Answered(self.answer(question, &request, peer).await);
        }
        if !self.settings.trusted.contain(peer) {
            return handed_on(request);
        }
        let client = self.client(request.headers());
        let is_sign_in_redirect = self.speaks(Dialect::Nginx)
            && !before.contains('?')
            && sign_in_redirect::is_sign_in_redirect(&request, below);
        let routed = if is_sign_in_redirect { self.sign_in_redirect(request) } else { handed_on(request) };
        match routed {
            Routed::HandedOn(handed_on) => Routed::HandedOn(HandedOn { client, ..handed_on }),
            answered @ Routed::Answered(_) => answered,
        }
    }
}

fn handed_on(request: Request<()>) -> Routed {
    Routed::HandedOn(HandedOn::from(request))
}
