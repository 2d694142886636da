//! Telemetry: logs, metrics, and the one line per decision. Metric names are in [`names`].

mod decisions;
mod format;
mod log_throttle;
mod logs;
mod metrics;
pub mod names;
pub mod traces;

pub use decisions::{DecisionRecorder, Protocol, Stopwatch};
pub use format::{LogFormat, is_unprintable};
pub use log_throttle::LogThrottle;
pub use logs::{BadLogLevel, LogGuard, LogSettings, start};
pub use metrics::{MetricsPage, install};
pub use traces::TraceSettings;

/// A second dispatcher that stays alive while a test reads its own log. While there is only one, tracing asks the *current
/// thread's* default about a new callsite, and so a thread of another test, which has none, would disable it for all.
#[cfg(test)]
pub(crate) static SECOND_DISPATCHER: std::sync::LazyLock<tracing::Dispatch> =
    std::sync::LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
