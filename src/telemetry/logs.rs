//! The log: one line per event to standard error, through a bounded queue. Whoever reads the log may be as
//! slow as he likes: a full queue loses lines, which are counted, and never holds up a request.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::format::Lines;
use super::names;

/// Lines that may wait for their reader; some megabytes at most.
const QUEUE: usize = 8192;

/// How long the first of several lines waits for the others; no reader notices, and whoever writes a line seldom has to wake
/// the one who writes it out.
const GATHER: Duration = Duration::from_millis(10);

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people at a terminal.
    Text,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// A level, or directives in the syntax of `tracing_subscriber::EnvFilter`.
    pub level: String,
    /// How events are written.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Json }
    }
}

impl LogSettings {
    /// Whether the level is one; for whoever checks a configuration without starting.
    ///
    /// # Errors
    /// When it is neither a level nor directives.
    pub fn check(&self) -> Result<(), BadLogLevel> {
        self.filter().map(drop)
    }

    fn filter(&self) -> Result<EnvFilter, BadLogLevel> {
        EnvFilter::builder().parse(&self.level).map_err(|fault| BadLogLevel(fault.to_string()))
    }
}

/// The log level cannot be read.
#[derive(Debug, Error)]
#[error("the log level must be error, warn, info, debug, trace or off, or directives like `info,gatepost=debug`: {0}")]
pub struct BadLogLevel(String);

/// Lets the log be written out before the process ends.
pub struct LogGuard(SyncSender<Job>);

impl LogGuard {
    /// Waits until all lines so far are written, but no longer than `patience`.
    pub fn flush(&self, patience: Duration) {
        let (written, wait) = channel();
        if self.0.try_send(Job::Flush(written)).is_ok() {
            // A reader that does not read must not keep the process from ending.
            let _ = wait.recv_timeout(patience);
        }
    }
}

/// Starts logging for the whole process.
///
/// # Errors
/// When the level cannot be read.
pub fn start(settings: &LogSettings) -> Result<LogGuard, BadLogLevel> {
    let filter = settings.filter()?;
    let (queue, jobs) = sync_channel(QUEUE);
    thread::Builder::new().name("log".to_owned()).spawn(move || write_out(&jobs, &mut io::stderr())).ok();
    let lines = tracing_subscriber::fmt::layer().event_format(Lines(settings.format)).with_writer(Queue(queue.clone()));
    let secretive = secretive(filter.max_level_hint());
    // A second start in one process keeps the first subscriber, which is as good.
    let _ = tracing_subscriber::registry().with(filter).with(secretive).with(lines).try_init();
    Ok(LogGuard(queue))
}

/// Libraries below us log header lines and bodies at their finer levels, cookies and codes among them.
/// Whatever the operator's level says, they get no further than warnings. `most` is the finest level that anybody logs at:
/// below it, nobody is even asked.
fn secretive(most: Option<LevelFilter>) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    FilterFn::new(|meta| meta.target().starts_with("gatepost") || *meta.level() <= Level::WARN)
        .with_max_level_hint(most.unwrap_or(LevelFilter::TRACE))
}

enum Job {
    Line(Vec<u8>),
    Flush(Sender<()>),
}

/// Writes what comes within a moment at once: a wake-up and a system call for each line would cost a busy server more
/// than the line itself.
fn write_out(jobs: &Receiver<Job>, out: &mut dyn Write) {
    let mut lines = Vec::new();
    while let Ok(first) = jobs.recv() {
        thread::sleep(GATHER);
        let waiting = std::iter::once(first).chain(jobs.try_iter().take(QUEUE));
        let mut flushed = Vec::new();
        for job in waiting {
            match job {
                Job::Line(line) => lines.extend_from_slice(&line),
                Job::Flush(written) => flushed.push(written),
            }
        }
        // Nothing can be said about a log that cannot be written.
        let _ = out.write_all(&lines);
        lines.clear();
        for written in flushed {
            // Whoever waited for it may have gone.
            let _ = written.send(());
        }
    }
}

struct Queue(SyncSender<Job>);

impl<'a> MakeWriter<'a> for Queue {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.try_send(Job::Line(line.to_vec())).is_err() {
            metrics::counter!(names::LOG_LINES_LOST).increment(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
