//! The results as Markdown, which can be copied to docs/performance.md unchanged.

use std::error::Error;
use std::fmt::Write as _;

use crate::case::{Case, Turn};
use crate::check::Check;
use crate::machine::Cores;
use crate::memory::Memory;
use crate::options::Options;
use crate::plan::Front;
use crate::spread::{self, Spread};

pub(crate) struct Tables<'a> {
    pub(crate) options: &'a Options,
    pub(crate) cores: Cores,
    pub(crate) cases: &'a [Case],
    pub(crate) memory: Memory,
}

impl Tables<'_> {
    /// Prints a table for each front proxy, and how the figures came about.
    ///
    /// # Errors
    /// When a case has no address.
    #[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
    pub(crate) fn print(&self) -> Result<(), Box<dyn Error>> {
        for front in [Front::Envoy, Front::Nginx, Front::Apache] {
            println!("{}", self.table(front)?);
        }
        println!("{}", self.how());
        Ok(())
    }

    fn table(&self, front: Front) -> Result<String, Box<dyn Error>> {
        // Apache stands for nginx and what nginx asks.
        let compared = if front == Front::Apache { Front::Nginx } else { front };
        let ours = self.turns(compared, Check::Gatepost);
        let bare = self.turns(front, Check::Nothing);
        let reference = self.case(compared, Check::Gatepost).map_or("Gatepost", |case| case.plan.label);
        let mut table = format!(
            "| {} | requests/s | ÷ ({reference}) | CPU seconds per million, front proxy and check | ÷ ({reference}) | \
             more than without a check | requests per CPU second of the check | ms, p50 / p99 | \
             bytes of cookies | MiB |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
            front.name()
        );
        for case in self.cases.iter().filter(|case| case.plan.front == front) {
            // Apache's own work cannot be told from the check's, nor Envoy's from its filters'.
            let turns = case.turns.iter().filter(|turn| front != Front::Apache && turn.check_cpu > 0.0);
            let own = Spread::of(turns.map(|turn| 1e6 / turn.check_cpu));
            let added = Spread::of(case.turns.iter().zip(bare).map(|(turn, bare)| cpu(turn) - cpu(bare)));
            let cells = [
                format!("({}) {}", case.plan.label, case.plan.check.name()),
                Spread::of(case.turns.iter().map(per_second)).text(0),
                ratio(&case.turns, ours, per_second),
                Spread::of(case.turns.iter().map(cpu)).text(1),
                ratio(&case.turns, ours, cpu),
                if case.plan.check == Check::Nothing { String::new() } else { added.text(1) },
                own.text(0),
                [
                    median(&case.turns, |turn| turn.round.latency.p50),
                    median(&case.turns, |turn| turn.round.latency.p99),
                ]
                .join(" / "),
                spread::number(f64::from(u32::try_from(case.cookie_bytes()?)?), 0),
                self.memory.text(&case.plan),
            ];
            writeln!(table, "| {} |", cells.join(" | "))?;
        }
        Ok(table)
    }

    fn case(&self, front: Front, check: Check) -> Option<&Case> {
        self.cases.iter().find(|case| case.plan.front == front && case.plan.check == check)
    }

    fn turns(&self, front: Front, check: Check) -> &[Turn] {
        self.case(front, check).map_or(&[], |case| &case.turns)
    }

    fn how(&self) -> String {
        let Options { rounds, span, sessions, .. } = self.options;
        let busy = |of: fn(&Turn) -> f64| {
            Spread::of(self.cases.iter().flat_map(|case| &case.turns).map(|turn| of(turn) * 100.0)).text(0)
        };
        format!(
            "Medians (and extremes) of {rounds} rounds of {span:?}, all cases in turn, on {}; {} sessions in each store. \
             Work of the servers' core in percent: {}, of the load's core: {}.",
            self.cores.describe(),
            spread::number(f64::from(u32::try_from(*sessions).unwrap_or(u32::MAX)), 0),
            busy(|turn| turn.round.server_core),
            busy(|turn| turn.round.load_core),
        )
    }
}

fn per_second(turn: &Turn) -> f64 {
    turn.round.per_second
}

fn cpu(turn: &Turn) -> f64 {
    turn.round.cpu_per_million
}

fn median(turns: &[Turn], of: fn(&Turn) -> f64) -> String {
    Spread::of(turns.iter().map(of)).short(2)
}

/// Ratios within each round, so that a machine whose speed changes from minute to minute does no harm.
fn ratio(turns: &[Turn], reference: &[Turn], of: fn(&Turn) -> f64) -> String {
    Spread::of(turns.iter().zip(reference).map(|(turn, reference)| of(turn) / of(reference))).text(2)
}
