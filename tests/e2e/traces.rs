//! Traces, as a collector receives them.

use http::Method;

use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::collector::{Collector, Exported};
use crate::support::envoy::Scenario;
use crate::support::front_proxy::{FrontProxy, FrontSite};
use crate::support::settings::Mode;
use crate::support::site::Plan;

const CHECK: &str = "envoy.service.auth.v3.Authorization/Check";

fn section(collector: &Collector, lines: &str) -> &'static str {
    let address = collector.address;
    Box::leak(format!("traces: {{ endpoint: 'http://{address}', {lines} }}\n").into_boxed_str())
}

fn with_reason<'a>(spans: &'a [Exported], reason: &str) -> Option<&'a Exported> {
    spans.iter().find(|span| span.attributes.get("gatepost.reason").is_some_and(|found| found == reason))
}

/// Envoy begins the trace; the decision and the calls that it caused are below Envoy's spans.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_one_trace_for_each_request_below_envoys_spans() {
    let collector = Collector::over_grpc().await;
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.traced_to = Some(collector.address.port());
    plan.settings.sections =
        section(&collector, "headers: { authorization: Basic x }, resource: { deployment.environment.name: test }");
    let site = plan.start().await;
    let browser = site.signed_in(Protocol::Http2).await;
    browser.open(&site.wiki("/page")).await.seen();
    let is_complete = |spans: &[Exported]| {
        let is_of_envoy = |span: &Exported| span.resource.get("service.name").is_some_and(|name| name == "envoy");
        ["sign_in_started", "sign_in_completed", "signed_in"].iter().all(|reason| {
            with_reason(spans, reason)
                .is_some_and(|span| spans.iter().any(|other| is_of_envoy(other) && other.id == span.parent))
        })
    };
    let spans = collector.spans(is_complete).await;
    let check = with_reason(&spans, "signed_in").unwrap();
    assert_eq!((check.name.as_str(), check.failed), (CHECK, false));
    assert_eq!(check.attributes["gatepost.application"], "wiki");
    assert_eq!(check.attributes["gatepost.decision"], "allow");
    assert_eq!(check.resource["service.name"], "gatepost");
    assert_eq!(check.resource["deployment.environment.name"], "test");
    assert_eq!(check.authorization.as_deref(), Some("Basic x"));
    let envoys = spans.iter().find(|span| span.id == check.parent).unwrap();
    assert_eq!(envoys.trace, check.trace);

    let callback = with_reason(&spans, "sign_in_completed").unwrap();
    let below: Vec<&Exported> = spans.iter().filter(|span| span.parent == callback.id).collect();
    for name in ["provider token", "store save"] {
        let span = below.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {below:#?}"));
        assert_eq!((&span.trace, span.failed), (&callback.trace, false));
    }
    let ours = spans.iter().filter(|span| span.resource["service.name"] == "gatepost");
    for value in ours.flat_map(|span| span.attributes.values()) {
        assert!(!value.contains("alice") && !value.contains("code="), "neither users nor codes are in spans: {value}");
    }
}

/// OTLP over HTTP, a front proxy whose subrequest carries a trace, and one that does not want it exported.
#[tokio::test(flavor = "multi_thread")]
async fn a_front_proxys_trace_goes_on_and_its_sampling_counts() {
    let collector = Collector::over_http().await;
    let traces = section(&collector, "protocol: http, sample_ratio: 0");
    let site = FrontSite::start_with(FrontProxy::Nginx, Mode::Single, |settings, _| {
        settings.sections = Box::leak(format!("{}{traces}", settings.sections).into_boxed_str());
    })
    .await;
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let browser = Browser::new(Protocol::Http1);
    let ask = |flags: &str| {
        Ask::script(Method::GET, &site.wiki("/")).header("traceparent", &format!("00-{trace}-{parent}-{flags}"))
    };
    // Not sampled, and without a trace: nothing is exported of these.
    browser.ask(ask("00")).await;
    browser.ask(Ask::script(Method::GET, &site.wiki("/"))).await;
    browser.ask(ask("01")).await;
    let spans = collector.spans(|spans| !spans.is_empty()).await;
    let number = |text: &str| u128::from_str_radix(text, 16).unwrap();
    let of = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
    let all: Vec<_> = spans.iter().map(|span| (span.name.as_str(), of(&span.trace), of(&span.parent))).collect();
    assert_eq!(all, [("nginx", number(trace), number(parent))]);
}

/// A collector that is away costs spans and a log line, never a request.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_nothing_but_spans() {
    let collector = Collector::over_grpc().await;
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.sections = section(&collector, "timeout: 1s");
    drop(collector);
    let site = plan.start().await;
    let mark = site.gatepost.log().count();
    let browser = site.signed_in(Protocol::Http2).await;
    browser.open(&site.wiki("/page")).await.seen();
    site.gatepost.logs_after(mark, "traces cannot be exported; their spans are lost");
}
