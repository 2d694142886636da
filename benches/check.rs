//! A signed-in Check, by Gatepost and by a bare tonic server, side by side in one run.
//!
//! `make bench` (or `cargo bench --bench check`). Each server runs alone on the first core, the load (`h2load`) on the
//! second; the pair is measured in turn several times, and the medians and their ratio are printed. Before that every
//! answer is looked at: a fast wrong answer counts for nothing.

#[path = "../tests/hostile_provider/op.rs"]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is written for tests, which stop at the first surprise"
)]
mod op;
mod servers;

use std::error::Error;
use std::fs;
use std::process::Command;

use servers::{Server, bare, gatepost};

const ROUNDS: usize = 5;
const REQUESTS: usize = 200_000;

/// What one round showed.
#[derive(Clone, Copy)]
struct Round {
    requests_per_second: f64,
    cpu_microseconds: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|argument| argument == bare::ROLE) {
        return bare::serve();
    }
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let [ours, silent] = ["info", "warn"].map(|level| runtime.block_on(gatepost::start(folder.path(), level)));
    let (ours, silent) = (ours?, silent?);
    let bare = runtime.block_on(bare::start(&ours.question))?;
    let contenders = [("bare tonic + envoy-types", bare), ("Gatepost", ours), ("Gatepost, log.level: warn", silent)];
    let mut figures = contenders.map(|(name, server)| Figures { name, server, rounds: Vec::new() });
    for _ in 0..ROUNDS {
        for contender in &mut figures {
            let round = measure(&contender.server)?;
            contender.rounds.push(round);
        }
    }
    report(&figures);
    Ok(())
}

/// A server and what its rounds showed; the first one is the reference.
struct Figures {
    name: &'static str,
    server: Server,
    rounds: Vec<Round>,
}

fn measure(server: &Server) -> Result<Round, Box<dyn Error>> {
    let before = server.cpu_seconds()?;
    let requests = REQUESTS.to_string();
    let url = format!("http://{}/envoy.service.auth.v3.Authorization/Check", server.address);
    let output = Command::new("taskset")
        .args(["-c", "1", "h2load", "-n", &requests, "-c", "4", "-m", "32", "-t", "1"])
        .args(["-H", "content-type: application/grpc", "-H", "te: trailers", "-d"])
        .arg(&server.question)
        .arg(url)
        .output()
        .map_err(|fault| format!("h2load could not be run ({fault}); `make bench` installs it"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !text.contains(&format!("{REQUESTS} succeeded")) {
        return Err(format!("not every request succeeded:\n{text}").into());
    }
    let rate = text.split("finished in ").nth(1).and_then(|rest| rest.split(", ").nth(1));
    let rate = rate.and_then(|rate| rate.strip_suffix(" req/s").or_else(|| rate.split(' ').next()));
    let requests_per_second = rate.ok_or("h2load printed no rate")?.parse()?;
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    let cpu_microseconds = (server.cpu_seconds()? - before) * 1e6 / REQUESTS as f64;
    Ok(Round { requests_per_second, cpu_microseconds })
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn report(figures: &[Figures]) {
    let machine = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = machine.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown processor");
    println!("signed-in Check, one core per server ({model}), {ROUNDS} rounds of {REQUESTS} requests in turn");
    println!("{:<28}{:>26}{:>8}{:>26}{:>8}", "", "requests/s", "ratio", "CPU µs per request", "ratio");
    let rate = |of: &Figures| spread(of.rounds.iter().map(|round| round.requests_per_second));
    let cpu = |of: &Figures| spread(of.rounds.iter().map(|round| round.cpu_microseconds));
    for of in figures {
        let (rate_ratio, cpu_ratio) = match figures.first() {
            Some(reference) => (rate(of).median / rate(reference).median, cpu(of).median / cpu(reference).median),
            None => (f64::NAN, f64::NAN),
        };
        let (rate, cpu) = (rate(of).text(0), cpu(of).text(1));
        println!("{:<28}{rate:>26}{rate_ratio:>8.2}{cpu:>26}{cpu_ratio:>8.2}", of.name);
    }
}

/// A median with the extremes.
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn text(&self, digits: usize) -> String {
        format!("{:.digits$} ({:.digits$} to {:.digits$})", self.median, self.least, self.most)
    }
}

fn spread(values: impl Iterator<Item = f64>) -> Spread {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    Spread { median: at(values.len() / 2), least: at(0), most: at(values.len().saturating_sub(1)) }
}
