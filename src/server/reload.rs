//! Reload: a new configuration is taken into service while requests go on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::Signal;
use tracing::{info, warn};

use super::bound::{Bound, https_tls};
use super::config::Config;
use super::config_watcher::ConfigWatcher;
use super::fault::Fault;
use super::service_manager;
use super::system::SystemClock;
use crate::domain::application::registry::Applications;
use crate::inbound::connections::{MutualTls, ReloadableTls};
use crate::outbound::provider::OpenIdProviders;
use crate::outpost::Outpost;
use crate::ports::Clock as _;
use crate::telemetry::{DecisionRecorder, names};

/// Where the configuration of a running service is read again.
pub trait ConfigSource: Send + Sync + 'static {
    /// Reads the configuration, and compares it with the one that was read before.
    ///
    /// # Errors
    /// The lines that say why it cannot be used.
    fn reread(&self) -> Result<Reread, Vec<String>>;

    /// The files that the last reading used, the configuration file first.
    fn files(&self) -> Vec<PathBuf>;
}

/// A configuration that was read again.
pub struct Reread {
    /// The configuration.
    pub config: Config,
    /// The keys of changed settings that a reload applies.
    pub reloaded: Vec<String>,
    /// The keys of changed settings that apply after a restart only.
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
    /// The names in the self-signed certificate.
    hosts: Mutex<Vec<String>>,
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

impl Reloader {
    /// The parts of `bound` that a new configuration replaces.
    pub(super) fn new(bound: &Bound, providers: Arc<OpenIdProviders>) -> Self {
        let Bound { service, listeners, recorder, .. } = bound;
        Self {
            outpost: Arc::clone(&service.outpost),
            providers,
            recorder: recorder.clone(),
            https: listeners.https.as_ref().map(|(_, tls)| tls.clone()),
            admin: listeners.admin.as_ref().and_then(|(_, tls)| tls.clone()),
            hosts: Mutex::new(service.hosts.clone()),
        }
    }

    /// Applies the settings that a reload can change, all of them or none.
    fn apply(&self, config: &Config) -> Result<(), Fault> {
        let Config { applications, provider, tls, admin_tls, .. } = config;
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let names = host_names(applications);
        // A self-signed certificate is made again only for other names: front proxies may have pinned it.
        let is_same = tls.is_empty() && *hosts == names;
        let https = (!is_same).then(|| https_tls(tls, &names)).transpose()?;
        let admin = admin_tls.as_ref().map(MutualTls::server_config).transpose().map_err(Fault::AdminTls)?;
        self.providers.update(provider, applications.iter().map(|application| &application.relying_party))?;

        *hosts = names;
        for (listener, config) in [(&self.https, https), (&self.admin, admin)] {
            if let Some((listener, config)) = listener.as_ref().zip(config) {
                listener.replace(config);
            }
        }
        self.recorder.set_applications(applications.iter().map(|application| application.slug.as_str()));
        self.outpost.replace_applications(applications.clone());
        Ok(())
    }

    /// Reloads when a file changes or `hangup` arrives, until the future is dropped.
    pub(super) async fn run(self, source: Arc<dyn ConfigSource>, mut hangup: Signal) {
        let mut watcher = ConfigWatcher::new();
        watcher.watch(&source.files());
        loop {
            let is_asked = tokio::select! {
                _ = hangup.recv() => true,
                () = watcher.changed() => false,
            };
            let reading = Arc::clone(&source);
            // Files are read, and regular expressions compiled.
            let reread = tokio::task::spawn_blocking(move || reading.reread()).await;
            let reread = reread.unwrap_or_else(|fault| Err(vec![fault.to_string()]));
            self.reload(reread, is_asked);
            watcher.watch(&source.files());
        }
    }

    fn reload(&self, reread: Result<Reread, Vec<String>>, is_asked: bool) {
        let Reread { config, reloaded, need_restart, warnings } = match reread {
            Ok(reread) => reread,
            Err(faults) => {
                for fault in faults {
                    warn!(%fault, "the changed configuration cannot be used; the earlier one stays in service");
                }
                return count(Outcome::Failure);
            }
        };
        if !need_restart.is_empty() {
            let settings = need_restart.join(", ");
            warn!(settings, "changed settings that apply after a restart only");
        }
        if reloaded.is_empty() {
            if is_asked {
                info!("configuration read again; no setting changed that a reload applies");
                count(Outcome::Success);
            }
            return;
        }
        service_manager::reloading();
        for warning in warnings {
            warn!("{warning}");
        }
        let outcome = match self.apply(&config) {
            Ok(()) => {
                info!(settings = reloaded.join(", "), "configuration reloaded");
                Outcome::Success
            }
            Err(fault) => {
                warn!(%fault, "the changed configuration cannot be used; the earlier one stays in service");
                Outcome::Failure
            }
        };
        service_manager::ready();
        count(outcome);
    }
}

fn count(outcome: Outcome) {
    let label = match outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
    };
    metrics::counter!(names::CONFIG_RELOADS, "outcome" => label).increment(1);
    if matches!(outcome, Outcome::Success) {
        note_success();
    }
}

/// Records that the present configuration was read just now.
pub(super) fn note_success() {
    let now = u32::try_from(SystemClock.now().as_unix()).unwrap_or(u32::MAX);
    metrics::gauge!(names::CONFIG_LAST_RELOAD).set(f64::from(now));
}
