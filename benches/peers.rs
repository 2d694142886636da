//! Compares Gatepost with other programs that sign users in: behind the same front proxy, with the same request of a user
//! who has signed in at the same provider, in one run.
//!
//! `make bench-peers` (or `cargo bench --bench peers`, once the programs are installed). All servers share the first core,
//! and only one case is measured at a time; the load has another core. The cases are measured in turn, several times;
//! medians are printed, with ratios within each round. Before each turn a browser sends one request, whose answer is
//! verified, and the load repeats it with the browser's cookies.
//!
//! `-- --quick` gives a rough idea sooner; `-- --only e0,e1,e4` measures these cases alone; `-- --sessions NUMBER` changes
//! the number of sessions in the stores.

#[path = "peers/addresses.rs"]
mod addresses;
#[path = "peers/apache.rs"]
mod apache;
#[path = "peers/case.rs"]
mod case;
#[path = "peers/check.rs"]
mod check;
#[path = "peers/envoy.rs"]
mod envoy;
#[expect(dead_code, unused_imports, reason = "this benchmark sends no Checks of its own")]
mod load;
mod machine;
#[path = "peers/memory.rs"]
mod memory;
#[path = "peers/nginx.rs"]
mod nginx;
#[path = "peers/oauth2_proxy.rs"]
mod oauth2_proxy;
#[path = "../tests/hostile_provider/op.rs"]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is written for tests, which stop at the first surprise"
)]
mod op;
#[expect(dead_code, reason = "the other benchmark has more of them")]
mod options;
#[path = "peers/plan.rs"]
mod plan;
#[path = "peers/programs.rs"]
mod programs;
#[path = "../tests/budget/question.rs"]
mod question;
#[expect(dead_code, reason = "the minimal servers belong to the other benchmark")]
mod servers;
#[path = "report/spread.rs"]
mod spread;
#[path = "peers/table.rs"]
mod table;

/// The browser and the provider of the end-to-end tests.
#[path = "../tests/e2e/support"]
#[expect(
    dead_code,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "it is written for tests, which stop at the first surprise"
)]
mod support {
    pub(crate) mod application;
    pub(crate) mod browser;
    pub(crate) mod cookies;
    pub(crate) mod json;
    pub(crate) mod ports;
    pub(crate) mod process;
    pub(crate) mod provider;
    pub(crate) mod tools;
}

use std::error::Error;

use case::Case;
use machine::{Cores, now};
use memory::Memory;
use options::Options;
use programs::Programs;
use table::Tables;

/// The number of sessions in the stores.
const SESSIONS: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(SESSIONS)?;
    let cores = Cores::choose()?;
    cores.leave_the_servers_alone()?;
    let began = now();
    let plans = plan::all();
    progress("starting the programs");
    let programs = Programs::start(&plans, cores, options.sessions)?;
    let mut cases = Vec::new();
    for plan in plans.iter().filter(|plan| options.wants(plan.label)) {
        progress(&format!("({}) {} {}: signing in", plan.label, plan.front.name(), plan.check.name()));
        cases.push(Case::sign_in(plan, &programs)?);
    }
    for case in &mut cases {
        // No measured turn is a server's first.
        case.turn(&programs, options.span)?;
    }
    for round in 1..=options.rounds {
        progress(&format!("round {round} of {}, {:.0?} so far", options.rounds, began.elapsed()));
        for case in &mut cases {
            let turn = case.turn(&programs, options.span)?;
            case.turns.push(turn);
        }
    }
    let memory = Memory::measure(&programs, options.sessions)?;
    Tables { options: &options, cores, cases: &cases, memory }.print()
}

#[expect(clippy::print_stderr, reason = "a run takes minutes")]
fn progress(text: &str) {
    eprintln!("bench: {text}");
}
