//! One log line and two metrics for every decision.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use metrics::{Counter, Histogram};
use tracing::info;

use super::names;
use crate::domain::decision::{Decision, Reason, Verdict};

/// The protocol by which a request was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Envoy's `Check` over gRPC.
    ExtAuthz,
    /// nginx' `auth_request`.
    Nginx,
    /// Traefik's `ForwardAuth`, and HAProxy's script.
    Traefik,
    /// Caddy's `forward_auth`.
    Caddy,
    /// Envoy's `ext_authz` over HTTP.
    EnvoyHttp,
    /// The browser's own request at the side listener.
    SideListener,
}

impl Protocol {
    const ALL: [Self; 6] =
        [Self::ExtAuthz, Self::Nginx, Self::Traefik, Self::Caddy, Self::EnvoyHttp, Self::SideListener];

    /// The name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExtAuthz => "ext_authz",
            Self::Nginx => "nginx",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
            Self::EnvoyHttp => "envoy_http",
            Self::SideListener => "side_listener",
        }
    }
}

/// Measures how long a decision takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "measures a duration for the log; no rule depends on it")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long ago it was started.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Records decisions. Cheap to call: each series of an application is looked up once and then cached.
#[derive(Clone)]
pub struct DecisionRecorder(Arc<Series>);

struct Series {
    by_application: ArcSwap<HashMap<String, Arc<Cells>>>,
    unowned: Cells,
    seconds: [Histogram; Protocol::ALL.len()],
    /// Where the applications come from authentik: by slug, under the name that authentik's outpost uses.
    outpost_seconds: ArcSwapOption<HashMap<String, Histogram>>,
}

/// One counter per protocol, kind of verdict and reason, made when it is first needed.
struct Cells(Vec<OnceLock<Counter>>);

impl DecisionRecorder {
    /// A recorder that knows these applications, by slug; the decisions of any other are counted without an application.
    #[must_use]
    pub fn new<'a>(applications: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Arc::new(Series {
            by_application: ArcSwap::from_pointee(with_cells(applications, &HashMap::new())),
            unowned: Cells::empty(),
            seconds: Protocol::ALL
                .map(|protocol| metrics::histogram!(names::DECISION_SECONDS, "protocol" => protocol.as_str())),
            outpost_seconds: ArcSwapOption::empty(),
        }))
    }

    /// Measures decisions also under the name that authentik's outpost uses, from now on; `applications` are slugs and hosts.
    pub fn set_outpost<'a>(&self, name: &str, applications: impl IntoIterator<Item = (&'a str, String)>) {
        let series = |host: String| metrics::histogram!(names::OUTPOST_SECONDS, "outpost_name" => name.to_owned(), "host" => host, "type" => "app");
        let by_slug = applications.into_iter().map(|(slug, host)| (slug.to_owned(), series(host))).collect();
        self.0.outpost_seconds.store(Some(Arc::new(by_slug)));
    }

    /// Replaces the known applications; the series of those that stay go on.
    pub fn set_applications<'a>(&self, applications: impl IntoIterator<Item = &'a str>) {
        let before = self.0.by_application.load_full();
        self.0.by_application.store(Arc::new(with_cells(applications, &before)));
    }

    /// Counts the decision and logs it in one line.
    pub fn record(&self, protocol: Protocol, decision: &Decision, took: Stopwatch, request_id: Option<&str>) {
        let took = took.elapsed();
        let (kind, status) = outcome(&decision.verdict);
        let audit = &decision.audit;
        let slug = audit.application.as_ref().map_or("", |slug| slug.as_str());
        self.count(protocol, slug, kind, audit.reason, took);
        info!(
            target: "gatepost::decision",
            request_id,
            decision_id = audit.id.as_str(),
            application = slug,
            user = audit.user.as_deref(),
            decision = kind.as_str(),
            status,
            reason = audit.reason.as_str(),
            duration_ms = milliseconds(took),
            protocol = protocol.as_str(),
            "decision"
        );
    }

    fn count(&self, protocol: Protocol, slug: &str, kind: Kind, reason: Reason, took: Duration) {
        let known = self.0.by_application.load();
        let known = known.get_key_value(slug);
        let (slug, cells) = known.map_or(("", &self.0.unowned), |(slug, cells)| (slug.as_str(), &**cells));
        if let Some(cell) = cells.0.get(cell_index(protocol, kind, reason)) {
            let series = || {
                metrics::counter!(names::DECISIONS, "protocol" => protocol.as_str(), "application" => slug.to_owned(),
                    "decision" => kind.as_str(), "reason" => reason.as_str())
            };
            cell.get_or_init(series).increment(1);
        }
        if let Some(seconds) = self.0.seconds.get(protocol as usize) {
            seconds.record(took);
        }
        if let Some(seconds) = self.0.outpost_seconds.load().as_ref().and_then(|by_slug| by_slug.get(slug)) {
            seconds.record(took);
        }
    }
}

/// The cells of these applications: those from `before`, else empty ones.
fn with_cells<'a>(
    applications: impl IntoIterator<Item = &'a str>,
    before: &HashMap<String, Arc<Cells>>,
) -> HashMap<String, Arc<Cells>> {
    let cells = |slug: &str| before.get(slug).cloned().unwrap_or_else(|| Arc::new(Cells::empty()));
    applications.into_iter().map(|slug| (slug.to_owned(), cells(slug))).collect()
}

impl Cells {
    fn empty() -> Self {
        let count = Protocol::ALL.len() * Kind::COUNT * Reason::ALL.len();
        Self(std::iter::repeat_with(OnceLock::new).take(count).collect())
    }
}

const fn cell_index(protocol: Protocol, kind: Kind, reason: Reason) -> usize {
    (protocol as usize * Kind::COUNT + kind as usize) * Reason::ALL.len() + reason as usize
}

/// Milliseconds with microseconds as fraction.
fn milliseconds(took: Duration) -> f64 {
    let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

/// The kind of a verdict, as logs and metrics name it.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Allow,
    Redirect,
    Page,
    Deny,
}

impl Kind {
    const COUNT: usize = 4;

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Redirect => "redirect",
            Self::Page => "page",
            Self::Deny => "deny",
        }
    }
}

pub(super) const fn outcome(verdict: &Verdict) -> (Kind, u16) {
    match verdict {
        Verdict::Allow(_) => (Kind::Allow, 200),
        Verdict::Redirect(redirect) => (Kind::Redirect, redirect.status.as_u16()),
        Verdict::Page(page) => (Kind::Page, page.status.as_u16()),
        Verdict::Deny(page) => (Kind::Deny, page.status.as_u16()),
    }
}

#[cfg(test)]
mod tests;
