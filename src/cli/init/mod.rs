//! `gatepost init`: writes a first configuration and the file of the front proxy, by the metadata of the provider, and says what to
//! register there.

mod arguments;
mod configuration;
mod fault;
mod instructions;
mod questions;
mod registration;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime;

use super::fault::Fault;
use super::front_proxy_file::front_proxy_file;
use super::output::print;
use super::snippet::FrontProxy;
use super::unset_secrets;
use crate::config::{Diagnostic, Diagnostics, Loaded};
use crate::outbound::finding::{Finding, Level};
use crate::outbound::provider::{AnnouncedMetadata, InspectedIssuer};
use crate::ports::Clock;
use crate::server::{Config, SystemClock};
use configuration::{Secret, configuration};
use instructions::instructions;
use questions::Answers;
use registration::Registration;

pub(super) use arguments::Init;
pub(super) use fault::InitFault;

const CONFIGURATION: &str = "gatepost.yaml";

/// Writes the files, and prints what is left to do.
pub(super) fn init(args: &Init) -> Result<(), Fault> {
    let (stdin, stderr) = (io::stdin(), io::stderr());
    let is_terminal = stdin.is_terminal() && stderr.is_terminal();
    let (mut input, mut output) = (stdin.lock(), stderr);
    let asked: Option<(&mut dyn io::BufRead, &mut dyn io::Write)> = is_terminal.then_some((&mut input, &mut output));
    let answers = Answers::complete(args, asked).map_err(Fault::Init)?;
    let names = file_names(answers.front_proxy).map_err(Fault::Init)?;
    let files: Vec<PathBuf> = names.iter().map(|name| args.folder.join(name)).collect();
    if let Some(exists) = files.iter().find(|file| file.symlink_metadata().is_ok()) {
        return Err(Fault::Init(InitFault::Exists(exists.clone())));
    }

    let provisional = Registration::choose(None).map_err(Fault::Init)?;
    let announced = ask(args, &checked(args, &answers, &provisional)?)?;
    let registration = Registration::choose(announced.as_ref()).map_err(Fault::Init)?;
    let config = checked(args, &answers, &registration)?;
    let secret = args.client_secret_file.as_deref().map_or(Secret::Variable, Secret::File);
    let mut texts = vec![configuration(args, &answers, &registration, secret).to_string()];
    for front_proxy in [Some(answers.front_proxy), script_of(answers.front_proxy)].into_iter().flatten() {
        let text = front_proxy_file(&config, front_proxy, None, args.gatepost.clone()).map_err(Fault::Snippet)?;
        texts.push(text);
    }
    for (file, text) in files.iter().zip(&texts) {
        write(file, text).map_err(Fault::Init)?;
    }
    match config.applications.iter().next() {
        Some(application) => print(&instructions(application, &registration, secret, &files)).map_err(Fault::Output),
        None => Ok(()),
    }
}

/// The names of the files: the configuration, and those of the front proxy.
fn file_names(front_proxy: FrontProxy) -> Result<Vec<&'static str>, InitFault> {
    Ok(match front_proxy {
        FrontProxy::Nginx => vec![CONFIGURATION, "nginx.conf"],
        FrontProxy::Traefik => vec![CONFIGURATION, "traefik.yaml"],
        FrontProxy::Caddy => vec![CONFIGURATION, "Caddyfile"],
        FrontProxy::Haproxy => vec![CONFIGURATION, "haproxy.cfg", "gatepost.lua"],
        FrontProxy::Envoy => vec![CONFIGURATION, "envoy.yaml"],
        FrontProxy::Istio => vec![CONFIGURATION, "istio.yaml"],
        FrontProxy::EnvoyGateway => vec![CONFIGURATION, "envoy-gateway.yaml"],
        FrontProxy::HaproxyScript => return Err(InitFault::ScriptAlone),
    })
}

const fn script_of(front_proxy: FrontProxy) -> Option<FrontProxy> {
    if matches!(front_proxy, FrontProxy::Haproxy) { Some(FrontProxy::HaproxyScript) } else { None }
}

/// The configuration as the service will read it. Only the client secret is not there yet.
fn checked(args: &Init, answers: &Answers, registration: &Registration) -> Result<Config, Fault> {
    let text = configuration(args, answers, registration, Secret::Variable).to_string();
    let path = configuration::absolute(&args.folder).join(CONFIGURATION);
    match unset_secrets::load(&text, &path) {
        Ok(Loaded { config, .. }) => Ok(config),
        Err(diagnostics) => Err(Fault::Configuration(of_answers(diagnostics))),
    }
}

/// The diagnostics about a file that does not exist name the answers in place of lines.
fn of_answers(diagnostics: Diagnostics) -> Diagnostics {
    let located =
        |diagnostic: Diagnostic| Diagnostic { source: "gatepost init".into(), line: 0, column: 0, ..diagnostic };
    let faults = diagnostics.faults.into_iter().map(located).collect();
    Diagnostics { faults, warnings: Vec::new(), ..diagnostics }
}

/// What the provider announces; `None` if it is not to be asked.
fn ask(args: &Init, config: &Config) -> Result<Option<AnnouncedMetadata>, Fault> {
    if args.offline {
        return Ok(None);
    }
    let parties: Vec<_> = config.applications.iter().map(|application| &application.relying_party).collect();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::NoRuntime)?;
    let inspected = runtime.block_on(InspectedIssuer::ask(&config.provider, &parties, &clock));
    // The resolution of a host name cannot be cancelled, and is not waited for.
    runtime.shutdown_background();
    let unusable = |lines| Fault::Init(InitFault::Provider(lines));
    let inspected = inspected.map_err(|fault| unusable(vec![fault.to_string()]))?;
    let line = |Finding { check, text, help, .. }: &Finding| format!("  {check}: {text}; {help}");
    let failed: Vec<String> =
        inspected.findings.iter().filter(|finding| finding.level == Level::Fail).map(line).collect();
    match inspected.announced() {
        Some(announced) if failed.is_empty() => Ok(Some(announced)),
        Some(_) | None => Err(unusable(failed)),
    }
}

/// Writes a new file.
fn write(path: &Path, text: &str) -> Result<(), InitFault> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            InitFault::Exists(path.to_owned())
        } else {
            InitFault::Unwritable(path.to_owned(), error)
        }
    })
}
