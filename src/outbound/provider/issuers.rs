//! The issuers that the applications name, each with a task that keeps its metadata and keys fresh. They are replaced as a
//! whole when the applications are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::JoinSet;
use url::Url;

use super::addresses::Addresses;
use super::discovery::Discovered;
use super::http::ProviderClient;
use super::issuer::Issuer;
use super::keys_metadata::KeysMetadata;
use super::metadata::{ExpectedAlgorithm, Metadata};
use super::named_issuer::NamedIssuer;
use super::settings::{ProviderSettings, StartFault};
use crate::domain::oidc::client_authentication::ClientCertificate;
use crate::domain::oidc::credentials::{ForeignIssuer, KeySource};
use crate::domain::oidc::jws;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::ports::Clock;

/// The issuers of one set of applications, and the settings with which they are called.
pub(super) struct Issuers {
    pub(super) settings: ProviderSettings,
    client: Arc<ProviderClient>,
    named: Named,
    providers: Entries<Discovered>,
    foreign: Entries<KeysMetadata>,
}

/// An issuer, and where its keys are if its metadata does not say that. A provider of one application may be a foreign issuer of
/// another; the two are fetched separately, because less is required of the second one's metadata.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    identifier: String,
    jwks_uri: Option<Url>,
}

type Entries<D> = HashMap<Key, Entry<D>>;

struct Entry<D> {
    issuer: Arc<Issuer<D>>,
    /// The task that keeps it fresh; it is aborted when the last entry is dropped. `None`: no application names the issuer
    /// any more. It is kept until the next change for requests that are under way.
    task: Option<Arc<JoinSet<()>>>,
}

/// What the applications name.
#[derive(Default, PartialEq, Eq)]
struct Named {
    providers: BTreeMap<Key, Addresses>,
    foreign: BTreeMap<Key, Addresses>,
    /// Each once.
    certificates: Vec<ClientCertificate>,
}

type ExpectedAlgorithms = HashMap<String, Vec<ExpectedAlgorithm>>;

impl Issuers {
    /// These issuers. Those of `before` that are named again keep their metadata and keys.
    ///
    /// # Errors
    /// See [`StartFault`].
    pub(super) fn new<'a>(
        settings: &ProviderSettings,
        issuers: impl IntoIterator<Item = impl Into<NamedIssuer<'a>>>,
        clock: &Arc<dyn Clock>,
        before: Option<&Self>,
    ) -> Result<Self, StartFault> {
        let (mut named, mut expected) = (Named::default(), ExpectedAlgorithms::new());
        for issuer in issuers {
            match issuer.into() {
                NamedIssuer::Provider(relying_party) => named.add_provider(relying_party, &mut expected)?,
                NamedIssuer::Foreign(foreign) => named.add_foreign(foreign)?,
            }
        }
        let client = match before.filter(|before| before.settings == *settings && before.named == named) {
            Some(before) => Arc::clone(&before.client),
            None => named.client(settings)?,
        };
        let make = Make { client: &client, clock, settings, before: before.map(|before| &before.settings) };
        let providers = make.entries(&named.providers, expected, before.map(|before| &before.providers));
        let foreign = make.entries(&named.foreign, HashMap::new(), before.map(|before| &before.foreign));
        Ok(Self { settings: settings.clone(), client, named, providers, foreign })
    }

    /// The one issuer of `relying_parties`, which fetches nothing by itself, and does not compare the algorithms that they expect.
    ///
    /// # Errors
    /// See [`StartFault`].
    pub(super) fn only(
        settings: &ProviderSettings,
        relying_parties: &[&RelyingParty],
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Arc<Issuer>>, StartFault> {
        let mut named = Named::default();
        for relying_party in relying_parties {
            named.add_provider(relying_party, &mut ExpectedAlgorithms::new())?;
        }
        let client = named.client(settings)?;
        let Some((key, addresses)) = named.providers.into_iter().next() else { return Ok(None) };
        Ok(Some(Issuer::new(&key.identifier, addresses, client, Arc::clone(clock), Vec::new())))
    }

    /// A foreign issuer that fetches nothing by itself; `None`: there is nothing to fetch.
    ///
    /// # Errors
    /// See [`StartFault`].
    pub(super) fn only_foreign(
        settings: &ProviderSettings,
        foreign: &ForeignIssuer,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Arc<Issuer<KeysMetadata>>>, StartFault> {
        let mut named = Named::default();
        named.add_foreign(foreign)?;
        let client = named.client(settings)?;
        let Some((key, addresses)) = named.foreign.into_iter().next() else { return Ok(None) };
        Ok(Some(Issuer::new(&key.identifier, addresses, client, Arc::clone(clock), Vec::new())))
    }

    /// The provider with this identifier.
    pub(super) fn provider(&self, identifier: &str) -> Option<&Arc<Issuer>> {
        let key = Key { identifier: identifier.to_owned(), jwks_uri: None };
        self.providers.get(&key).map(|entry| &entry.issuer)
    }

    /// A foreign issuer whose keys are fetched.
    pub(super) fn foreign(&self, foreign: &ForeignIssuer) -> Option<&Arc<Issuer<KeysMetadata>>> {
        self.foreign.get(&Key::of_foreign(foreign)?).map(|entry| &entry.issuer)
    }
}

impl Key {
    /// `None`: there is nothing to fetch.
    fn of_foreign(foreign: &ForeignIssuer) -> Option<Self> {
        let jwks_uri = match &foreign.keys {
            KeySource::Discovery => None,
            KeySource::Uri(uri) => Some(uri.clone()),
            KeySource::Given(_) => return None,
        };
        Some(Self { identifier: foreign.issuer.clone(), jwks_uri })
    }
}

impl Named {
    fn add_provider(
        &mut self,
        relying_party: &RelyingParty,
        expected: &mut ExpectedAlgorithms,
    ) -> Result<(), StartFault> {
        if jws::secret_is_too_short(relying_party) {
            return Err(StartFault::ShortSecret(relying_party.client_id.clone()));
        }
        let addresses = Addresses::of(relying_party)?;
        let key = Key { identifier: relying_party.issuer.clone(), jwks_uri: None };
        if self.providers.get(&key).is_some_and(|other| *other != addresses) {
            return Err(StartFault::Endpoints(relying_party.issuer.clone()));
        }
        self.providers.insert(key, addresses);
        let expected = expected.entry(relying_party.issuer.clone()).or_default();
        let one = ExpectedAlgorithm::from(relying_party);
        if !expected.contains(&one) {
            expected.push(one);
        }
        let certificate = relying_party.token_endpoint_auth_method.certificate();
        self.certificates.extend(certificate.filter(|it| !self.certificates.contains(it)).cloned());
        Ok(())
    }

    fn add_foreign(&mut self, foreign: &ForeignIssuer) -> Result<(), StartFault> {
        if let Some(key) = Key::of_foreign(foreign) {
            let addresses = Addresses::of_foreign(&foreign.issuer, key.jwks_uri.as_ref())?;
            self.foreign.insert(key, addresses);
        }
        Ok(())
    }

    fn client(&self, settings: &ProviderSettings) -> Result<Arc<ProviderClient>, StartFault> {
        let names_other_host = self.providers.values().any(Addresses::name_other_host);
        let configured = self.providers.values().chain(self.foreign.values()).flat_map(Addresses::configured);
        Ok(Arc::new(ProviderClient::new(settings, configured, names_other_host, &self.certificates)?))
    }
}

/// What every issuer is made with.
struct Make<'a> {
    client: &'a Arc<ProviderClient>,
    clock: &'a Arc<dyn Clock>,
    settings: &'a ProviderSettings,
    /// The settings before.
    before: Option<&'a ProviderSettings>,
}

impl Make<'_> {
    fn entries<D: Metadata>(
        &self,
        named: &BTreeMap<Key, Addresses>,
        mut expected: ExpectedAlgorithms,
        before: Option<&Entries<D>>,
    ) -> Entries<D> {
        let earlier = |key: &Key, addresses: &Addresses| {
            let entry = before?.get(key)?;
            (entry.issuer.addresses() == addresses).then_some(entry)
        };
        let same_interval = self.before.is_some_and(|before| before.refresh_interval == self.settings.refresh_interval);
        let mut entries = Entries::new();
        for (key, addresses) in named {
            let expected = expected.remove(&key.identifier).unwrap_or_default();
            let client = Arc::clone(self.client);
            let (issuer, task) = if let Some(Entry { issuer, task }) = earlier(key, addresses) {
                issuer.reconfigure(client, expected);
                (Arc::clone(issuer), task.clone().filter(|_| same_interval))
            } else {
                (Issuer::new(&key.identifier, addresses.clone(), client, Arc::clone(self.clock), expected), None)
            };
            let task = task.unwrap_or_else(|| self.keep_fresh(&issuer));
            entries.insert(key.clone(), Entry { issuer, task: Some(task) });
        }
        for (key, Entry { issuer, task }) in before.into_iter().flatten() {
            if task.is_some() && !entries.contains_key(key) {
                entries.insert(key.clone(), Entry { issuer: Arc::clone(issuer), task: None });
            }
        }
        entries
    }

    fn keep_fresh<D: Metadata>(&self, issuer: &Arc<Issuer<D>>) -> Arc<JoinSet<()>> {
        let mut task = JoinSet::new();
        task.spawn(Arc::clone(issuer).keep_fresh(self.settings.refresh_interval));
        Arc::new(task)
    }
}
