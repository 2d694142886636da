//! Traces by OpenTelemetry: a span for each decision, with spans for the calls of the session store and of identity providers
//! below it. Off unless it is started; then no span exists, and nothing is evaluated.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::Handle;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, Subscriber, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::registry::LookupSpan;

use super::decisions::{Protocol, outcome};
use super::names;
use crate::domain::decision::Decision;

/// The target of all spans: the log has none of them.
pub(super) const TARGET: &str = "gatepost::trace";

/// Where spans go, while they are exported.
static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Which traces are exported, and what they say about this process.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSettings {
    /// The share of the traces that begin here, from 0 to 1. A trace that the caller began is exported if the caller's is.
    pub sample_ratio: f64,
    /// Attributes of the resource, in addition to `service.name`, `service.version` and those in `OTEL_RESOURCE_ATTRIBUTES`.
    pub resource: Vec<(String, String)>,
}

/// Whether spans are exported.
fn is_enabled() -> bool {
    PROVIDER.get().is_some()
}

/// The layer that turns spans into those of OpenTelemetry and hands them to `exporter`, which works on the current runtime.
pub(super) fn layer<S, E>(exporter: E, settings: &TraceSettings) -> impl Layer<S> + use<S, E>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    E: SpanExporter + 'static,
{
    let attributes = settings.resource.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    let resource = Resource::builder_empty()
        .with_attribute(KeyValue::new("service.name", env!("CARGO_PKG_NAME")))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())])
        .with_attributes(attributes)
        .build();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio))))
        .with_resource(resource)
        .with_batch_exporter(OnRuntime::new(exporter))
        .build();
    let tracer = provider.tracer(env!("CARGO_PKG_NAME"));
    let _ = PROVIDER.set(provider);
    let spans = tracing_opentelemetry::layer().with_tracer(tracer);
    let spans = spans.with_location(false).with_threads(false).with_tracked_inactivity(false).with_target(false);
    spans.with_filter(FilterFn::new(|metadata| metadata.target() == TARGET))
}

/// Exports the spans so far, for no longer than `timeout`, and ends the export.
pub(super) fn flush(timeout: Duration) {
    if let Some(provider) = PROVIDER.get() {
        // A failure was reported by the exporter.
        let _ = provider.shutdown_with_timeout(timeout);
    }
}

/// Makes a decision, while spans are exported in one of its own, below the one that the caller's header lines name (W3C Trace
/// Context). Without, it is the decision's own future: nothing is added to a Check.
pub fn decided<'a>(
    protocol: Protocol,
    caller: Option<&'a HeaderMap>,
    decision: impl Future<Output = Decision> + 'a,
) -> impl Future<Output = Decision> {
    if is_enabled() {
        Box::pin(decided_in_span(protocol, caller, decision)).right_future()
    } else {
        decision.left_future()
    }
}

async fn decided_in_span(
    protocol: Protocol,
    caller: Option<&HeaderMap>,
    decision: impl Future<Output = Decision>,
) -> Decision {
    let is_grpc = protocol == Protocol::ExtAuthz;
    let name = if is_grpc { "envoy.service.auth.v3.Authorization/Check" } else { protocol.as_str() };
    let span = info_span!(
        target: TARGET, "decision", otel.name = name, otel.kind = "server", otel.status_code = Empty,
        gatepost.protocol = protocol.as_str(), gatepost.application = Empty, gatepost.decision = Empty,
        gatepost.reason = Empty, gatepost.decision_id = Empty,
    );
    if let Some(lines) = caller {
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(lines));
        // It fails only for a span that has begun already, or that is not exported.
        let _ = span.set_parent(parent);
    }
    let decision = decision.instrument(span.clone()).await;
    let (kind, status) = outcome(&decision.verdict);
    let audit = &decision.audit;
    span.record("gatepost.application", audit.application.as_ref().map_or("", |slug| slug.as_str()));
    span.record("gatepost.decision", kind.as_str());
    span.record("gatepost.reason", audit.reason.as_str());
    span.record("gatepost.decision_id", audit.id.as_str());
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
    decision
}

/// Calls another program, while spans are exported in one of its own, which is marked when the call fails.
pub fn called<'a, T: 'a, E: 'a>(
    kind: Called<'a>,
    call: impl Future<Output = Result<T, E>> + 'a,
) -> impl Future<Output = Result<T, E>> {
    if is_enabled() { Box::pin(called_in_span(kind, call)).right_future() } else { call.left_future() }
}

async fn called_in_span<T, E>(kind: Called<'_>, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let span = kind.span();
    let answer = call.instrument(span.clone()).await;
    if answer.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    answer
}

/// The program that is called.
#[derive(Clone, Copy, Debug)]
pub enum Called<'a> {
    /// The session store.
    Store {
        /// What it does, as in metrics.
        operation: &'static str,
    },
    /// An identity provider.
    Provider {
        /// The issuer.
        issuer: &'a str,
        /// The purpose of the request, as in metrics.
        operation: &'static str,
    },
}

impl Called<'_> {
    fn span(self) -> Span {
        match self {
            Self::Store { operation } => info_span!(
                target: TARGET, "store", otel.name = format!("store {operation}"), otel.kind = "client",
                otel.status_code = Empty, gatepost.store.operation = operation,
            ),
            Self::Provider { issuer, operation } => info_span!(
                target: TARGET, "provider", otel.name = format!("provider {operation}"), otel.kind = "client",
                otel.status_code = Empty, gatepost.provider.operation = operation, gatepost.provider.issuer = issuer,
            ),
        }
    }
}

/// Exports on a runtime: the thread that collects spans has none. Reports when the export begins to fail, and when it works again.
struct OnRuntime<E> {
    exporter: Arc<E>,
    runtime: Handle,
    fails: AtomicBool,
}

impl<E> OnRuntime<E> {
    fn new(exporter: E) -> Self {
        Self { exporter: Arc::new(exporter), runtime: Handle::current(), fails: AtomicBool::new(false) }
    }

    fn report(&self, outcome: &OTelSdkResult) {
        let label = if outcome.is_ok() { "ok" } else { "failed" };
        metrics::counter!(names::TRACE_EXPORTS, "outcome" => label).increment(1);
        let failed_before = self.fails.swap(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Err(cause) if !failed_before => tracing::warn!(%cause, "traces cannot be exported; their spans are lost"),
            Ok(()) if failed_before => tracing::info!("traces are exported again"),
            Ok(()) | Err(_) => {}
        }
    }
}

impl<E> fmt::Debug for OnRuntime<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnRuntime").finish_non_exhaustive()
    }
}

impl<E: SpanExporter + 'static> SpanExporter for OnRuntime<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exporter = Arc::clone(&self.exporter);
        let sent = self.runtime.spawn(async move { exporter.export(batch).await }).await;
        let outcome = sent.unwrap_or_else(|cause| Err(OTelSdkError::InternalFailure(cause.to_string())));
        self.report(&outcome);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}
