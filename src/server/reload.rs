//! Reload: a new configuration is taken into service while requests go on.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::Signal;
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::authentik::Authentik;
use super::bound::Bound;
use super::certificates::Certificates;
use super::config::Config;
use super::config_watcher::ConfigWatcher;
use super::fault::Fault;
use super::service_manager;
use super::system::SystemClock;
use crate::domain::application::registry::Applications;
use crate::domain::audit::{AuditEvent, ChangeOutcome, ConfigurationSource};
use crate::inbound::connections::{MutualTls, ReloadableTls, TlsIdentity};
use crate::outbound::provider::{NamedIssuer, OpenIdProviders, ProviderSettings};
use crate::outbound::store::{Access, StoreSettings};
use crate::outpost::Outpost;
use crate::ports::{Audit, Clock as _};
use crate::telemetry::{DecisionRecorder, names};

/// Where the configuration of a running service is read again.
pub trait ConfigSource: Send + Sync + 'static {
    /// Reads the configuration, and compares it with the one in service. Blocks while files are read.
    fn reread(&self) -> Reread;

    /// The configuration that was read last is in service from now on.
    fn applied(&self);
}

/// The result of reading the configuration again.
pub struct Reread {
    /// The files that were read, or that could not be read.
    pub files: Vec<PathBuf>,
    /// The configuration, or the lines that say why it cannot be used.
    pub outcome: Result<Changed, Vec<String>>,
}

/// A usable configuration, and how it differs from the one in service.
pub struct Changed {
    /// The configuration.
    pub config: Config,
    /// The keys of settings that a reload applies, and that differ from the configuration in service.
    pub reloaded: Vec<String>,
    /// The keys of settings that apply after a restart only, and that differ from the configuration of the start.
    pub need_restart: Vec<String>,
    /// Warnings about settings that are probably not intended.
    pub warnings: Vec<String>,
}

/// The parts of a running service to which a new configuration is applied.
pub(super) struct Reloader {
    outpost: Arc<Outpost>,
    providers: Arc<OpenIdProviders>,
    recorder: DecisionRecorder,
    https: Option<ReloadableTls>,
    admin: Option<ReloadableTls>,
    settings: Mutex<InService>,
    /// Where the store is at servers: how it is admitted there.
    access: Option<watch::Sender<Access>>,
    /// Where the applications come from authentik: the settings for that.
    authentik: Option<watch::Sender<Authentik>>,
    asked: Notify,
    audit: Audit,
}

/// The settings in service from which a change starts.
#[derive(Clone)]
pub(super) struct InService {
    applications: Applications,
    provider: ProviderSettings,
    certificates: Certificates,
}

impl InService {
    /// The settings with which `bound` was made.
    pub(super) fn new(applications: Applications, provider: ProviderSettings, bound: &Bound) -> Self {
        Self { applications, provider, certificates: bound.service.certificates.clone() }
    }
}

/// The host names of the applications, without addresses: the names of a self-signed certificate.
pub(super) fn host_names(applications: &Applications) -> Vec<String> {
    let hosts = applications.iter().map(|application| application.external.host());
    hosts.filter(|host| !host.is_address()).map(ToString::to_string).collect()
}

/// The result of a reload, as the metric names it.
#[derive(Clone, Copy)]
enum Outcome {
    Success,
    Failure,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

impl Reloader {
    /// The parts of `bound` that a new configuration replaces.
    pub(super) fn new(
        bound: &Bound,
        providers: Arc<OpenIdProviders>,
        settings: InService,
        access: Option<watch::Sender<Access>>,
        authentik: Option<watch::Sender<Authentik>>,
        audit: Audit,
    ) -> Self {
        note_success();
        // A counter that appears with its first event hides this event from `increase` and `rate`.
        for outcome in [Outcome::Success, Outcome::Failure] {
            metrics::counter!(names::CONFIG_RELOADS, "outcome" => outcome.as_str()).absolute(0);
        }
        let Bound { service, listeners, recorder, .. } = bound;
        Self {
            outpost: Arc::clone(&service.outpost),
            providers,
            recorder: recorder.clone(),
            https: listeners.https.as_ref().map(|(_, tls)| tls.clone()),
            admin: listeners.admin.as_ref().and_then(|(_, tls)| tls.clone()),
            settings: Mutex::new(settings),
            access,
            authentik,
            asked: Notify::new(),
            audit,
        }
    }

    /// Applies the settings of a configuration that a reload can change, all of them or none.
    fn apply(&self, config: &Config) -> Result<(), Fault> {
        let admin = config.admin_tls.as_ref().map(MutualTls::server_config).transpose().map_err(Fault::AdminTls)?;
        let tls = config.tls.clone();
        // Settings for another authentik apply after a restart only, as a change between authentik and the file as the source.
        let in_use = self.authentik.as_ref().zip(config.authentik.as_ref());
        let in_use = in_use.filter(|(sender, changed)| sender.borrow().connection.host == changed.connection.host);
        self.change(|InService { applications, certificates, provider: present }| {
            let is_authentiks = self.authentik.is_some() || config.authentik.is_some();
            let applications = if is_authentiks { applications } else { config.applications.clone() };
            let certificates = certificates.with(tls, host_names(&applications))?;
            let insecure = if is_authentiks && in_use.is_none() { present.insecure } else { config.provider.insecure };
            Ok(InService {
                applications,
                certificates,
                provider: ProviderSettings { insecure, ..config.provider.clone() },
            })
        })?;
        if admin.is_some() != self.admin.is_some() {
            warn!("the admin listener begins or ends TLS after a restart only");
        }
        if let Some((listener, config)) = self.admin.as_ref().zip(admin) {
            listener.replace(config);
        }
        if let (Some(sender), StoreSettings::Redis(settings)) = (&self.access, &config.store) {
            let access = Access::of(settings);
            sender.send_if_modified(|present| {
                let is_other = *present != access;
                *present = access;
                is_other
            });
        }
        if let Some((sender, authentik)) = in_use {
            sender.send_replace(authentik.clone());
        }
        self.outpost.redesign(config.pages.clone());
        Ok(())
    }

    /// Takes other applications into service, with the certificates that come with them, and another name of the outpost.
    pub(super) fn replace_applications(
        &self,
        applications: Applications,
        identities: Vec<TlsIdentity>,
        name: String,
    ) -> Result<(), Fault> {
        self.recorder.set_outpost(
            &name,
            applications.iter().map(|application| (application.slug.as_str(), application.external.host().to_string())),
        );
        self.outpost.rename(name);
        let changed = self.change(|InService { certificates, provider, .. }| {
            let configured = certificates.configured().to_vec();
            let certificates = certificates.with(configured, host_names(&applications))?;
            let certificates = certificates.with_those_of_applications(identities);
            Ok(InService { applications, provider, certificates })
        });
        self.audit.record(|| match &changed {
            Ok(()) => accepted(ConfigurationSource::Authentik, vec!["applications".to_owned()], Vec::new()),
            Err(fault) => refused(ConfigurationSource::Authentik, vec![fault.to_string()]),
        });
        changed
    }

    /// Changes the settings in service; on a fault nothing changes.
    fn change(&self, change: impl FnOnce(InService) -> Result<InService, Fault>) -> Result<(), Fault> {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(settings.clone())?;
        let InService { applications, provider, certificates } = &changed;
        let https = certificates.tls()?;
        self.providers.update(provider, applications.iter().flat_map(|application| NamedIssuer::of(application)))?;
        if let Some(listener) = &self.https {
            listener.replace(https);
        }
        self.recorder.set_applications(applications.iter().map(|application| application.slug.as_str()));
        self.outpost.replace_applications(applications.clone());
        *settings = changed;
        Ok(())
    }

    /// Waits until the operator asks for a reload.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Reads `source` at once, because it may have changed since the start, and then when a file changes or `hangup` arrives.
    pub(super) async fn run(&self, source: Arc<dyn ConfigSource>, mut hangup: Signal) -> Infallible {
        let (mut watcher, mut last, mut is_asked) = (ConfigWatcher::new(), Reported::default(), false);
        loop {
            if is_asked {
                service_manager::reloading();
            }
            let outcome = read(&source, &mut watcher).await;
            self.take(outcome, source.as_ref(), &mut last, is_asked);
            if is_asked {
                service_manager::ready();
                self.asked.notify_one();
            }
            is_asked = tokio::select! {
                _ = hangup.recv() => true,
                () = watcher.changed() => false,
            };
        }
    }

    /// Takes what was read into service, or reports why not. A fault is reported once, however often the files are read.
    fn take(
        &self,
        outcome: Result<Changed, Vec<String>>,
        source: &dyn ConfigSource,
        last: &mut Reported,
        is_asked: bool,
    ) {
        let applied = outcome.and_then(|changed| self.take_usable(changed, source, last, is_asked));
        let faults = applied.err().unwrap_or_default();
        if !faults.is_empty() && (is_asked || faults != last.faults) {
            for fault in &faults {
                warn!(fault, "the changed configuration cannot be used; the earlier one stays in service");
            }
            count(Outcome::Failure);
            self.audit.record(|| refused(ConfigurationSource::File, faults.clone()));
        }
        last.faults = faults;
    }

    fn take_usable(
        &self,
        changed: Changed,
        source: &dyn ConfigSource,
        last: &mut Reported,
        is_asked: bool,
    ) -> Result<(), Vec<String>> {
        let Changed { config, reloaded, need_restart, warnings } = changed;
        if need_restart.is_empty() && !last.need_restart.is_empty() {
            info!("no changed setting needs a restart any more");
        } else if !need_restart.is_empty() && (is_asked || need_restart != last.need_restart) {
            warn!(settings = need_restart.join(", "), "changed settings that apply after a restart only");
        }
        let waits_for_other = need_restart != last.need_restart;
        last.need_restart = need_restart;
        if reloaded.is_empty() {
            if waits_for_other {
                self.audit.record(|| accepted(ConfigurationSource::File, Vec::new(), last.need_restart.clone()));
            }
            if is_asked || !last.faults.is_empty() {
                info!("configuration read again; no setting changed that a reload applies");
                count(Outcome::Success);
            }
            return Ok(());
        }
        for warning in warnings {
            warn!("{warning}");
        }
        if !is_asked {
            service_manager::reloading();
        }
        let applied = self.apply(&config).map_err(|fault| vec![fault.to_string()]);
        if applied.is_ok() {
            source.applied();
            info!(settings = reloaded.join(", "), "configuration reloaded");
            self.audit.record(|| accepted(ConfigurationSource::File, reloaded, last.need_restart.clone()));
            count(Outcome::Success);
        }
        if !is_asked {
            service_manager::ready();
        }
        applied
    }
}

/// Reads the configuration from files that are watched while they are read, and that are not being written.
async fn read(source: &Arc<dyn ConfigSource>, watcher: &mut ConfigWatcher) -> Result<Changed, Vec<String>> {
    loop {
        let reading = Arc::clone(source);
        // Files are read, and regular expressions compiled.
        let reread = tokio::task::spawn_blocking(move || reading.reread()).await;
        let Reread { files, outcome } = reread.map_err(|fault| vec![fault.to_string()])?;
        // A file that was not watched yet may have changed after it was read, and a faulty one may be half written.
        let is_stale = watcher.watch(&files) || (outcome.is_err() && watcher.changes_soon().await);
        if !is_stale {
            return outcome;
        }
    }
}

/// What the last reading reported.
#[derive(Default)]
struct Reported {
    faults: Vec<String>,
    need_restart: Vec<String>,
}

/// Answers requests for a reload where the configuration can be read only once.
pub(super) async fn refuse(mut hangup: Signal) -> Infallible {
    loop {
        hangup.recv().await;
        service_manager::reloading();
        warn!("the configuration is not read again: one of its files is not a regular file; restart Gatepost instead");
        service_manager::ready();
    }
}

fn accepted(source: ConfigurationSource, settings: Vec<String>, need_restart: Vec<String>) -> AuditEvent {
    let outcome = ChangeOutcome::Accepted;
    AuditEvent::ConfigurationChanged { source, outcome, settings, need_restart, faults: Vec::new() }
}

fn refused(source: ConfigurationSource, faults: Vec<String>) -> AuditEvent {
    let (outcome, settings, need_restart) = (ChangeOutcome::Refused, Vec::new(), Vec::new());
    AuditEvent::ConfigurationChanged { source, outcome, settings, need_restart, faults }
}

fn count(outcome: Outcome) {
    metrics::counter!(names::CONFIG_RELOADS, "outcome" => outcome.as_str()).increment(1);
    match outcome {
        Outcome::Success => note_success(),
        Outcome::Failure => metrics::gauge!(names::CONFIG_LAST_RELOAD_SUCCESSFUL).set(0.0),
    }
}

/// Records that the present configuration was read just now.
fn note_success() {
    let now = u32::try_from(SystemClock.now().as_unix()).unwrap_or(u32::MAX);
    metrics::gauge!(names::CONFIG_LAST_RELOAD).set(f64::from(now));
    metrics::gauge!(names::CONFIG_LAST_RELOAD_SUCCESSFUL).set(1.0);
}
