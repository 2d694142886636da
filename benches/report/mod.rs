//! The results as Markdown, which can be copied to docs/performance.md unchanged.

mod spread;
mod starts;

use std::error::Error;
use std::fmt::Write as _;

use crate::cases::{Case, Stage};
use crate::load::Round;
use crate::machine::Cores;
use crate::options::{Options, TURN_THROUGH_ENVOY, TURNS_THROUGH_ENVOY};
use crate::servers::{judges, request};
use spread::Spread;

pub(crate) use starts::Starts;

/// A server that answers less than this part of the requests at a rate has fallen behind; its latencies are meaningless.
const KEPT_UP: f64 = 0.97;

/// Maximum length of a wrong answer in the output, in characters.
const MOST_OF_A_FAULT: usize = 500;

pub(crate) struct Report<'a> {
    pub(crate) options: &'a Options,
    pub(crate) cores: Cores,
    pub(crate) starts: Starts,
    /// Requests per second that our generator and h2load find for (b).
    pub(crate) generators: Option<[f64; 2]>,
    pub(crate) rate: Option<f64>,
    pub(crate) checks: Vec<Case<'a>>,
    pub(crate) through_envoy: Vec<Case<'a>>,
}

impl Report<'_> {
    /// Prints the whole report.
    ///
    /// # Errors
    /// When a server has ended, or a case gave wrong answers.
    #[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
    pub(crate) fn print(&self, stage: &Stage) -> Result<(), Box<dyn Error>> {
        println!("{}\n{}", self.check_table()?, self.envoy_table()?);
        println!("{}\n", self.how());
        println!("{}\n", self.starts.text());
        println!("{}", self.trust(stage)?);
        let faults = self.checks.iter().chain(&self.through_envoy).filter_map(|case| case.fault.as_deref());
        let faults: Vec<_> = faults.map(|fault| fault.chars().take(MOST_OF_A_FAULT).collect::<String>()).collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(format!("these figures are not whole:\n{}", faults.join("\n")).into())
        }
    }

    fn check_table(&self) -> Result<String, Box<dyn Error>> {
        let rate = self.rate.map(|rate| Spread::of([rate].into_iter()).short(0)).unwrap_or_default();
        let mut table = format!(
            "| | requests/s | ÷ (b) | CPU seconds per million | ÷ (b) | ms as fast as it goes, p50 / p99 / p99.9 | ms at {rate}/s | MiB |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        );
        for case in &self.checks {
            table += &row(&[
                format!("({}) {}", case.label, case.name),
                per_second(&case.fast).text(0),
                against("b", &self.checks, case, |round| round.per_second).text(2),
                cpu(&case.fast).text(1),
                against("b", &self.checks, case, |round| round.cpu_per_million).text(2),
                latency(&case.fast),
                self.paced(case),
                Spread::of([case.server.resident()?].into_iter()).short(0),
            ]);
        }
        Ok(table)
    }

    fn paced(&self, case: &Case<'_>) -> String {
        let kept_up = self.rate.is_some_and(|rate| per_second(&case.paced).median > rate * KEPT_UP);
        match case.paced.as_slice() {
            [] => String::new(),
            _ if !kept_up => "too fast for it".to_owned(),
            rounds => latency(rounds),
        }
    }

    fn envoy_table(&self) -> Result<String, Box<dyn Error>> {
        let mut table = String::from(
            "| through Envoy | requests/s | ÷ (y) | CPU seconds per million, Envoy and check | ms, p50 / p99 / p99.9 | p99 ÷ (y) | Envoy's MiB |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for case in &self.through_envoy {
            table += &row(&[
                format!("({}) {}", case.label, case.name),
                per_second(&case.fast).text(0),
                against("y", &self.through_envoy, case, |round| round.per_second).text(2),
                cpu(&case.fast).text(1),
                latency(&case.fast),
                against("y", &self.through_envoy, case, |round| round.latency.p99).text(2),
                Spread::of([case.server.resident()?].into_iter()).short(0),
            ]);
        }
        Ok(table)
    }

    fn how(&self) -> String {
        let Options { rounds, span, .. } = self.options;
        let question = request::frame(&request::check(request::PAGE, &request::cookies(&"0".repeat(43)))).len();
        format!(
            "Medians (and extremes) of {rounds} rounds of {span:?}, all cases in turn, those through Envoy in \
             {TURNS_THROUGH_ENVOY} turns of {TURN_THROUGH_ENVOY:?} in each, on {}. Ratios are taken within a turn. \
             The servers share one core, one of them at work at a time; the load has the other. A Check is a \
             browser's request with 22 header lines, {question} bytes of gRPC, and sets {} headers where somebody is \
             signed in; sessions are drawn at random from {} in Gatepost's file. Checks come over 4 connections with \
             32 under way on each, or at random moments at the rate given; requests over HTTP/1.1 (g, x, y, z) from \
             `wrk` over 16 connections. Envoy has one worker on the servers' core and answers by itself what the \
             check lets pass. Gatepost's log goes to a file.",
            self.cores.describe(),
            judges::HEADERS,
            spread::number(f64::from(u32::try_from(self.options.sessions).unwrap_or(u32::MAX)), 0),
        )
    }

    /// Facts that show whether the results are credible.
    fn trust(&self, stage: &Stage) -> Result<String, Box<dyn Error>> {
        let busy = self.checks.iter().chain(&self.through_envoy).map(|case| {
            let share = |of: fn(&Round) -> f64| Spread::of(case.fast.iter().map(|round| of(round) * 100.0)).short(0);
            format!("({}) {} and {}", case.label, share(|round| round.server_core), share(|round| round.load_core))
        });
        let busy: Vec<String> = busy.collect();
        let mut text = format!("Work of the servers' core and of the load's in percent: {}.", busy.join(", "));
        if let Some([ours, theirs]) = self.generators {
            write!(text, " The generator and h2load make {ours:.0}/s and {theirs:.0}/s of (b).")?;
        }
        write!(text, " Lines of the log that came too fast and were lost: {:.0}.", stage.gatepost.lines_lost()?)?;
        Ok(text)
    }
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn per_second(rounds: &[Round]) -> Spread {
    Spread::of(rounds.iter().map(|round| round.per_second))
}

fn cpu(rounds: &[Round]) -> Spread {
    Spread::of(rounds.iter().map(|round| round.cpu_per_million))
}

fn latency(rounds: &[Round]) -> String {
    let median = |of: fn(&Round) -> f64| Spread::of(rounds.iter().map(of)).short(2);
    let parts =
        [median(|round| round.latency.p50), median(|round| round.latency.p99), median(|round| round.latency.p999)];
    parts.join(" / ")
}

/// Ratios within each round, so that a machine whose speed changes from minute to minute does no harm.
fn against(label: &str, cases: &[Case<'_>], case: &Case<'_>, of: fn(&Round) -> f64) -> Spread {
    let reference = cases.iter().find(|case| case.label == label).map_or(&[][..], |case| &case.fast);
    Spread::of(case.fast.iter().zip(reference).map(|(round, reference)| of(round) / of(reference)))
}
