//! The metrics recorder, rendered in Prometheus' text format through a [`MetricsPage`].

use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::logs;
use super::names::{self, MetricType};

/// Renders what has been recorded so far.
#[derive(Clone)]
pub struct MetricsPage(PrometheusHandle);

impl MetricsPage {
    /// Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        metrics::counter!(names::LOG_LINES_LOST).absolute(logs::lines_lost());
        self.0.render()
    }

    /// Moves samples into their buckets; must be called every few seconds, since samples take memory until then.
    pub fn tidy(&self) {
        self.0.run_upkeep();
    }
}

/// The page of the process: there is one recorder, even if the service is started in it several times (as tests do).
static PAGE: Mutex<Option<MetricsPage>> = Mutex::new(None);

/// Installs the recorder, once per process. Counters and histograms created before have no effect.
pub fn install() -> MetricsPage {
    let mut page = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    page.get_or_insert_with(build).clone()
}

fn build() -> MetricsPage {
    // Only an empty list of bounds is an error; without bounds a histogram would be a summary.
    let recorder = with_bounds().unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
    let page = MetricsPage(recorder.handle());
    if metrics::set_global_recorder(recorder).is_ok() {
        names::describe();
        metrics::gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        for counter in [names::LOG_LINES_LOST, names::CALLS_SHED, names::SESSIONS_EXPIRED] {
            metrics::counter!(counter).absolute(0);
        }
    }
    page
}

fn with_bounds() -> Result<PrometheusBuilder, BuildError> {
    names::ALL.iter().try_fold(PrometheusBuilder::new(), |builder, metric| match metric.kind {
        MetricType::Histogram(bounds) => builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds),
        MetricType::Counter | MetricType::Gauge => Ok(builder),
    })
}

#[cfg(test)]
mod tests;
