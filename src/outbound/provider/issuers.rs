//! The issuers that the applications name, each with a task that keeps its metadata and keys fresh. They are replaced as a
//! whole when the applications are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::addresses::Addresses;
use super::discovery::ExpectedAlgorithm;
use super::http::ProviderClient;
use super::issuer::Issuer;
use super::settings::{ProviderSettings, StartFault};
use crate::domain::oidc::client_authentication::ClientCertificate;
use crate::domain::oidc::jws;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::ports::Clock;

/// The issuers of one set of applications, and the settings with which they are called.
pub(super) struct Issuers {
    pub(super) settings: ProviderSettings,
    client: Arc<ProviderClient>,
    addresses: BTreeMap<String, Addresses>,
    certificates: Vec<ClientCertificate>,
    by_identifier: HashMap<String, Entry>,
}

struct Entry {
    issuer: Arc<Issuer>,
    /// The task that keeps it fresh; it is aborted when the last entry is dropped. `None`: no application names the issuer
    /// any more. It is kept until the next change for requests that are under way.
    task: Option<Arc<JoinSet<()>>>,
}

impl Issuers {
    /// The issuers of `relying_parties`. Those of `before` that are named again keep their metadata and keys.
    ///
    /// # Errors
    /// See [`StartFault`].
    pub(super) fn new<'a>(
        settings: &ProviderSettings,
        relying_parties: impl IntoIterator<Item = &'a RelyingParty>,
        clock: &Arc<dyn Clock>,
        before: Option<&Self>,
    ) -> Result<Self, StartFault> {
        let relying_parties: Vec<&RelyingParty> = relying_parties.into_iter().collect();
        let certificates = certificates(&relying_parties);
        let (addresses, mut expected) = named(relying_parties)?;
        let same = before.filter(|before| {
            before.settings == *settings && before.addresses == addresses && before.certificates == certificates
        });
        let client = if let Some(before) = same {
            Arc::clone(&before.client)
        } else {
            let names_other_host = addresses.values().any(Addresses::name_other_host);
            let configured = addresses.values().flat_map(Addresses::configured);
            Arc::new(ProviderClient::new(settings, configured, names_other_host, &certificates)?)
        };
        let earlier = |identifier: &str, addresses: &Addresses| {
            let entry = before?.by_identifier.get(identifier)?;
            (entry.issuer.addresses() == addresses).then_some(entry)
        };
        let same_interval = before.is_some_and(|before| before.settings.refresh_interval == settings.refresh_interval);
        let mut by_identifier = HashMap::new();
        for (identifier, known) in &addresses {
            let expected = expected.remove(identifier.as_str()).unwrap_or_default();
            let (issuer, task) = if let Some(Entry { issuer, task }) = earlier(identifier, known) {
                issuer.reconfigure(Arc::clone(&client), expected);
                (Arc::clone(issuer), task.clone().filter(|_| same_interval))
            } else {
                (Issuer::new(identifier, known.clone(), Arc::clone(&client), Arc::clone(clock), expected), None)
            };
            let task = task.unwrap_or_else(|| keep_fresh(&issuer, settings));
            by_identifier.insert(identifier.clone(), Entry { issuer, task: Some(task) });
        }
        for (identifier, Entry { issuer, task }) in before.iter().flat_map(|before| &before.by_identifier) {
            if task.is_some() && !by_identifier.contains_key(identifier) {
                by_identifier.insert(identifier.clone(), Entry { issuer: Arc::clone(issuer), task: None });
            }
        }
        Ok(Self { settings: settings.clone(), client, addresses, certificates, by_identifier })
    }

    pub(super) fn get(&self, identifier: &str) -> Option<&Arc<Issuer>> {
        self.by_identifier.get(identifier).map(|entry| &entry.issuer)
    }
}

fn keep_fresh(issuer: &Arc<Issuer>, settings: &ProviderSettings) -> Arc<JoinSet<()>> {
    let mut task = JoinSet::new();
    task.spawn(Arc::clone(issuer).keep_fresh(settings.refresh_interval));
    Arc::new(task)
}

/// The client certificates, each once.
fn certificates(relying_parties: &[&RelyingParty]) -> Vec<ClientCertificate> {
    let all = relying_parties.iter().filter_map(|party| party.token_endpoint_auth_method.certificate());
    let mut certificates: Vec<ClientCertificate> = Vec::new();
    for certificate in all {
        if !certificates.contains(certificate) {
            certificates.push(certificate.clone());
        }
    }
    certificates
}

type Named<'a> = (BTreeMap<String, Addresses>, HashMap<&'a str, Vec<ExpectedAlgorithm>>);

/// The address of each issuer, and the algorithms that its relying parties expect.
fn named<'a>(relying_parties: impl IntoIterator<Item = &'a RelyingParty>) -> Result<Named<'a>, StartFault> {
    let (mut addresses, mut expected) =
        (BTreeMap::<String, Addresses>::new(), HashMap::<&str, Vec<ExpectedAlgorithm>>::new());
    for relying_party in relying_parties {
        if jws::secret_is_too_short(relying_party) {
            return Err(StartFault::ShortSecret(relying_party.client_id.clone()));
        }
        let known = Addresses::of(relying_party)?;
        if addresses.get(&relying_party.issuer).is_some_and(|other| *other != known) {
            return Err(StartFault::Endpoints(relying_party.issuer.clone()));
        }
        addresses.insert(relying_party.issuer.clone(), known);
        let expected = expected.entry(&relying_party.issuer).or_default();
        let one = ExpectedAlgorithm::from(relying_party);
        if !expected.contains(&one) {
            expected.push(one);
        }
    }
    Ok((addresses, expected))
}
