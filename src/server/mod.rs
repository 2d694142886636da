//! Composition root: from a checked configuration to bound listeners, running, draining.

mod authentik;
mod bound;
mod certificates;
mod config;
mod config_watcher;
mod fault;
mod reload;
mod run;
mod service_manager;
mod signals;
mod system;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tracing::info;

use crate::domain::crypto::sealing::{SealingKey, SealingKeys};
use crate::outbound::audit::AuditLog;
use crate::outbound::otlp::OtlpFault;
use crate::outbound::provider::{NamedIssuer, OpenIdProviders};
use crate::outbound::store::{self, OpenStore, StoreSettings};
use crate::outpost::{Outpost, Parts};
use crate::ports::{Audit, Clock, Entropy, IdentityProvider};
use crate::telemetry;

pub use authentik::{ApplicationMapping, Authentik, ListFault, Listed, MappedApplication, OverlayTarget};
pub use bound::{Addresses, Bound, Service};
pub use certificates::Certificates;
pub use config::{Config, Limits, Listen, Sealing, Shutdown, Traces};
pub use fault::Fault;
pub use reload::{Changed, ConfigSource, Reread};
pub use signals::ignore_others as ignore_signals;
pub use system::{SystemClock, SystemEntropy};

use authentik::AuthentikUpdates;
use reload::{InService, Reloader};
use signals::StopRequests;

/// The time limit for writing the last events of the audit stream.
const AUDIT_TIMEOUT: Duration = Duration::from_secs(2);
/// The time limit for the end of the background tasks.
const TASKS_TIMEOUT: Duration = Duration::from_secs(2);
/// The time limit for flushing the log at the end.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the service until it receives a signal to stop. The configuration is read again from `source` when a file of it
/// changes, and on SIGHUP; without a source it is not.
///
/// # Errors
/// See [`Fault`]: the service did not start, or was stopped twice.
pub fn run(config: Config, source: Option<Arc<dyn ConfigSource>>) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let log = {
        let _on = runtime.enter();
        let traces = config.traces.as_ref().map(|traces| Ok::<_, OtlpFault>((traces.otlp.exporter()?, &traces.spans)));
        telemetry::start(&config.log, traces.transpose()?)?
    };
    let result = runtime.block_on(async {
        let (mut signals, hangup) = (StopRequests::listen()?, signals::hangup()?);
        let Built { bound, reloader, updates, audit } = build(config).await?;
        let rotations = signals::hangup()?;
        let from_files = async {
            match source {
                Some(source) => reloader.run(source, hangup).await,
                None => reload::refuse(hangup).await,
            }
        };
        let from_authentik = async {
            match updates {
                Some(updates) => Box::pin(updates.run()).await,
                None => std::future::pending().await,
            }
        };
        let reloads = async {
            tokio::select! {
                never = from_files => never,
                never = from_authentik => never,
                never = reopen(audit.as_deref(), rotations) => never,
            }
        };
        let result = bound.run(reloads, async || signals.next().await).await;
        if let Some(audit) = &audit {
            audit.close(AUDIT_TIMEOUT);
        }
        result
    });
    // The last spans are sent on the runtime.
    log.flush(LOG_TIMEOUT);
    // The tasks that hold the session store end, so that it writes what is pending and closes its file. What still blocks a thread is not
    // needed any more.
    let timeout = if matches!(result, Err(Fault::StoppedAtOnce)) { Duration::ZERO } else { TASKS_TIMEOUT };
    runtime.shutdown_timeout(timeout);
    result.map(drop)
}

/// A service that is ready to run, and what changes its configuration while it runs.
struct Built {
    bound: Bound,
    reloader: Arc<Reloader>,
    updates: Option<AuthentikUpdates>,
    audit: Option<Arc<AuditLog>>,
}

/// Opens the store, starts fetching the metadata of the identity providers, and binds every listener.
async fn build(config: Config) -> Result<Built, Fault> {
    let Config {
        applications,
        listen,
        store,
        sealing,
        lifetimes,
        outpost_name,
        pages,
        provider,
        authentik,
        limits,
        ..
    } = config;
    let (clock, entropy) = clock_and_entropy();

    // Before any metric is created.
    telemetry::install();
    info!(version = env!("CARGO_PKG_VERSION"), outpost = outpost_name, %store, "starting");
    let audit_log = config.audit.map(|settings| AuditLog::open(&settings, Arc::clone(&clock))).transpose()?;
    let audit = audit_log.clone().map_or_else(Audit::default, |log| Audit::to(log));
    let sealing = sealing_keys(sealing, &store, entropy.as_ref())?;
    let OpenStore { store, access } =
        store::open(&store, sealing.clone(), lifetimes, Arc::clone(&entropy), Arc::clone(&clock))?;
    let issuers = applications.iter().flat_map(|application| NamedIssuer::of(application));
    let providers = OpenIdProviders::start(&provider, issuers, Arc::clone(&clock))?;

    let parts = Parts {
        applications: applications.clone().into(),
        name: outpost_name.into(),
        lifetimes,
        sealing: sealing.clone(),
        store: Arc::clone(&store),
        provider: Arc::clone(&providers) as Arc<dyn IdentityProvider>,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        audit: audit.clone(),
    };
    let outpost = Outpost::new(parts)?.with_limits(limits.requests).with_wait_limits(limits.waits);
    let outpost = Arc::new(outpost.with_sign_in_limits(limits.sign_ins).with_design(pages));
    let service = Service {
        outpost: Arc::clone(&outpost),
        store,
        clock: Arc::clone(&clock),
        lifetimes,
        applications: applications.iter().map(|application| application.slug.as_str().to_owned()).collect(),
        certificates: Certificates::new(config.tls, reload::host_names(&applications))?,
        admin_tls: config.admin_tls,
        forward_auth: config.forward_auth,
        limits,
        shutdown: config.shutdown,
    };
    let bound = Bound::bind(service, &listen).await?;
    let (sender, authentik) = authentik.map(watch::channel).unzip();
    let in_service = InService::new(applications, provider, &bound);
    let reloader = Arc::new(Reloader::new(&bound, providers, in_service, access, sender, audit));
    let updates = authentik.map(|settings| {
        let parts = authentik::Parts { settings, reloader: Arc::clone(&reloader), outpost, clock, entropy, sealing };
        AuthentikUpdates::new(parts, &bound)
    });
    Ok(Built { bound, reloader, updates: updates.transpose()?, audit: audit_log })
}

/// Opens the file of the audit stream anew at every SIGHUP, as programs that rotate logs expect.
async fn reopen(audit: Option<&AuditLog>, mut hangup: Signal) -> Infallible {
    loop {
        hangup.recv().await;
        if let Some(audit) = audit {
            audit.reopen();
        }
    }
}

/// Those of the system.
fn clock_and_entropy() -> (Arc<dyn Clock>, Arc<dyn Entropy>) {
    (Arc::new(SystemClock), Arc::new(SystemEntropy::default()))
}

/// The operator's keys; else a key beside the store's file, or one of this process only for the memory store. A shared store
/// requires a configured key.
fn sealing_keys(sealing: Sealing, store: &StoreSettings, entropy: &dyn Entropy) -> Result<SealingKeys, Fault> {
    let key = match (sealing, store) {
        (Sealing::Given(keys), _) => return Ok(keys),
        (Sealing::BesideStore, StoreSettings::File { path }) => store::sealing_key(&store::key_path(path), entropy)?,
        (Sealing::BesideStore, StoreSettings::Memory) => {
            let mut secret = [0; 32];
            entropy.fill(&mut secret)?;
            SealingKey::new(secret)
        }
        (Sealing::BesideStore, StoreSettings::Redis(_)) => return Err(Fault::NoSharedKey),
    };
    Ok(SealingKeys::new(key, Vec::new()))
}
