//! `gatepost doctor`: checks the setup as it is at this moment, before or beside the running service. It asks in the ways of the
//! service itself, and changes nothing.

mod address;
mod files;
mod report;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::runtime;
use tokio::time::timeout;

use super::arguments::Doctor;
use super::fault::Fault;
use super::healthcheck;
use super::output::{json_text, print};
use super::source::load;
use crate::config::{Diagnostic, Loaded, UNPLACED_SESSION_FILE};
use crate::domain::application::Application;
use crate::domain::application::registry::Applications;
use crate::domain::oidc::credentials::ForeignIssuer;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::outbound::finding::{CHECK_TIMEOUT, Finding, Level};
use crate::outbound::provider::{InspectedIssuer, inspect_foreign_issuer};
use crate::outbound::{front_proxy, store};
use crate::ports::{Clock, Entropy};
use crate::server::{Authentik, Config, Sealing, SystemClock, SystemEntropy};
use report::{Report, Section};

/// The time limit of all checks of one subject; each single check has its own.
const SUBJECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Checks the setup, and prints what was found.
pub(super) fn doctor(Doctor { source, json }: Doctor) -> Result<(), Fault> {
    let loaded = load(&source)?;
    let name = source.path().map_or_else(|| "environment".to_owned(), |path| path.display().to_string());
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::NoRuntime)?;
    let report = runtime.block_on(check(&name, loaded));
    // The resolution of a host name cannot be cancelled, and is not waited for.
    runtime.shutdown_background();
    let text = if json { json_text(&report.to_json()) } else { report.to_string() };
    print(&text).map_err(Fault::Output)?;
    if report.level() == Level::Fail { Err(Fault::CheckFailed) } else { Ok(()) }
}

/// What the checks share.
struct Setup {
    config: Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

async fn check(name: &str, Loaded { config, warnings, files, .. }: Loaded) -> Report {
    let setup = Setup { config, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy::default()) };
    let mut configuration = settings(&warnings);
    configuration.extend(files.iter().map(|file| files::about(file)));
    let (listed, service, store) =
        tokio::join!(applications(&setup), bounded("service", service(&setup)), bounded("store", store(&setup)));
    let (authentik, applications) = listed;
    let is_running = service.iter().all(|finding| finding.level == Level::Ok);
    let ((issuers, of_clients), foreign_issuers) =
        tokio::join!(issuers(&setup, &applications), foreign_issuers(&setup, &applications));
    let of_proxies =
        join_all(applications.iter().map(|application| front_proxy(&setup, application, is_running))).await;

    let mut report = Report::default();
    report.push(Section::new(format!("configuration {name}"), configuration));
    report.push(Section::new("service".to_owned(), service));
    if let Some(findings) = authentik {
        report.push(Section::new("authentik".to_owned(), findings));
    }
    for (issuer, findings) in issuers {
        report.push(Section::new(format!("issuer {issuer}"), findings));
    }
    for (issuer, findings) in foreign_issuers {
        report.push(Section::new(format!("issuer {issuer} (bearer.issuers)"), findings));
    }
    report.push(Section::new("session store".to_owned(), store));
    for ((application, of_client), of_proxy) in applications.iter().zip(of_clients).zip(of_proxies) {
        let findings = [address::about(application), of_client, of_proxy].concat();
        report.push(Section::new(format!("application {}", application.slug), findings));
    }
    report
}

/// The findings of one subject, or one that says that they took too long.
async fn bounded(check: &'static str, findings: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    timeout(SUBJECT_TIMEOUT, findings).await.unwrap_or_else(|_| {
        let text = format!("these checks took longer than {} s", SUBJECT_TIMEOUT.as_secs());
        vec![Finding::fail(check, text, "find out which server answers so slowly")]
    })
}

fn settings(warnings: &[Diagnostic]) -> Vec<Finding> {
    if warnings.is_empty() {
        return vec![Finding::ok("settings", "the configuration has no fault, and there is no warning")];
    }
    let warning = |warning: &Diagnostic| {
        let location = Diagnostic { help: String::new(), ..warning.clone() }.to_string();
        Finding::warn("settings", location.trim_end_matches([';', ' ']), warning.help.as_str())
    };
    warnings.iter().map(warning).collect()
}

/// Whether the service runs here: front proxies can be judged by its answers only.
async fn service(setup: &Setup) -> Vec<Finding> {
    let address = healthcheck::reached(setup.config.listen.metrics);
    let is_any = setup.config.listen.metrics.port() == 0;
    vec![match healthcheck::ping(&address).await {
        _ if is_any => {
            Finding::note("running", "`listen.metrics` is any free port, so it is not known whether the service runs")
        }
        Ok(()) => Finding::ok("running", format!("Gatepost answers at {address}")),
        Err(fault) => Finding::note("running", format!("the service does not run here: {fault}")),
    }]
}

/// The applications, and what was found where authentik lists them.
async fn applications(setup: &Setup) -> (Option<Vec<Finding>>, Applications) {
    let Some(authentik) = &setup.config.authentik else { return (None, setup.config.applications.clone()) };
    let (findings, applications) = listed(authentik).await;
    (Some(findings), applications.unwrap_or_else(|| setup.config.applications.clone()))
}

async fn listed(authentik: &Authentik) -> (Vec<Finding>, Option<Applications>) {
    let help = "see docs/authentik.md";
    match timeout(CHECK_TIMEOUT, authentik.list()).await {
        Err(_) => (vec![Finding::fail("outpost", "authentik does not answer in time", help)], None),
        Ok(Err(fault)) => (vec![Finding::fail("outpost", fault.to_string(), help)], None),
        Ok(Ok(listed)) => {
            let count = listed.applications.iter().count();
            let outpost =
                format!("authentik accepts the token of the outpost {:?}, which has the type proxy", listed.outpost);
            let mut findings = vec![Finding::ok("outpost", outpost)];
            findings.extend(listed.findings.into_iter().map(|line| Finding::warn("applications", line, help)));
            findings.push(match count {
                0 => Finding::warn("applications", "it lists no application that can be served", help),
                count => Finding::ok("applications", format!("{count} applications are served")),
            });
            (findings, Some(listed.applications))
        }
    }
}

async fn store(setup: &Setup) -> Vec<Finding> {
    let Config { store, sealing, lifetimes, .. } = &setup.config;
    let key = match (sealing, store) {
        (Sealing::BesideStore, store::StoreSettings::File { path }) => Some(store::key_path(path)),
        (Sealing::BesideStore | Sealing::Given(_), _) => None,
    };
    let mut findings = store::inspect(store, key.as_deref(), *lifetimes, &setup.entropy, &setup.clock).await;
    if matches!(store, store::StoreSettings::File { path } if path == Path::new(UNPLACED_SESSION_FILE)) {
        findings.retain(|finding| finding.level != Level::Ok);
        findings.insert(0, unplaced_session_file());
    }
    findings
}

/// What systemd tells the service, a shell does not know: then what was looked at is probably not the service's file.
fn unplaced_session_file() -> Finding {
    let folder =
        std::env::current_dir().map_or_else(|_| "this folder".to_owned(), |folder| folder.display().to_string());
    let text = format!(
        "`session.path` and $STATE_DIRECTORY are not set, so {UNPLACED_SESSION_FILE} in {folder} was looked at; a service \
         that runs in another folder, or with StateDirectory= of systemd, has another file"
    );
    Finding { help: "run this command in the environment of the service (docs/operations.md, Debian package), or set `session.path`".to_owned(), ..Finding::note("store", text) }
}

/// The findings about each issuer, and those about the client of each application in the order of the applications.
async fn issuers(setup: &Setup, applications: &Applications) -> (Vec<(String, Vec<Finding>)>, Vec<Vec<Finding>>) {
    let mut by_issuer: BTreeMap<&str, Vec<&RelyingParty>> = BTreeMap::new();
    for application in applications.iter() {
        let party = &application.relying_party;
        by_issuer.entry(party.issuer.as_str()).or_default().push(party);
    }
    let ask = async |(identifier, parties): (&str, Vec<&RelyingParty>)| {
        let asked = InspectedIssuer::ask(&setup.config.provider, &parties, &setup.clock);
        let inspected = match timeout(SUBJECT_TIMEOUT, asked).await {
            Ok(asked) => asked.map_err(|fault| fault.to_string()),
            Err(_) => Err("the provider does not answer in time".to_owned()),
        };
        (identifier.to_owned(), inspected)
    };
    let inspected: BTreeMap<String, _> = join_all(by_issuer.into_iter().map(ask)).await.into_iter().collect();
    let clients = applications.iter().map(|application| bounded("provider", client(setup, application, &inspected)));
    let clients = join_all(clients).await;
    let of_issuer = |inspected| match inspected {
        Ok(InspectedIssuer { findings, .. }) => findings,
        Err(cause) => vec![Finding::fail("reachable", cause, "correct `issuer` and the settings below `provider`")],
    };
    (inspected.into_iter().map(|(identifier, inspected)| (identifier, of_issuer(inspected))).collect(), clients)
}

/// The findings about each issuer beside the providers whose bearer tokens are accepted.
async fn foreign_issuers<'a>(setup: &Setup, applications: &'a Applications) -> Vec<(&'a str, Vec<Finding>)> {
    let mut distinct: Vec<&ForeignIssuer> = Vec::new();
    for issuer in applications.iter().flat_map(|application| application.foreign_issuers()) {
        if !distinct.iter().any(|other| other.is_verified_like(issuer)) {
            distinct.push(issuer);
        }
    }
    let inspect = async |issuer: &'a ForeignIssuer| {
        let inspected = inspect_foreign_issuer(&setup.config.provider, issuer, &setup.clock);
        (issuer.issuer.as_str(), bounded("keys", inspected).await)
    };
    join_all(distinct.into_iter().map(inspect)).await
}

async fn client(
    setup: &Setup,
    application: &Application,
    inspected: &BTreeMap<String, Result<InspectedIssuer, String>>,
) -> Vec<Finding> {
    match inspected.get(&application.relying_party.issuer) {
        Some(Ok(issuer)) => issuer.application(application, setup.entropy.as_ref()).await,
        Some(Err(_)) | None => Vec::new(),
    }
}

async fn front_proxy(setup: &Setup, application: &Application, is_running: bool) -> Vec<Finding> {
    if !is_running {
        return vec![Finding::note("front_proxy", "not asked, because the service does not run here")];
    }
    bounded("front_proxy", front_proxy::inspect(application, &setup.config.provider.ca_certificates)).await
}
