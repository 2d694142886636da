//! Compares one Check by Gatepost with minimal servers, side by side in one run.
//!
//! `make bench` (or `cargo bench --bench check`). All servers share the first core, and only one works at a time; the load
//! has another core. The cases are measured in turn, several times, and medians are printed, with ratios within each round.
//! Answers are verified before that and sampled meanwhile: a fast wrong answer counts for nothing.
//!
//! `-- --quick` gives a rough idea sooner; `-- --only b,c2` measures these cases alone.

mod cases;
mod load;
mod machine;
#[path = "../tests/hostile_provider/op.rs"]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is written for tests, which stop at the first surprise"
)]
mod op;
mod options;
#[path = "../tests/budget/question.rs"]
mod question;
mod report;
#[expect(dead_code, reason = "some of it belongs to the benchmark `peers`")]
mod servers;

use std::error::Error;

use cases::{Case, Load, Stage};
use load::h2load;
use machine::{Cores, now};
use options::{Options, TURN_THROUGH_ENVOY, TURNS_THROUGH_ENVOY};
use servers::bare;

/// The number of signed-in users.
const SESSIONS: usize = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(served) = bare::serve_if_asked() {
        return served;
    }
    let options = Options::read(SESSIONS)?;
    let cores = Cores::choose()?;
    cores.leave_the_servers_alone()?;
    let began = now();
    progress(&format!("signing up {} users", options.sessions));
    let stage = Stage::set(cores, options.sessions)?;
    progress("starting Gatepost again and again");
    let starts = report::Starts::of(&stage.another, &options, cores)?;
    let (mut checks, mut through_envoy) = (stage.checks()?, stage.through_envoy()?);
    checks.push(stage.nginx()?);
    checks.retain(|case| options.wants(case.label));
    through_envoy.retain(|case| options.wants(case.label));

    let rate = warm_up(&mut checks, &options, cores);
    let generators = generators(&checks, &options, &stage, cores)?;
    for round in 1..=options.rounds {
        progress(&format!("round {round} of {}, {:.0?} so far", options.rounds, began.elapsed()));
        for case in &mut checks {
            case.measure(cores, options.span, rate);
        }
        for _ in 0..TURNS_THROUGH_ENVOY {
            for case in &mut through_envoy {
                case.measure(cores, TURN_THROUGH_ENVOY, rate);
            }
        }
    }
    let report = report::Report { options: &options, cores, starts, generators, rate, checks, through_envoy };
    report.print(&stage)
}

/// Runs each case once, so that no measured round is a server's first; half of the throughput of (b) is the rate for the
/// latencies.
fn warm_up(checks: &mut [Case<'_>], options: &Options, cores: Cores) -> Option<f64> {
    let mut rate = None;
    for case in checks {
        progress(&format!("warming up ({}) {}", case.label, case.name));
        match case.go_fast(cores, options.span) {
            Ok(round) if case.label == "b" => rate = Some((round.per_second / 200.0).ceil() * 100.0),
            Ok(_) => {}
            Err(fault) => case.fault = Some(fault.to_string()),
        }
    }
    rate
}

/// The throughput of (b) as found by our own generator and by `h2load`, when (b) is measured.
fn generators(
    checks: &[Case<'_>],
    options: &Options,
    stage: &Stage,
    cores: Cores,
) -> Result<Option<[f64; 2]>, Box<dyn Error>> {
    let Some(bare) = checks.iter().find(|case| case.label == "b") else { return Ok(None) };
    let Load::Checks(address, question) = &bare.load else { return Ok(None) };
    let theirs = h2load::per_second(cores, *address, question, &stage.file("question.bin"), options.span)?;
    Ok(Some([bare.go_fast(cores, options.span)?.per_second, theirs]))
}

#[expect(clippy::print_stderr, reason = "somebody waits for minutes")]
fn progress(text: &str) {
    eprintln!("bench: {text}");
}
