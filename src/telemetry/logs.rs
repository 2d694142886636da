//! The log: one line per event to standard error, through `tracing-appender`'s bounded queue. A slow reader of the log never
//! delays a request: a full queue drops lines, which are counted.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use opentelemetry_sdk::trace::SpanExporter;
use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{FilterExt as _, FilterFn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use super::format::{Lines, LogFormat};
use super::traces::{self, TraceSettings};

/// The capacity of the queue in lines; a few megabytes at most.
const QUEUE: usize = 8192;

/// How long the first of several lines waits for the others; imperceptible to a reader, and a thread that logs seldom has to
/// wake the worker.
const GATHER: Duration = Duration::from_millis(10);

/// The number of bytes written at once: the capacity of a pipe.
const BATCH: usize = 64 * 1024;

/// The counter of dropped lines of the log in use.
static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// Log level and format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// A level, or directives in the syntax of `tracing_subscriber::EnvFilter`.
    pub level: String,
    /// The format of events.
    pub format: LogFormat,
}

impl LogSettings {
    fn filter(&self) -> Result<EnvFilter, BadLogLevel> {
        EnvFilter::builder().parse(&self.level).map_err(|fault| BadLogLevel(fault.to_string()))
    }
}

/// The log level is invalid.
#[derive(Debug, Error)]
#[error("the log level must be error, warn, info, debug, trace or off, or directives like `info,gatepost=debug`: {0}")]
pub struct BadLogLevel(String);

/// Flushes the log and the traces before the process ends.
pub struct LogGuard(WorkerGuard);

impl LogGuard {
    /// Waits until all lines and spans so far are written, but no longer than twice `timeout`.
    pub fn flush(self, timeout: Duration) {
        traces::flush(timeout);
        let (written, wait) = channel();
        // The guard has a timeout of its own, and if the queue stays full it reports that on standard output, which may block,
        // too. A reader that does not read must not keep the process from ending.
        let flushing = thread::Builder::new().name("log flush".to_owned()).spawn(move || {
            drop(self.0);
            written.send(())
        });
        if flushing.is_ok() {
            let _ = wait.recv_timeout(timeout);
        }
    }
}

/// Starts logging for the whole process, and the export of traces where there is an exporter; then it must be called on a
/// runtime.
///
/// # Errors
/// When the level is invalid.
pub fn start(
    settings: &LogSettings,
    traces: Option<(impl SpanExporter + 'static, &TraceSettings)>,
) -> Result<LogGuard, BadLogLevel> {
    let filter = settings.filter()?;
    let (queue, guard) = queue(QUEUE, io::stderr());
    let lost = queue.error_counter();
    let secretive = secretive(filter.max_level_hint());
    let started = match traces {
        // Filters of all layers together are cheaper than those of one.
        None => {
            let lines = lines(settings.format, queue);
            tracing_subscriber::registry().with(filter).with(secretive).with(lines).try_init()
        }
        Some((exporter, spans)) => {
            let lines = lines(settings.format, queue).with_filter(filter.and(secretive));
            tracing_subscriber::registry().with(lines).with(traces::layer(exporter, spans)).try_init()
        }
    };
    // A second start in one process keeps the first subscriber, which is equivalent.
    if started.is_ok() {
        let _ = LOST.set(lost);
    }
    Ok(LogGuard(guard))
}

/// The layer that writes events to `queue`.
fn lines<S>(format: LogFormat, queue: NonBlocking) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_subscriber::fmt::layer().event_format(Lines(format)).with_writer(queue)
}

/// The number of dropped lines.
pub(super) fn lines_lost() -> u64 {
    LOST.get().map_or(0, |lost| u64::try_from(lost.dropped_lines()).unwrap_or(u64::MAX))
}

/// A queue of `lines` lines, and the guard of the worker that writes them.
fn queue(lines: usize, out: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    let builder = NonBlockingBuilder::default().buffered_lines_limit(lines).lossy(true).thread_name("log");
    builder.finish(Batch { out, lines: Vec::with_capacity(BATCH), has_gathered: false })
}

/// Libraries log header lines and bodies at their finer levels, including cookies and codes. With every configured
/// level, only their warnings and errors pass. `most` is the finest level at which anything is logged: finer events are
/// not even evaluated.
fn secretive(most: Option<LevelFilter>) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    FilterFn::new(|meta| {
        let is_ours = meta.target().starts_with("gatepost") && meta.target() != traces::TARGET;
        is_ours || *meta.level() <= Level::WARN
    })
    .with_max_level_hint(most.unwrap_or(LevelFilter::TRACE))
}

/// Writes the lines of a short interval at once: a wake-up and a system call for each line would cost a busy server more
/// than the line itself. The worker passes one line at a time, and flushes when no other is waiting.
struct Batch<W> {
    out: W,
    lines: Vec<u8>,
    has_gathered: bool,
}

impl<W: Write> Batch<W> {
    fn write_out(&mut self) {
        // A failure to write the log cannot be logged.
        let _ = self.out.write_all(&self.lines);
        self.lines.clear();
    }
}

impl<W: Write> Write for Batch<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !self.has_gathered {
            self.has_gathered = true;
            thread::sleep(GATHER);
        }
        if self.lines.len() + line.len() > BATCH {
            self.write_out();
        }
        self.lines.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out();
        self.has_gathered = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
