//! What is recorded about running: logs, metrics, and the one line per decision. Names live in [`names`].

mod decisions;
mod format;
mod logs;
mod metrics;
pub mod names;

pub use decisions::{DecisionRecorder, Door, Stopwatch};
pub use logs::{BadLogLevel, LogFormat, LogGuard, LogSettings, start};
pub use metrics::{MetricsPage, install};
