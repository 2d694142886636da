//! The gatepost binary, run as an operator runs it: configuration file, environment, signals, exit code.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use super::json::Json;
use super::process::{Lines, Process};

/// Everything needed to start Gatepost repeatedly.
#[derive(Clone)]
pub(crate) struct Launch {
    pub(crate) folder: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) environment: Vec<(String, String)>,
}

pub(crate) struct Gatepost {
    process: Process,
    /// The port of each listener, by its name in the log.
    ports: HashMap<String, u16>,
}

impl Launch {
    /// Starts the process, without waiting for its readiness.
    pub(crate) fn spawn(&self) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.args(["serve", "--config"]).arg(&self.config).current_dir(&self.folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Process::start("gatepost", &mut command)
    }
}

impl Gatepost {
    pub(crate) fn start(launch: &Launch) -> Self {
        let process = launch.spawn();
        let mut ports = HashMap::new();
        let ready = process.err.find(|line| {
            let entry = LogLine::parse(line)?;
            if entry.message() == Some("listening") {
                let port = entry.text("address")?.rsplit(':').next()?.parse().ok()?;
                ports.insert(entry.text("listener")?.to_owned(), port);
            }
            (entry.message() == Some("ready")).then_some(())
        });
        assert!(ready.is_some(), "gatepost is not ready\n{}", process.last_words());
        Self { process, ports }
    }

    /// The port of a listener: grpc, http, https or metrics.
    pub(crate) fn port(&self, listener: &str) -> u16 {
        *self.ports.get(listener).unwrap_or_else(|| panic!("no listener {listener} among {:?}", self.ports))
    }

    /// The complete log.
    pub(crate) fn log(&self) -> &Lines {
        &self.process.err
    }

    /// Sends a signal by its number.
    pub(crate) fn signal(&self, number: u32) {
        self.process.signal(&number.to_string());
    }

    /// The memory that the process has in use, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Waits for the next log line after position `mark` with this message, and returns it.
    pub(crate) fn logs_after(&self, mark: usize, message: &str) -> LogLine {
        let found = self.log().after(mark, |line| LogLine::parse(line).filter(|line| line.message() == Some(message)));
        found.unwrap_or_else(|| panic!("no line {message:?}\n{}", self.process.last_words()))
    }

    /// Sets the soft limit on the size of files that the process writes: a number of bytes, or `unlimited`.
    pub(crate) fn limit_file_size(&self, limit: &str) {
        let process = format!("--pid={}", self.process.id());
        let set = Command::new("prlimit").args([&process, &format!("--fsize={limit}:unlimited")]).status();
        assert!(set.expect("prlimit").success());
    }

    pub(crate) fn ask_to_stop(&self) {
        self.process.ask_to_stop();
    }

    /// Waits for the requested end; a clean stop has exit code 0.
    pub(crate) fn wait_for_clean_end(&mut self) {
        let status = self.process.wait();
        assert_eq!(status.code(), Some(0), "{}", self.process.last_words());
    }

    /// Waits for an end of any kind.
    pub(crate) fn wait_for_any_end(&mut self) {
        self.process.wait();
    }

    pub(crate) fn stop(&mut self) {
        self.ask_to_stop();
        self.wait_for_clean_end();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}

/// One line of Gatepost's JSON log; its fields may be at the top level or under `fields`.
pub(crate) struct LogLine(Json);

impl LogLine {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        Json::parse(line).map(Self)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let fields = self.0.0.get("fields");
        self.0.text(name).or_else(|| fields?.get(name)?.as_str())
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.text("message")
    }
}
