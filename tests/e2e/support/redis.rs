//! The real Redis and Valkey, one server each, with persistence so that they can be killed and restarted.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::ports::free_port;
use super::process::{Process, eventually};
use super::{raw, tools};

/// Redis or Valkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    Redis,
    Valkey,
}

impl Make {
    pub(crate) const BOTH: [Self; 2] = [Self::Redis, Self::Valkey];

    fn program(self) -> PathBuf {
        match self {
            Self::Redis => tools::installed("redis-server"),
            Self::Valkey => tools::fetched("valkey/usr/bin/valkey-server"),
        }
    }
}

/// A running server.
pub(crate) struct Redis {
    process: Process,
    make: Make,
    port: u16,
    folder: TempDir,
}

impl Redis {
    pub(crate) async fn start(make: Make) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
        let process = run(make, port, &folder);
        let redis = Self { process, make, port, folder };
        redis.answers().await;
        redis
    }

    /// Restarts it after it was killed, on the same port and with its persisted data.
    pub(crate) async fn start_again(&mut self) {
        self.process = run(self.make, self.port, &self.folder);
        self.answers().await;
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    async fn answers(&self) {
        eventually("the store answers", async || (self.ask("PING").await? == "+PONG").then_some(())).await;
    }

    /// Sends one inline command; returns the first line of the answer.
    pub(crate) async fn ask(&self, command: &str) -> Option<String> {
        let answer = raw::exchange(self.port, format!("{command}\r\nQUIT\r\n").as_bytes()).await?;
        answer.lines().next().map(str::to_owned)
    }

    /// The section `session` of a Gatepost that stores its sessions here.
    pub(crate) fn as_session(&self) -> String {
        // Every replica has the same key; these are 32 zeros, suitable for tests only.
        let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        // The default of 100 ms is exceeded now and then on a busy machine; this is nearly the longest value that is
        // allowed.
        let redis = format!("{{ url: 'redis://127.0.0.1:{}', command_timeout: 900ms }}", self.port);
        format!("{{ store: redis, sealing_key: {key}, redis: {redis} }}")
    }
}

fn run(make: Make, port: u16, folder: &TempDir) -> Process {
    let mut command = Command::new(make.program());
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(folder.path());
    command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    Process::start("the store", &mut command)
}
