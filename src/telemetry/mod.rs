//! What is recorded about running: logs, metrics, and the one line per decision. Names live in [`names`].

mod decisions;
mod format;
mod logs;
mod metrics;
pub mod names;

pub use decisions::{DecisionRecorder, Protocol, Stopwatch};
pub use format::LogFormat;
pub use logs::{BadLogLevel, LogGuard, LogSettings, start};
pub use metrics::{MetricsPage, install};

/// A second dispatcher that stays while a test looks at its own log. While there is only one, tracing asks the *current
/// thread's* default about a callsite that is new, and so a thread of another test, which has none, would switch it off for all.
#[cfg(test)]
static SECOND_DISPATCHER: std::sync::LazyLock<tracing::Dispatch> =
    std::sync::LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
