//! From the command line to the exit code: 0 for a clean stop, 2 for a configuration that cannot be used, 3 for an
//! import that leaves something to do by hand, 1 for everything else.

mod arguments;
mod check_config;
mod doctor;
pub mod explain;
mod fault;
mod front_proxy_file;
mod healthcheck;
mod import;
mod init;
mod manual;
mod metrics_address;
mod outpost_names;
mod output;
mod serve;
pub mod sessions;
pub mod snippet;
mod source;
mod unset_secrets;
mod yaml;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;

use crate::config::{self, Loaded};
use crate::domain::time::Timestamp;
use crate::server::Config;
use arguments::{AdminPort, Arguments, Command, Request, Sessions, SnippetCommand, Source};
use explain::{BadQuestion, Question};
use fault::Fault;
use front_proxy_file::front_proxy_file;
use output::{json_text, print, tell};
use sessions::Target;
use source::load;

/// Runs the command in this process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = outpost_names::with_subcommand(std::env::args_os().collect());
    match execute(Arguments::parse_from(arguments).command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let (lines, code) = fault.explain();
            // When stderr is closed, the exit code still reports the failure.
            let _ = tell(&lines);
            ExitCode::from(code)
        }
    }
}

fn execute(command: Command) -> Result<(), Fault> {
    match command {
        Command::Serve(source) => serve::serve(source),
        Command::CheckConfig(args) => check_config::check_config(args),
        Command::Explain(request) => print_explanation(request),
        Command::Doctor(args) => doctor::doctor(args),
        Command::Init(args) => init::init(&args),
        Command::Import(args) => import::import(args),
        Command::Snippet(args) => print_snippet(args),
        Command::Sessions(args) => manage_sessions(args),
        Command::Healthcheck(args) => healthcheck::healthcheck(args).map_err(Fault::Unhealthy),
        Command::Schema => print(&config::schema()).map_err(Fault::Output),
        Command::ConfigReference => print(&config::reference()).map_err(Fault::Output),
        Command::Completions { shell } => print(&manual::completions(shell)).map_err(Fault::Output),
        Command::Man { folder } => manual::manual_pages(&folder),
    }
}

/// The configuration, if its applications are known without a running service.
fn load_applications(source: &Source) -> Result<Config, Fault> {
    let Loaded { config, .. } = load(source)?;
    if config.authentik.is_some() { Err(Fault::NoApplications) } else { Ok(config) }
}

fn print_explanation(request: Request) -> Result<(), Fault> {
    let Request { source, url, method, headers, claims, client, json } = request;
    let claims = claims.map(claims_text).transpose()?;
    let bad = |fault: BadQuestion| Fault::Explanation(fault.into());
    let question = Question::parse(&url, &method, &headers, claims.as_deref()).map_err(bad)?.from_client(client);
    let config = load_applications(&source)?;
    let explained = explain::explain(&config.applications, &config.outpost_name, config.limits.requests, &question);
    let explained = explained.map_err(Fault::Explanation)?;
    let text = if json { json_text(&explained.to_json()) } else { explained.to_string() };
    print(&text).map_err(Fault::Output)
}

fn print_snippet(args: SnippetCommand) -> Result<(), Fault> {
    let SnippetCommand { source, front_proxy, app, gatepost } = args;
    let config = load_applications(&source)?;
    let text = front_proxy_file(&config, front_proxy, app.as_deref(), gatepost).map_err(Fault::Snippet)?;
    print(&text).map_err(Fault::Output)
}

fn manage_sessions(command: Sessions) -> Result<(), Fault> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = match command {
        Sessions::List { args, admin_port } => sessions::list(&reach(admin_port)?, args, now(), &mut out),
        Sessions::End { args, admin_port } => sessions::end(&reach(admin_port)?, args, &mut out),
    };
    // What was done before a fault is reported as well.
    let told = out.flush();
    done.map_err(Fault::Sessions).and(told.map_err(Fault::Output))
}

/// The configuration is read only for the address, and only when none is given.
fn reach(AdminPort { address, config, tls }: AdminPort) -> Result<Target, Fault> {
    let address = match (address, config.filter(|path| !path.is_empty())) {
        (Some(address), _) => address,
        (None, None) => sessions::AdminAddress::default(),
        (None, Some(path)) => {
            let listener = load(&Source { config: Some(path) })?.config.listen.admin;
            sessions::AdminAddress::of_listener(listener.ok_or(Fault::Sessions(sessions::Fault::SwitchedOff))?)
        }
    };
    Ok(Target { address, tls })
}

#[expect(clippy::disallowed_methods, reason = "ages of sessions are told in a process of their own")]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_unix(since.unwrap_or_default().as_secs())
}

/// The claims themselves, or the content of the file that they name.
fn claims_text(given: String) -> Result<String, Fault> {
    let Some(path) = given.strip_prefix('@').map(PathBuf::from) else { return Ok(given) };
    std::fs::read_to_string(&path).map_err(|error| Fault::Unreadable(path, error))
}
