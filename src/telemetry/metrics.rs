//! The metrics recorder, rendered in Prometheus' text format by whoever holds the [`MetricsPage`].

use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::names;

/// Renders what has been recorded so far.
#[derive(Clone)]
pub struct MetricsPage(PrometheusHandle);

impl MetricsPage {
    /// Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Moves samples into their buckets; to be called every few seconds, since samples take memory until then.
    pub fn tidy(&self) {
        self.0.run_upkeep();
    }
}

/// The page of the process: there is one recorder, however often the service is started in it (tests do).
static PAGE: Mutex<Option<MetricsPage>> = Mutex::new(None);

/// Installs the recorder, once per process.
pub fn install() -> MetricsPage {
    let mut page = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    page.get_or_insert_with(build).clone()
}

fn build() -> MetricsPage {
    let bucketed = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(names::DECISION_SECONDS.to_owned()), &names::SECONDS);
    // Only an empty list of buckets is refused; without buckets the histogram would be a summary.
    let recorder = bucketed.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
    let page = MetricsPage(recorder.handle());
    if metrics::set_global_recorder(recorder).is_ok() {
        names::describe();
        metrics::gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        metrics::counter!(names::LOG_LINES_LOST).absolute(0);
        metrics::counter!(names::CALLS_SHED).absolute(0);
    }
    page
}
