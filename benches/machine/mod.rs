//! The machine: two of its cores, one for the servers and one for the load, and their utilization.

use std::error::Error;
use std::fs;
use std::process::Command;
use std::time::Instant;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The present moment.
#[expect(clippy::disallowed_methods, reason = "measuring time is what this program is for")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The cores that are used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// The core of every server.
    pub(crate) server: usize,
    /// The core of the load and of this program.
    pub(crate) load: usize,
}

impl Cores {
    /// Two cores that this process may use; if possible, not two hardware threads of one core.
    ///
    /// # Errors
    /// When there is only one.
    pub(crate) fn choose() -> Result<Self, Box<dyn Error>> {
        let ours = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| ours.is_set(*core));
        let server = cores.next().ok_or("no core")?;
        let others: Vec<usize> = cores.collect();
        let apart = others.iter().find(|core| !siblings(server).contains(*core)).or(others.first());
        Ok(Self { server, load: *apart.ok_or("two cores are needed: one for the server, one for the load")? })
    }

    /// Pins this thread, and every process that it starts, to the load's core.
    pub(crate) fn leave_the_servers_alone(self) -> Result<(), Box<dyn Error>> {
        let mut set = CpuSet::new();
        set.set(self.load);
        Ok(sched_setaffinity(None, &set)?)
    }

    /// The command for `program` as a server.
    pub(crate) fn on_server(self, program: &str) -> Command {
        on(self.server, program)
    }

    /// The command for `program` on the load's core.
    pub(crate) fn on_load(self, program: &str) -> Command {
        on(self.load, program)
    }

    /// A description for the report.
    pub(crate) fn describe(self) -> String {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = info.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name));
            line.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, value)| value).to_owned()
        };
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kilobytes = memory.lines().next().and_then(|line| line.split_whitespace().nth(1));
        let gigabytes = kilobytes.and_then(|text| text.parse::<u32>().ok()).map_or(0, |size| size / (1 << 20));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let together = if siblings(self.server).contains(&self.load) { "two threads of one core" } else { "two cores" };
        let kind =
            if field("flags").split(' ').any(|flag| flag == "hypervisor") { "virtual machine" } else { "machine" };
        format!(
            "{}, {together} of a {kind} with {gigabytes} GiB, Linux {}",
            field("model name"),
            kernel.trim().split('-').next().unwrap_or_default()
        )
    }
}

/// The command for `program` on a core; the process is killed when this program ends in any way.
fn on(core: usize, program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "taskset", "-c", &core.to_string(), program]);
    command
}

/// The hardware threads that share a core with this one, itself included.
fn siblings(core: usize) -> Vec<usize> {
    let file = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
    let text = fs::read_to_string(file).unwrap_or_default();
    let ranges = text.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    ranges.flatten().collect()
}

/// Busy and idle time of a core, in ticks since the machine started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    rest: f64,
    all: f64,
}

impl Usage {
    pub(crate) fn of(core: usize) -> Result<Self, Box<dyn Error>> {
        let stat = fs::read_to_string("/proc/stat")?;
        let prefix = format!("cpu{core} ");
        let line = stat.lines().find_map(|line| line.strip_prefix(&prefix)).ok_or("no such core in /proc/stat")?;
        // user nice system idle iowait irq softirq steal; guest time is included in user.
        let ticks = line.split_whitespace().take(8).map(str::parse::<f64>).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { rest: ticks.iter().skip(3).take(2).sum(), all: ticks.iter().sum() })
    }

    /// The share of the time since `before` that the core was busy, from 0 to 1.
    pub(crate) fn busy_since(&self, before: &Self) -> f64 {
        1.0 - (self.rest - before.rest) / (self.all - before.all).max(1.0)
    }
}
