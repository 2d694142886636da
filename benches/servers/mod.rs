//! The servers that are compared, each a process of its own on the first core.

pub(crate) mod bare;
pub(crate) mod gatepost;
mod request;

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};

/// A running server, stopped when dropped.
pub(crate) struct Server {
    process: Child,
    /// Where it answers Checks.
    pub(crate) address: SocketAddr,
    /// The file that holds its question, as gRPC sends it.
    pub(crate) question: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Processor time used so far, all threads together.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Box<dyn Error>> {
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let fields = stat.rsplit_once(')').ok_or("an odd /proc/PID/stat")?.1;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
    }
}

/// `program` on the first core, one worker thread.
fn on_first_core(program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0", program]).env("TOKIO_WORKER_THREADS", "1");
    command
}
