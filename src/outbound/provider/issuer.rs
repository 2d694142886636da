//! The cached metadata and keys of one provider, fetched in the background from the start on. The last valid copy survives
//! every failed fetch.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::StatusCode;
use secrecy::SecretString;
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};
use url::Url;

use super::addresses::Addresses;
use super::discovery::Discovered;
use super::http::{Answer, Operation, ProviderClient};
use super::key_fetch::{FetchedKeys, KeyFetch};
use super::metadata::{ExpectedAlgorithm, Metadata, MetadataFault};
use super::provider_calls::ProviderCalls;
use super::user_info_outage_log::UserInfoOutageLog;
use crate::domain::oidc::jws::{KeySet, Purpose, Unverified, VerifiedJws};
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::oidc::relying_party::ProviderEndpoints;
use crate::domain::time::{Timestamp, jittered};
use crate::ports::{Clock, ExchangeFault, ProviderUnavailable};

/// How long a sign-in waits for a first fetch in progress: less than the time limit of a Check, so that the answer still
/// names the cause.
const FIRST_FETCH_TIMEOUT: Duration = Duration::from_millis(700);
/// The pauses between failing first fetches; the longest determines how soon a provider that came back is noticed.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// The pause after a failed refresh, while there is a valid copy.
const REFRESH_PAUSE: Duration = Duration::from_secs(30);

/// One issuer: a provider, or a foreign issuer of which only the keys are needed.
pub(super) struct Issuer<D = Discovered> {
    identifier: String,
    addresses: Addresses,
    client: ArcSwap<ProviderClient>,
    clock: Arc<dyn Clock>,
    /// Limits the calls that unauthenticated clients can cause by sending credentials.
    calls: ProviderCalls,
    /// The algorithms that its relying parties expect.
    expected: ArcSwap<Vec<ExpectedAlgorithm>>,
    user_info: UserInfoOutageLog,
    knowledge: watch::Sender<Knowledge<D>>,
    /// Held while fetching, so that only one fetch runs at a time.
    fetching: Mutex<()>,
    /// The shared fetch of newer keys, for tokens with unknown keys.
    key_fetch: KeyFetch,
    /// For tasks that outlive the request that started them.
    this: Weak<Self>,
}

enum Knowledge<D> {
    Fetching,
    Failed(String),
    DiscoveredProvider(DiscoveredProvider<D>),
}

/// The result of a successful fetch.
pub(super) struct DiscoveredProvider<D = Discovered> {
    pub(super) discovered: Arc<D>,
    keys: Arc<KeySet>,
}

/// The result of a request for newer keys.
enum Newer {
    /// Fetched for this request.
    Fetched(Arc<KeySet>),
    /// Obtained from a fetch that began earlier.
    Joined(Arc<KeySet>),
    /// There are none: they cannot be fetched, or were fetched too often recently.
    None,
    /// Unknown: too many requests wait for them already.
    Unknown,
}

impl<D> Clone for DiscoveredProvider<D> {
    fn clone(&self) -> Self {
        Self { discovered: Arc::clone(&self.discovered), keys: Arc::clone(&self.keys) }
    }
}

impl<D: Metadata> Issuer<D> {
    pub(super) fn new(
        identifier: &str,
        addresses: Addresses,
        client: Arc<ProviderClient>,
        clock: Arc<dyn Clock>,
        expected: Vec<ExpectedAlgorithm>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            identifier: identifier.to_owned(),
            addresses,
            client: ArcSwap::new(client),
            clock,
            calls: ProviderCalls::new(),
            expected: ArcSwap::from_pointee(expected),
            user_info: UserInfoOutageLog::default(),
            knowledge: watch::Sender::new(Knowledge::Fetching),
            fetching: Mutex::new(()),
            key_fetch: KeyFetch::new(),
            this: this.clone(),
        })
    }

    pub(super) fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The addresses that the operator gives.
    pub(super) const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The endpoints that the operator gives.
    pub(super) const fn endpoints(&self) -> Option<&ProviderEndpoints> {
        self.addresses.endpoints.as_ref()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn client(&self) -> Arc<ProviderClient> {
        self.client.load_full()
    }

    /// Replaces the client and the algorithms that relying parties expect.
    pub(super) fn reconfigure(&self, client: Arc<ProviderClient>, expected: Vec<ExpectedAlgorithm>) {
        self.client.store(client);
        self.expected.store(Arc::new(expected));
    }

    pub(super) const fn calls(&self) -> &ProviderCalls {
        &self.calls
    }

    /// Whether its UserInfo endpoint fails.
    pub(super) const fn user_info(&self) -> &UserInfoOutageLog {
        &self.user_info
    }

    pub(super) fn unavailable(&self, cause: &dyn ToString) -> ProviderUnavailable {
        ProviderUnavailable { issuer: self.identifier.clone(), cause: cause.to_string() }
    }

    /// A token whose key could not be fetched, because too many requests wait, is not invalid: the provider counts as
    /// unavailable.
    pub(super) fn unavailable_without_keys(&self, fault: ExchangeFault) -> ExchangeFault {
        if let ExchangeFault::Untrustworthy(fault @ TokenFault::KeysUnavailable) = fault {
            return self.unavailable(&fault).into();
        }
        fault
    }

    /// The cached metadata and keys; waits briefly for a first fetch in progress.
    pub(super) async fn known(&self) -> Result<DiscoveredProvider<D>, ProviderUnavailable> {
        let mut watched = self.knowledge.subscribe();
        let settled = watched.wait_for(|knowledge| !matches!(knowledge, Knowledge::Fetching));
        let Ok(Ok(knowledge)) = timeout(FIRST_FETCH_TIMEOUT, settled).await else {
            return Err(self.unavailable(&"its metadata is still being fetched"));
        };
        match &*knowledge {
            Knowledge::DiscoveredProvider(known) => Ok(known.clone()),
            Knowledge::Failed(cause) => Err(self.unavailable(cause)),
            Knowledge::Fetching => Err(self.unavailable(&"its metadata is being fetched")),
        }
    }

    /// Verifies the signature of `raw` with the provider's keys, with newer ones if needed.
    pub(super) async fn verify(
        &self,
        known: &DiscoveredProvider<D>,
        raw: &SecretString,
        purpose: Purpose<'_>,
    ) -> Result<VerifiedJws, TokenFault> {
        let mut keys = Arc::clone(&known.keys);
        loop {
            let fault = match keys.verify(raw, purpose) {
                Ok(token) => return Ok(token),
                Err(Unverified::Final(fault)) => return Err(fault),
                Err(Unverified::PerhapsNewKey(fault)) => fault,
            };
            match self.newer_keys(&keys).await {
                Newer::Joined(newer) => keys = newer,
                Newer::Fetched(newer) => return Ok(newer.verify(raw, purpose)?),
                Newer::None => return Err(fault),
                Newer::Unknown => return Err(TokenFault::KeysUnavailable),
            }
        }
    }

    /// Keys newer than `tried`: from one fetch that all requests share, as far as the rate limiter allows.
    async fn newer_keys(&self, tried: &Arc<KeySet>) -> Newer {
        let (Some(known), Some(issuer)) = (self.current(), self.this.upgrade()) else { return Newer::None };
        if !Arc::ptr_eq(&known.keys, tried) {
            return Newer::Joined(known.keys);
        }
        let fetch = issuer.fetch_newer_keys(Arc::clone(tried));
        match self.key_fetch.join(fetch).await {
            FetchedKeys::Own(Some(keys)) => Newer::Fetched(keys),
            FetchedKeys::Joined(Some(keys)) => Newer::Joined(keys),
            FetchedKeys::Own(None) | FetchedKeys::Joined(None) => Newer::None,
            FetchedKeys::RateLimited => {
                warn!(
                    issuer = self.identifier,
                    "The key of a token is unknown; the provider's keys are not fetched again so soon."
                );
                Newer::None
            }
            FetchedKeys::AtCapacity => {
                warn!(
                    issuer = self.identifier,
                    "The key of a token is unknown; too many requests wait for newer keys already."
                );
                Newer::Unknown
            }
        }
    }

    /// Fetches keys, unless another fetch has just obtained newer ones; `None` when that fails.
    async fn fetch_newer_keys(self: Arc<Self>, tried: Arc<KeySet>) -> Option<Arc<KeySet>> {
        let _right = self.fetching.lock().await;
        let known = self.current()?;
        if !Arc::ptr_eq(&known.keys, &tried) {
            return Some(known.keys);
        }
        match self.fetch_keys(&known.discovered).await {
            Ok(keys) => Some(self.keep(known.discovered, keys)),
            Err(cause) => {
                warn!(
                    issuer = self.identifier,
                    cause, "The key of a token is unknown, and the provider's keys cannot be fetched."
                );
                None
            }
        }
    }

    /// Refreshes metadata and keys periodically, as long as the future is polled.
    pub(super) async fn keep_fresh(self: Arc<Self>, interval: Duration) {
        let mut failures: u32 = 0;
        let mut answered = false;
        loop {
            let pause = match self.refresh().await {
                Ok(keys) => {
                    if failures > 0 || !answered {
                        info!(issuer = self.identifier, keys, "The identity provider is available.");
                    }
                    (failures, answered) = (0, true);
                    interval
                }
                Err(cause) => {
                    failures = failures.saturating_add(1);
                    if failures.is_power_of_two() {
                        warn!(issuer = self.identifier, cause, failures, "The identity provider is not available.");
                    }
                    self.pause_after(failures, interval)
                }
            };
            sleep(jittered(pause * 9 / 10, pause * 11 / 10, random_byte())).await;
        }
    }

    fn pause_after(&self, failures: u32, interval: Duration) -> Duration {
        if self.current().is_some() {
            return REFRESH_PAUSE.min(interval);
        }
        FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(LONGEST_PAUSE)
    }

    /// Fetches metadata and keys again; returns the number of keys.
    async fn refresh(&self) -> Result<usize, String> {
        let _right = self.fetching.lock().await;
        self.knowledge.send_if_modified(|knowledge| {
            let failed = matches!(knowledge, Knowledge::Failed(_));
            if failed {
                *knowledge = Knowledge::Fetching;
            }
            failed
        });
        let fetched = self.fetch().await;
        match fetched {
            Ok((discovered, keys)) => {
                self.warn_of(&discovered);
                Ok(self.keep(Arc::new(discovered), keys).len())
            }
            Err(cause) => {
                self.knowledge.send_if_modified(|knowledge| {
                    let unknown = !matches!(knowledge, Knowledge::DiscoveredProvider(_));
                    if unknown {
                        *knowledge = Knowledge::Failed(cause.clone());
                    }
                    unknown
                });
                Err(cause)
            }
        }
    }

    /// Logs the warnings about metadata that are new.
    fn warn_of(&self, discovered: &D) {
        let before = self.current();
        let was_told = |warning| before.as_ref().is_some_and(|known| known.discovered.warnings().contains(warning));
        for warning in discovered.warnings().iter().filter(|warning| !was_told(warning)) {
            warn!(issuer = self.identifier, "{warning}");
        }
    }

    async fn fetch(&self) -> Result<(D, KeySet), String> {
        let discovered = if let Some(given) = D::given(&self.identifier, &self.addresses) {
            given
        } else {
            let answer = self.fetch_metadata().await?;
            self.parse_metadata(&answer.body).map_err(|fault| fault.to_string())?
        };
        let keys = self.fetch_keys(&discovered).await?;
        Ok((discovered, keys))
    }

    pub(super) async fn fetch_keys(&self, discovered: &D) -> Result<KeySet, String> {
        let answer = self.get(Operation::Keys, &self.addresses.reached(discovered.jwks_uri())).await?;
        KeySet::parse(&answer.body).ok_or_else(|| "keys: the response is not a key set".to_owned())
    }

    /// The document at which the issuer publishes its metadata.
    pub(super) async fn fetch_metadata(&self) -> Result<Answer, String> {
        self.get(Operation::Discovery, &self.addresses.metadata()).await
    }

    pub(super) fn parse_metadata(&self, body: &[u8]) -> Result<D, MetadataFault> {
        D::parse(&self.identifier, body, &self.expected.load())
    }

    /// Follows one redirect, within the origin: these requests carry no secret, and providers move documents.
    async fn get(&self, operation: Operation, url: &Url) -> Result<Answer, String> {
        let answer = self.ask(operation, url).await?;
        let answer = match redirect_within_origin(url, &answer) {
            Some(moved) => self.ask(operation, &moved).await?,
            None => answer,
        };
        if answer.status == StatusCode::OK {
            return Ok(answer);
        }
        let note =
            if answer.status.is_redirection() { "; one redirect is followed, within the same origin" } else { "" };
        Err(format!("{}: status {}{note}", operation.as_str(), answer.status.as_u16()))
    }

    async fn ask(&self, operation: Operation, url: &Url) -> Result<Answer, String> {
        let client = self.client();
        let request = client.get(url);
        client.send(&self.identifier, operation, request, None).await.map_err(|fault| fault.to_string())
    }

    /// Caches what was fetched, and returns the keys now in force: an empty set does not replace a previous one.
    fn keep(&self, discovered: Arc<D>, keys: KeySet) -> Arc<KeySet> {
        let keys = match self.current() {
            Some(known) if keys.is_empty() => known.keys,
            _ => Arc::new(keys),
        };
        self.knowledge
            .send_replace(Knowledge::DiscoveredProvider(DiscoveredProvider { discovered, keys: Arc::clone(&keys) }));
        keys
    }

    /// The cached metadata and keys at this moment.
    pub(super) fn current(&self) -> Option<DiscoveredProvider<D>> {
        match &*self.knowledge.borrow() {
            Knowledge::DiscoveredProvider(known) => Some(known.clone()),
            Knowledge::Fetching | Knowledge::Failed(_) => None,
        }
    }
}

/// Where an answer of `url` redirects to, if that has the same scheme, host and port.
fn redirect_within_origin(url: &Url, answer: &Answer) -> Option<Url> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let moved = url.join(answer.location.as_deref()?).ok()?;
    let clean = moved.username().is_empty() && moved.password().is_none();
    (clean && moved.origin() == url.origin()).then_some(moved)
}

/// An unpredictable byte, from the random keys of the standard library's hash function.
fn random_byte() -> u8 {
    let [byte, ..] = RandomState::new().hash_one(0).to_ne_bytes();
    byte
}
