//! Follows authentik: reads the applications, takes them into service, keeps the last answer, and ends sessions.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::applications::{Before, MappedAnswer};
use super::session_ends::{Issuers, end_sessions};
use super::status;
use super::{ApplicationMapping, Authentik};
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::time::Timestamp;
use crate::inbound::connections::TlsIdentity;
use crate::inbound::ext_authz::Health;
use crate::inbound::ops::{Latch, Readiness};
use crate::outbound::authentik::{
    AnswerCache, ApiFault, CachedAnswer, Certificate, Connection, ConnectionSettings, Instance, InvalidProvider,
    Outpost, OutpostAnswer, Providers, Subscription, Updates, WebSocketSettings, WebSocketTask, update_delay,
};
use crate::outpost;
use crate::ports::{Clock, Entropy};
use crate::server::bound::Bound;
use crate::server::fault::Fault;
use crate::server::reload::Reloader;

/// The pause before authentik is asked again after a failure; each one is twice as long as the last.
const FIRST_PAUSE: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Follows one authentik.
pub(in crate::server) struct AuthentikUpdates {
    /// The operator's settings, which may change.
    settings: watch::Receiver<Authentik>,
    connection: Arc<Connection>,
    connected_by: ConnectionSettings,
    cache: Option<Arc<AnswerCache>>,
    sealing: SealingKeys,
    reloader: Arc<Reloader>,
    served_by: Arc<outpost::Outpost>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    hostname: String,
    readiness: Readiness,
    health: Health,
    /// Held until there are applications.
    starting: Option<Latch>,
    in_service: Option<OutpostAnswer>,
    /// The mapping with which it was made.
    mapped_by: Option<Arc<dyn ApplicationMapping>>,
    /// The issuers of all applications so far: a session may end whose application is not served at the moment.
    issuers: Issuers,
    /// They end the sessions that authentik reported, each for one WebSocket and for some time after it.
    ending: JoinSet<()>,
    /// What was logged about the answer in service.
    reported: Vec<String>,
    /// What was logged about the last failure.
    failure: Option<String>,
}

/// The parts of a running service that following authentik needs.
pub(in crate::server) struct Parts {
    pub(in crate::server) settings: watch::Receiver<Authentik>,
    pub(in crate::server) reloader: Arc<Reloader>,
    pub(in crate::server) outpost: Arc<outpost::Outpost>,
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
    pub(in crate::server) fn new(parts: Parts, bound: &Bound) -> Result<Self, Fault> {
        status::register();
        let Parts { settings, reloader, outpost: served_by, clock, entropy, sealing } = parts;
        let present = settings.borrow().clone();
        let (readiness, health) = (bound.readiness.clone(), bound.health.clone());
        let connection = Arc::new(Connection::new(&present.connection)?);
        let cache = present.cache(&sealing);
        let starting = Some(readiness.hold("authentik"));
        let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let connected_by = present.connection;
        let (in_service, mapped_by, reported, failure) = (None, None, Vec::new(), None);
        Ok(Self {
            settings,
            connection,
            connected_by,
            cache,
            sealing,
            reloader,
            served_by,
            clock,
            entropy,
            hostname,
            readiness,
            health,
            starting,
            in_service,
            mapped_by,
            issuers: Arc::default(),
            ending: JoinSet::new(),
            reported,
            failure,
        })
    }

    /// Follows authentik until the future is dropped.
    pub(in crate::server) async fn run(mut self) -> Infallible {
        self.serve_last_answer().await;
        let mut pause = FIRST_PAUSE;
        let mut followed: Option<Followed> = None;
        'reading: loop {
            let known = self.in_service.as_ref().map(|answer| answer.certificates.clone()).unwrap_or_default();
            let fetch = fetch(Arc::clone(&self.connection), known);
            let mut fetch = std::pin::pin!(fetch);
            let fetched = loop {
                tokio::select! {
                    // The operator's settings do not wait for authentik.
                    changed = self.settings.changed() => if changed.is_ok() && self.apply_settings().await {
                        (pause, followed) = (FIRST_PAUSE, None);
                        continue 'reading;
                    },
                    fetched = &mut fetch => break fetched,
                }
            };
            let interval = match fetched {
                Ok(Fetched { answer, invalid, findings }) => {
                    pause = FIRST_PAUSE;
                    let outpost = answer.outpost.clone();
                    self.take(answer, &invalid, findings).await;
                    // Only now are the issuers known whose sessions may end.
                    match &followed {
                        Some(followed) if followed.outpost.borrow().pk == outpost.pk => {
                            followed.outpost.send_replace(outpost.clone());
                        }
                        _ => followed = self.follow(outpost.clone()),
                    }
                    outpost.refresh_interval()
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
                changed = self.settings.changed() => if changed.is_ok() && self.apply_settings().await {
                    (pause, followed) = (FIRST_PAUSE, None);
                },
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
        let age_s = self.clock.now().since(written).as_secs();
        info!(age_s, "authentik's last answer is used until it answers again");
        self.apply(&answer, &[], Vec::new(), written).await;
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
        let insecure = self.connected_by.insecure.then(|| "its certificate is not verified".to_owned());
        let doubtful = summary(&self.reported);
        let is_empty = self.in_service.as_ref().is_some_and(|answer| answer.providers.is_empty());
        let empty =
            is_empty.then(|| "it lists no application that can be served, so every request is denied".to_owned());
        let notes: Vec<String> = insecure.into_iter().chain(empty).chain(doubtful).collect();
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
        let mapping = Arc::clone(&self.settings.borrow().mapping);
        let mapped_by = Arc::clone(&mapping);
        let present = self.in_service.as_ref();
        let earlier = present.map(|answer| answer.providers.clone()).unwrap_or_default();
        // The first answer may come from the disk, and then it says itself what was known before.
        let overlaid = present.unwrap_or(answer).overlaid.clone();
        let (of_task, invalid) = (answer.clone(), invalid.to_vec());
        // Regular expressions are compiled.
        let mapped = spawn_blocking(move || {
            let OutpostAnswer { outpost, providers, left_out, .. } = of_task;
            let before = Before { providers: &earlier, left_out: &left_out, overlaid };
            MappedAnswer::new(mapping.as_ref(), &outpost, &providers, &invalid, before)
        });
        let MappedAnswer { applications, providers, left_out, overlaid, findings: of_mapping } = match mapped.await {
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
        let answer = OutpostAnswer { providers, left_out, overlaid, ..answer.clone() };
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
        status::note_answer(&answer.outpost, self.in_service.as_ref().map(|before| &before.outpost), at);
        self.in_service = Some(answer);
        self.mapped_by = Some(mapped_by);
        if self.starting.take().is_some() {
            self.health.serving().await;
        }
        true
    }

    /// Applies changed settings of the operator: the applications are made anew. Returns whether authentik is reached in another
    /// way from now on, with another token for example.
    async fn apply_settings(&mut self) -> bool {
        let settings = self.settings.borrow_and_update().clone();
        if let Some(answer) = self.in_service.clone() {
            self.apply(&answer, &[], Vec::new(), self.clock.now()).await;
        }
        if settings.connection == self.connected_by {
            return false;
        }
        match Connection::new(&settings.connection) {
            Ok(connection) => self.connection = Arc::new(connection),
            Err(fault) => {
                warn!(%fault, "the changed settings for authentik cannot be used; it is reached as before");
                return false;
            }
        }
        self.cache = settings.cache(&self.sealing);
        self.connected_by = settings.connection;
        info!("authentik is reached with changed settings from now on");
        true
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
    fn follow(&mut self, outpost: Outpost) -> Option<Followed> {
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
        let Subscription { updates, session_ends, state, task } =
            self.connection.subscribe(&outpost.pk, &instance, delay, settings);
        // What was reported before this WebSocket is still to be done.
        while self.ending.try_join_next().is_some() {}
        self.ending.spawn(end_sessions(session_ends, Arc::clone(&self.served_by), Arc::clone(&self.issuers)));
        let (outpost, renamed) = watch::channel(outpost);
        let mut status = JoinSet::new();
        status.spawn(status::report_connection(renamed, state, self.readiness.clone()));
        Some(Followed { outpost, updates, _websocket: task, _status: status })
    }
}

/// The WebSocket of one outpost, and what depends on it; all of it ends when this value is dropped.
struct Followed {
    outpost: watch::Sender<Outpost>,
    updates: Updates,
    _websocket: WebSocketTask,
    _status: JoinSet<()>,
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
    let (left_out, overlaid) = (Vec::new(), Vec::new());
    let answer = OutpostAnswer { outpost, providers, certificates, left_out, overlaid };
    Ok(Fetched { answer, invalid, findings })
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

/// The first findings about applications, for a note.
fn summary(findings: &[String]) -> Option<String> {
    const SHOWN: usize = 3;
    let first = findings.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = findings.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!("; and {more} more in the log") } else { String::new() };
    (!findings.is_empty()).then(|| format!("{first}{rest}"))
}
