//! The servers that are compared, each a process of its own on the servers' core.

pub(crate) mod bare;
pub(crate) mod envoy;
pub(crate) mod gatepost;
pub(crate) mod judges;
pub(crate) mod redis;
pub(crate) mod request;
pub(crate) mod sessions;

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::Duration;

use crate::machine::now;

const TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// A running server, stopped when dropped.
pub(crate) struct Server {
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Result<Self, Box<dyn Error>> {
        let process = command.spawn().map_err(|fault| format!("{}: {fault}", command.get_program().display()))?;
        Ok(Self { process })
    }

    /// Waits until the process accepts connections there.
    ///
    /// # Errors
    /// When it ends, or takes too long.
    pub(crate) fn wait_for(&mut self, address: SocketAddr) -> Result<(), Box<dyn Error>> {
        let began = now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.process.try_wait()? {
                return Err(format!("the server for {address} ended with {status}").into());
            }
            if began.elapsed() > TIMEOUT {
                return Err(format!("no server listens on {address} after {TIMEOUT:?}").into());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Processor time used so far by all threads of the process and its workers, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Box<dyn Error>> {
        self.processes()?.iter().map(|process| cpu_seconds(process)).sum()
    }

    /// Resident memory in MiB, mapped files included.
    pub(crate) fn resident(&self) -> Result<f64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()).ok_or("an odd /proc/PID/status")?;
        Ok(kilobytes.parse::<f64>()? / 1024.0)
    }

    /// Memory in MiB of the process and its workers; pages that they share count once.
    pub(crate) fn proportional(&self) -> Result<f64, Box<dyn Error>> {
        let kilobytes = self.processes()?.into_iter().map(|process| {
            let sums = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
            let line = sums.lines().find_map(|line| line.strip_prefix("Pss:"));
            let number = line.and_then(|line| line.split_whitespace().next()).ok_or("an odd /proc/PID/smaps_rollup")?;
            Ok(number.parse::<f64>()?)
        });
        Ok(kilobytes.sum::<Result<f64, Box<dyn Error>>>()? / 1024.0)
    }

    /// The ids of the process and of those that it has started.
    fn processes(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let main = self.process.id().to_string();
        let workers = fs::read_to_string(format!("/proc/{main}/task/{main}/children"))?;
        let workers: Vec<String> = workers.split_whitespace().map(str::to_owned).collect();
        Ok([vec![main], workers].concat())
    }

    /// Sends SIGTERM, and waits until the process has ended.
    pub(crate) fn stop(mut self) -> Result<(), Box<dyn Error>> {
        Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status()?;
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { Err(format!("a server ended with {status}").into()) }
    }
}

fn cpu_seconds(process: &str) -> Result<f64, Box<dyn Error>> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields = stat.rsplit_once(')').ok_or("an odd /proc/PID/stat")?.1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
}

/// Unused addresses, for programs that have to be given theirs.
fn free_addresses<const COUNT: usize>() -> Result<[SocketAddr; COUNT], Box<dyn Error>> {
    let held = (0..COUNT).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<Vec<_>, _>>()?;
    let addresses = held.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>()?;
    addresses.try_into().map_err(|_| "no free addresses".into())
}
