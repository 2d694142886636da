//! The cost of each session store with a million sessions in it.
//!
//! `make bench-sessions`, or `cargo bench --bench sessions -- 100000 file` for fewer sessions or some of the stores. Each
//! store is filled and measured in a process of its own, so that the reported memory is its own.

#[path = "sessions/figures.rs"]
mod figures;
#[path = "sessions/population.rs"]
mod population;
#[path = "sessions/redis.rs"]
mod redis;
#[path = "sessions/steps.rs"]
mod steps;
#[path = "sessions/store.rs"]
mod store;

use std::error::Error;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::redis::Redis;
use crate::store::StoreKind;

const SESSIONS: u64 = 1_000_000;
/// The first argument of a child process, which selects its role.
const MEASURE: &str = "measure";
const HOLD: &str = "hold";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    // `cargo bench` adds a flag of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [MEASURE, kind, sessions, directory] => measure(kind, sessions.parse()?, Path::new(directory)),
        [HOLD, kind, sessions, directory] => hold(kind, sessions.parse()?, Path::new(directory)),
        choice => run(choice),
    }
}

/// Runs a process for each store; `choice` names stores and the number of sessions.
fn run(choice: &[&str]) -> Outcome<()> {
    let sessions = choice.iter().find_map(|word| word.parse().ok()).unwrap_or(SESSIONS);
    let named: Vec<StoreKind> = choice.iter().filter_map(|word| StoreKind::named(word)).collect();
    let kinds = if named.is_empty() { StoreKind::ALL.to_vec() } else { named };
    figures::say_machine(sessions);
    for kind in kinds {
        let directory = tempfile::tempdir()?;
        let _server = (kind == StoreKind::Redis).then(|| Redis::start(directory.path())).transpose()?;
        let finished = another_process(MEASURE, kind, sessions, directory.path())?.status()?;
        if !finished.success() {
            return Err(format!("the measurement of `{}` failed", kind.name()).into());
        }
    }
    Ok(())
}

fn another_process(role: &str, kind: StoreKind, sessions: u64, directory: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([role, kind.name(), &sessions.to_string()]).arg(directory);
    Ok(command)
}

fn measure(kind: &str, sessions: u64, directory: &Path) -> Outcome<()> {
    let kind = StoreKind::named(kind).ok_or("no such store")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(steps::all(kind, sessions, directory))
}

/// Opens the store, changes it once, reports that, and then waits to be killed.
fn hold(kind: &str, sessions: u64, directory: &Path) -> Outcome<()> {
    let kind = StoreKind::named(kind).ok_or("no such store")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let store = kind.open(directory)?;
    runtime.block_on(store.save(&population::key(sessions), population::session(sessions)))?;
    figures::say_line("held");
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// Leaves the store as a `kill -9` in the middle of its work would.
fn crash(kind: StoreKind, sessions: u64, directory: &Path) -> Outcome<()> {
    let mut command = another_process(HOLD, kind, sessions, directory)?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let held = BufReader::new(output).lines().next();
    child.kill()?;
    child.wait()?;
    match held {
        Some(Ok(line)) if line == "held" => Ok(()),
        other => Err(format!("the process that was to be killed said {other:?}").into()),
    }
}
