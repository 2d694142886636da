//! Follows authentik: reads the applications, takes them into service, keeps the last answer, and ends sessions.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
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
    /// The mapping with which it was made.
    mapped_by: Option<Arc<dyn ApplicationMapping>>,
    /// The issuers of all applications so far: a session may end whose application is not served at the moment.
    issuers: Arc<Mutex<BTreeSet<String>>>,
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
    /// Lines about certificates that cannot be fetched.
    findings: Vec<String>,
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
        let (in_service, mapped_by, reported, failure) = (None, None, Vec::new(), None);
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
            mapped_by,
            issuers: Arc::default(),
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
            let known = self.in_service.as_ref().map(|answer| answer.certificates.clone()).unwrap_or_default();
            let fetch = fetch(Arc::clone(&self.connection), known);
            let mut fetch = std::pin::pin!(fetch);
            let fetched = loop {
                tokio::select! {
                    // The operator's settings do not wait for authentik.
                    changed = self.mapping.changed() => if changed.is_ok() { self.map_again().await },
                    fetched = &mut fetch => break fetched,
                }
            };
            let interval = match fetched {
                Ok(Fetched { answer, invalid, findings }) => {
                    pause = FIRST_PAUSE;
                    let (pk, interval) = (answer.outpost.pk.clone(), answer.outpost.refresh_interval());
                    self.take(answer, &invalid, findings).await;
                    // Only now are the issuers known whose sessions may end.
                    if followed.as_ref().is_none_or(|followed| followed.outpost != pk) {
                        followed = self.in_service.as_ref().and_then(|answer| self.follow(answer));
                    }
                    interval
                }
                Err(fault) => {
                    self.report_failure(&fault);
                    let waited = pause;
                    pause = LONGEST_PAUSE.min(pause * 2);
                    waited
                }
            };
            let wait = async {
                let update = async {
                    match &mut followed {
                        Some(followed) => followed.updates.next().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = sleep(interval) => {}
                    () = update => {}
                    () = self.reloader.asked() => {}
                }
            };
            tokio::select! {
                () = wait => {}
                changed = self.mapping.changed() => if changed.is_ok() { self.map_again().await },
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
        if self.apply(&answer, &[], Vec::new(), written).await {
            let age_s = self.clock.now().since(written).as_secs();
            info!(age_s, "the applications of authentik's last answer are served until it answers again");
        }
    }

    /// Takes a new answer into service, and keeps it on disk.
    async fn take(&mut self, answer: OutpostAnswer, invalid: &[InvalidProvider], findings: Vec<String>) {
        let now = self.clock.now();
        let is_taken = self.apply(&answer, invalid, findings, now).await;
        status::count_update(is_taken);
        if !is_taken {
            return;
        }
        self.failure = None;
        let insecure = self.is_insecure.then(|| "its certificate is not verified".to_owned());
        let doubtful = (!self.reported.is_empty())
            .then(|| format!("{} findings about its applications; the log names them", self.reported.len()));
        let notes: Vec<String> = insecure.into_iter().chain(doubtful).collect();
        self.readiness.note("authentik", (!notes.is_empty()).then(|| notes.join("; ")));
        let (Some(cache), Some(answer)) = (self.cache.clone(), self.in_service.clone()) else { return };
        let entropy = Arc::clone(&self.entropy);
        if let Ok(Err(fault)) = spawn_blocking(move || cache.write(&answer, now, entropy.as_ref())).await {
            warn!(%fault, "authentik's answer is not kept for a restart");
        }
    }

    /// Takes an answer into service unless it is there already; returns whether it is in service now.
    async fn apply(
        &mut self,
        answer: &OutpostAnswer,
        invalid: &[InvalidProvider],
        mut findings: Vec<String>,
        at: Timestamp,
    ) -> bool {
        let mapping = Arc::clone(&self.mapping.borrow_and_update());
        let mapped_by = Arc::clone(&mapping);
        let earlier = self.in_service.as_ref().map(|answer| answer.providers.clone()).unwrap_or_default();
        let (of_task, invalid) = (answer.clone(), invalid.to_vec());
        // Regular expressions are compiled.
        let mapped = spawn_blocking(move || {
            let OutpostAnswer { outpost, providers, left_out, .. } = of_task;
            MappedAnswer::new(mapping.as_ref(), &outpost, &providers, &invalid, &earlier, &left_out)
        });
        let MappedAnswer { applications, providers, left_out, findings: of_mapping } = match mapped.await {
            Ok(mapped) => mapped,
            Err(fault) => {
                error!(%fault, "the applications cannot be made of authentik's answer");
                return false;
            }
        };
        findings.extend(of_mapping);
        for finding in findings.iter().filter(|finding| !self.reported.contains(finding)) {
            warn!(finding, "authentik");
        }
        self.reported = findings;
        let answer = OutpostAnswer { providers, left_out, ..answer.clone() };
        let is_same_mapping = self.mapped_by.as_ref().is_some_and(|present| Arc::ptr_eq(present, &mapped_by));
        if !is_same_mapping || self.in_service.as_ref() != Some(&answer) {
            let issuers = applications.iter().map(|application| application.relying_party.issuer.clone());
            self.issuers.lock().unwrap_or_else(PoisonError::into_inner).extend(issuers);
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
        self.mapped_by = Some(mapped_by);
        if self.starting.take().is_some() {
            self.health.serving().await;
        }
        true
    }

    /// Makes the applications of the answer in service anew.
    async fn map_again(&mut self) {
        let Some(answer) = self.in_service.clone() else { return };
        self.apply(&answer, &[], Vec::new(), self.clock.now()).await;
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
        tasks.spawn(end_sessions(session_ends, Arc::clone(&self.outpost), Arc::clone(&self.issuers)));
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
async fn end_sessions(mut ended: SessionEnds, outpost: Arc<Outpost>, issuers: Arc<Mutex<BTreeSet<String>>>) {
    while let Some(id) = ended.next().await {
        let mut is_reported = false;
        loop {
            let known = issuers.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match outpost.end_provider_session(&id, &known).await {
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

/// Reads everything anew. Certificates that are `known` are fetched only when they changed.
async fn fetch(connection: Arc<Connection>, known: Vec<Certificate>) -> Result<Fetched, ApiFault> {
    let outpost = connection.outpost().await?;
    let Providers { valid: providers, invalid } = connection.providers().await?;
    let (mut certificates, mut findings): (Vec<Certificate>, Vec<String>) = (Vec::new(), Vec::new());
    for uuid in providers.iter().filter_map(|provider| provider.certificate.as_deref()) {
        if certificates.iter().any(|certificate| certificate.uuid == uuid) {
            continue;
        }
        let known = known.iter().find(|certificate| certificate.uuid == uuid);
        match connection.certificate(uuid, known).await {
            Ok(certificate) => certificates.push(certificate),
            Err(fault) => {
                findings.push(format!(
                    "certificate {uuid} cannot be fetched, so the earlier or the default one is served: {fault}"
                ));
                certificates.extend(known.cloned());
            }
        }
    }
    let left_out = Vec::new();
    Ok(Fetched { answer: OutpostAnswer { outpost, providers, certificates, left_out }, invalid, findings })
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
