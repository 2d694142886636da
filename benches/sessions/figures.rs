//! Durations and sizes, and their output format.

use std::fs;
use std::time::Duration;

use crate::Outcome;

const MEBIBYTE: u64 = 1024 * 1024;

pub(crate) fn say_machine(sessions: u64) {
    let machine = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = machine.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown processor");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    say_line(&format!("session stores with {sessions} sessions ({model}; load when this began: {load})"));
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
pub(crate) fn say_line(line: &str) {
    println!("{line}");
}

pub(crate) fn say(what: &str, figure: &str) {
    say_line(&format!("  {what:<52}{figure}"));
}

pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes / MEBIBYTE)
}

pub(crate) fn time(time: Duration) -> String {
    let nanoseconds = time.as_nanos();
    match nanoseconds {
        0..10_000 => format!("{nanoseconds} ns"),
        10_000..10_000_000 => format!("{} µs", nanoseconds / 1000),
        10_000_000..10_000_000_000 => format!("{} ms", nanoseconds / 1_000_000),
        _ => format!("{} s", nanoseconds / 1_000_000_000),
    }
}

/// Median, 99th percentile and maximum.
pub(crate) fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |hundredths: usize| {
        let index = (times.len() * hundredths / 100).min(times.len().saturating_sub(1));
        time(times.get(index).copied().unwrap_or_default())
    };
    format!("p50 {}, p99 {}, worst {} of {}", at(50), at(99), at(100), times.len())
}

/// The processor time of this thread; other programs on the machine do not affect it.
pub(crate) fn processor_time() -> Outcome<Duration> {
    let taken = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = taken.split(' ').next().ok_or("an empty schedstat")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

/// Memory of this process in bytes: anonymous pages only, without the page cache of files.
pub(crate) fn memory() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("no RssAnon")?;
    Ok(kibibytes.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
