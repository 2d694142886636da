//! Follows authentik: reads the applications, takes them into service, keeps the last answer, and ends sessions.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::applications::MappedAnswer;
use super::status;
use super::{ApplicationMapping, Authentik};
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::time::Timestamp;
use crate::inbound::connections::TlsIdentity;
use crate::inbound::ext_authz::Health;
use crate::inbound::ops::{Latch, Readiness};
use crate::outbound::authentik::{
    AnswerCache, ApiFault, CachedAnswer, Certificate, Connection, Instance, InvalidProvider, OutpostAnswer, OutpostId,
    Providers, SessionEnds, Subscription, Updates, WebSocketSettings, WebSocketTask, update_delay,
};
use crate::outpost::Outpost;
use crate::ports::{Clock, Entropy};
use crate::server::bound::Bound;
use crate::server::fault::Fault;
use crate::server::reload::Reloader;

/// The pause before authentik is asked again after a failure; each one is twice as long as the last.
const FIRST_PAUSE: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The pause before an ended session is removed again from a store that could not do it.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Follows one authentik.
pub(in crate::server) struct AuthentikUpdates {
    connection: Arc<Connection>,
    cache: Option<Arc<AnswerCache>>,
    mapping: watch::Receiver<Arc<dyn ApplicationMapping>>,
    reloader: Arc<Reloader>,
    outpost: Arc<Outpost>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    hostname: String,
    is_insecure: bool,
    readiness: Readiness,
    health: Health,
    /// Held until there are applications.
    starting: Option<Latch>,
    in_service: Option<OutpostAnswer>,
    /// What was logged about the answer in service.
    reported: Vec<String>,
    /// What was logged about the last failure.
    failure: Option<String>,
}

/// The parts of a running service that following authentik needs.
pub(in crate::server) struct Parts {
    pub(in crate::server) mapping: watch::Receiver<Arc<dyn ApplicationMapping>>,
    pub(in crate::server) reloader: Arc<Reloader>,
    pub(in crate::server) outpost: Arc<Outpost>,
    pub(in crate::server) clock: Arc<dyn Clock>,
    pub(in crate::server) entropy: Arc<dyn Entropy>,
    pub(in crate::server) sealing: SealingKeys,
}

/// A complete answer, with the providers of it that cannot be read.
struct Fetched {
    answer: OutpostAnswer,
    invalid: Vec<InvalidProvider>,
}

impl AuthentikUpdates {
    /// Prepares the client; asks nothing yet. The service is not ready before there are applications.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub(in crate::server) fn new(settings: &Authentik, parts: Parts, bound: &Bound) -> Result<Self, Fault> {
        let Authentik { connection: settings, answer_file, .. } = settings;
        let Parts { mapping, reloader, outpost, clock, entropy, sealing } = parts;
        let (readiness, health) = (bound.readiness.clone(), bound.health.clone());
        let connection = Arc::new(Connection::new(settings)?);
        let cache =
            answer_file.as_ref().map(|path| Arc::new(AnswerCache::new(path, sealing, &settings.host, &settings.token)));
        let starting = Some(readiness.hold("authentik"));
        let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let is_insecure = settings.insecure;
        let (in_service, reported, failure) = (None, Vec::new(), None);
        Ok(Self {
            connection,
            cache,
            mapping,
            reloader,
            outpost,
            clock,
            entropy,
            hostname,
            is_insecure,
            readiness,
            health,
            starting,
            in_service,
            reported,
            failure,
        })
    }

    /// Follows authentik until the future is dropped.
    pub(in crate::server) async fn run(mut self) -> Infallible {
        self.serve_last_answer().await;
        let mut pause = FIRST_PAUSE;
        let mut followed: Option<Followed> = None;
        loop {
            let interval = match self.fetch().await {
                Ok(Fetched { answer, invalid }) => {
                    pause = FIRST_PAUSE;
                    let interval = answer.outpost.refresh_interval();
                    if followed.as_ref().is_none_or(|followed| followed.outpost != answer.outpost.pk) {
                        followed = self.follow(&answer);
                    }
                    self.take(answer, &invalid).await;
                    interval
                }
                Err(fault) => {
                    self.report_failure(&fault);
                    let waited = pause;
                    pause = LONGEST_PAUSE.min(pause * 2);
                    waited
                }
            };
            let update = async {
                match &mut followed {
                    Some(followed) => followed.updates.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep(interval) => {}
                () = update => {}
                // Other settings of the operator's: what authentik said is mapped again, and read again as well.
                changed = self.mapping.changed() => if changed.is_ok() { self.map_again().await },
                () = self.reloader.asked() => {}
            }
        }
    }

    /// Serves the last answer on disk until authentik answers.
    async fn serve_last_answer(&mut self) {
        let Some(cache) = self.cache.clone() else { return };
        let cached = match spawn_blocking(move || cache.read(None)).await {
            Ok(Ok(Some(cached))) => cached,
            Ok(Ok(None)) | Err(_) => return,
            Ok(Err(fault)) => return warn!(%fault, "authentik's last answer cannot be used"),
        };
        let CachedAnswer { answer, written } = cached;
        if self.apply(&answer, &[], written).await {
            let age_s = self.clock.now().since(written).as_secs();
            info!(age_s, "the applications of authentik's last answer are served until it answers again");
        }
    }

    async fn fetch(&self) -> Result<Fetched, ApiFault> {
        let outpost = self.connection.outpost().await?;
        let Providers { valid: providers, invalid } = self.connection.providers().await?;
        let mut certificates: Vec<Certificate> = Vec::new();
        for uuid in providers.iter().filter_map(|provider| provider.certificate.as_deref()) {
            if certificates.iter().any(|certificate| certificate.uuid == uuid) {
                continue;
            }
            let known = self.in_service.iter().flat_map(|answer| &answer.certificates);
            let known = known.clone().find(|certificate| certificate.uuid == uuid);
            match self.connection.certificate(uuid, known).await {
                Ok(certificate) => certificates.push(certificate),
                Err(fault) => {
                    warn!(certificate = uuid, %fault, "a certificate cannot be fetched; the earlier or the default one is served");
                    certificates.extend(known.cloned());
                }
            }
        }
        Ok(Fetched { answer: OutpostAnswer { outpost, providers, certificates }, invalid })
    }

    /// Takes a new answer into service, and keeps it on disk.
    async fn take(&mut self, answer: OutpostAnswer, invalid: &[InvalidProvider]) {
        let now = self.clock.now();
        let is_taken = self.apply(&answer, invalid, now).await;
        status::count_update(is_taken);
        if !is_taken {
            return;
        }
        self.failure = None;
        self.readiness.note("authentik", self.is_insecure.then(|| "its certificate is not verified".to_owned()));
        let (Some(cache), Some(answer)) = (self.cache.clone(), self.in_service.clone()) else { return };
        let entropy = Arc::clone(&self.entropy);
        if let Ok(Err(fault)) = spawn_blocking(move || cache.write(&answer, now, entropy.as_ref())).await {
            warn!(%fault, "authentik's answer is not kept for a restart");
        }
    }

    /// Takes an answer into service unless it is there already; returns whether it is in service now.
    async fn apply(&mut self, answer: &OutpostAnswer, invalid: &[InvalidProvider], at: Timestamp) -> bool {
        let mapping = Arc::clone(&self.mapping.borrow_and_update());
        let earlier = self.in_service.as_ref().map(|answer| answer.providers.clone()).unwrap_or_default();
        let (of_task, invalid) = (answer.clone(), invalid.to_vec());
        // Regular expressions are compiled.
        let mapped = spawn_blocking(move || {
            let OutpostAnswer { outpost, providers, .. } = of_task;
            MappedAnswer::new(mapping.as_ref(), &outpost, &providers, &invalid, &earlier)
        });
        let MappedAnswer { applications, providers, findings } = match mapped.await {
            Ok(mapped) => mapped,
            Err(fault) => {
                error!(%fault, "the applications cannot be made of authentik's answer");
                return false;
            }
        };
        for finding in findings.iter().filter(|finding| !self.reported.contains(finding)) {
            warn!(finding, "authentik");
        }
        self.reported = findings;
        let answer = OutpostAnswer { providers, ..answer.clone() };
        if self.in_service.as_ref() != Some(&answer) {
            let slugs: Vec<&str> = applications.iter().map(|application| application.slug.as_str()).collect();
            let (is_empty, slugs) = (slugs.is_empty(), slugs.join(", "));
            if let Err(fault) =
                self.reloader.replace_applications(applications, identities(&answer), answer.outpost.name.clone())
            {
                warn!(%fault, "authentik's answer cannot be used; the earlier one stays in service");
                return false;
            }
            info!(applications = slugs, outpost = answer.outpost.name, "the applications of authentik are in service");
            if is_empty {
                warn!("authentik lists no application that can be served for this outpost; every request is denied");
            }
        }
        status::note_answer(&answer.outpost, at);
        self.in_service = Some(answer);
        if self.starting.take().is_some() {
            self.health.serving().await;
        }
        true
    }

    /// Makes the applications of the answer in service anew.
    async fn map_again(&mut self) {
        let Some(answer) = self.in_service.take() else { return };
        self.apply(&answer, &[], self.clock.now()).await;
        if self.in_service.is_none() {
            self.in_service = Some(answer);
        }
    }

    fn report_failure(&mut self, fault: &ApiFault) {
        status::count_update(false);
        let text = fault.to_string();
        let state = if self.in_service.is_some() {
            "authentik gives no answer; its last one stays in service"
        } else {
            "authentik gives no answer; nothing is served yet"
        };
        if self.failure.as_ref() != Some(&text) {
            warn!(fault = text, "{state}");
        }
        self.readiness.note("authentik", Some(format!("{state}: {text}")));
        self.failure = Some(text);
    }

    /// Opens the WebSocket of the outpost, and ends the sessions that authentik reports.
    fn follow(&self, answer: &OutpostAnswer) -> Option<Followed> {
        let outpost = &answer.outpost;
        let entropy = self.entropy.as_ref();
        let prepared =
            Instance::new(&self.hostname, entropy).and_then(|instance| Ok((instance, update_delay(entropy)?)));
        let (instance, delay) = match prepared {
            Ok(prepared) => prepared,
            Err(fault) => {
                warn!(%fault, "authentik's WebSocket is not opened; changes are noticed at the interval only");
                return None;
            }
        };
        let settings = WebSocketSettings::default();
        let Subscription { updates, session_ends, connected, task } =
            self.connection.subscribe(&outpost.pk, &instance, delay, settings);
        let mut tasks = JoinSet::new();
        tasks.spawn(end_sessions(session_ends, Arc::clone(&self.outpost)));
        tasks.spawn(status::report_connection(outpost.clone(), connected));
        Some(Followed { outpost: outpost.pk.clone(), updates, _websocket: task, _tasks: tasks })
    }
}

/// The WebSocket of one outpost, and what depends on it; all of it ends when this value is dropped.
struct Followed {
    outpost: OutpostId,
    updates: Updates,
    _websocket: WebSocketTask,
    _tasks: JoinSet<()>,
}

/// Ends the sessions that end at authentik. It does not report them again, so each one is tried until the store does it.
async fn end_sessions(mut ended: SessionEnds, outpost: Arc<Outpost>) {
    while let Some(id) = ended.next().await {
        let mut is_reported = false;
        loop {
            match outpost.end_provider_session(&id).await {
                Ok(0) => break,
                Ok(count) => {
                    info!(sid = id, count, "sessions ended, because their session at authentik ended");
                    break;
                }
                Err(fault) if is_reported => _ = fault,
                Err(fault) => {
                    warn!(sid = id, %fault, "a session that ended at authentik is not ended yet; it is tried again");
                    is_reported = true;
                }
            }
            sleep(STORE_PAUSE).await;
        }
    }
}

/// The certificates that can be served.
fn identities(answer: &OutpostAnswer) -> Vec<TlsIdentity> {
    use secrecy::ExposeSecret as _;
    let mut identities = Vec::new();
    for certificate in &answer.certificates {
        let key = certificate.private_key.as_secret().expose_secret();
        match TlsIdentity::from_pem(certificate.chain.as_bytes(), key.as_bytes()) {
            Ok(identity) => identities.push(identity),
            Err(fault) => warn!(certificate = certificate.name, %fault, "a certificate of authentik cannot be served"),
        }
    }
    identities
}
