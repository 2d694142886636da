//! Checks of a provider by an operator's command: each request is one that the service sends as well, or one that changes nothing.

mod announced;
mod authorization;
mod client;
mod known;
mod metadata;
mod registration;

use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::{AGE, DATE};
use serde_json::{Map, Value};
use url::Url;

use self::known::Known;
use super::discovery::Discovered;
use super::issuer::Issuer;
use super::issuers::Issuers;
use super::metadata::Metadata as _;
use super::settings::{ProviderSettings, StartFault};
use crate::domain::application::Application;
use crate::domain::oidc::json;
use crate::domain::oidc::jwt::LEEWAY;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::time::Timestamp;
use crate::outbound::connecting;
use crate::outbound::finding::{CHECK_TIMEOUT, Finding};
use crate::ports::{Clock, Entropy};

pub use announced::AnnouncedMetadata;

/// A smaller difference of the clocks is no cause for concern.
const SMALL_SKEW: u64 = 5;

/// An issuer that was asked, and what was found.
pub struct InspectedIssuer {
    /// What was found about the issuer itself.
    pub findings: Vec<Finding>,
    known: Option<Known>,
}

impl InspectedIssuer {
    /// Asks the issuer of `relying_parties`, which all have the same one.
    ///
    /// # Errors
    /// See [`StartFault`].
    pub async fn ask(
        settings: &ProviderSettings,
        relying_parties: &[&RelyingParty],
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StartFault> {
        let timeout = settings.timeout.min(CHECK_TIMEOUT);
        let settings = ProviderSettings { timeout, ..settings.clone() };
        let issuer = Issuers::only(&settings, relying_parties, clock)?;
        let mut inspected = Self { findings: Vec::new(), known: None };
        if let Some(issuer) = issuer {
            inspected.known = inspected.fetch(issuer, settings).await;
        }
        Ok(inspected)
    }

    async fn fetch(&mut self, issuer: Arc<Issuer>, settings: ProviderSettings) -> Option<Known> {
        let (discovered, members) = match Discovered::given(issuer.identifier(), issuer.addresses()) {
            Some(discovered) => {
                self.findings
                    .push(Finding::ok("metadata", "the configuration gives the endpoints; no metadata is read"));
                (discovered, Map::new())
            }
            None => self.fetch_metadata(&issuer, &settings).await?,
        };
        self.findings.extend(metadata::about(&discovered, &members, issuer.endpoints().is_some()));
        let keys = match issuer.fetch_keys(&discovered).await {
            Ok(keys) => {
                let text = format!("{} has {} usable keys", discovered.metadata.jwks_uri, keys.len());
                self.findings.push(Finding::ok("keys", text));
                Some(keys)
            }
            Err(cause) => {
                let reached = issuer.addresses().reached(&discovered.metadata.jwks_uri).into_owned();
                let text = format!("{reached}: {}", explained(&issuer, &reached, cause, &settings).await);
                let help =
                    "ID Tokens cannot be verified without keys; correct `jwks_uri` of the provider, or the network";
                self.findings.push(Finding::fail("keys", text, help));
                None
            }
        };
        Some(Known { issuer, discovered, members, keys, settings })
    }

    async fn fetch_metadata(
        &mut self,
        issuer: &Issuer,
        settings: &ProviderSettings,
    ) -> Option<(Discovered, Map<String, Value>)> {
        let address = issuer.addresses().metadata();
        let answer = match issuer.fetch_metadata().await {
            Ok(answer) => answer,
            Err(cause) => {
                let text = format!("{address}: {}", explained(issuer, &address, cause, settings).await);
                let help = "let `issuer` (or `discovery_url`) be the address at which this machine reaches the provider; `provider.ca_file` names an authority that is trusted beside the system's, `provider.proxy` a forward proxy";
                self.findings.push(Finding::fail("reachable", text, help));
                return None;
            }
        };
        self.findings.push(Finding::ok("reachable", format!("{address} answers 200")));
        self.findings.push(clock(&answer.headers, issuer.now()));
        match issuer.parse_metadata(&answer.body) {
            Ok(discovered) => {
                let text = format!("the metadata names the configured issuer {:?}", issuer.identifier());
                self.findings.push(Finding::ok("metadata", text));
                Some((discovered, json::object(&answer.body).unwrap_or_default()))
            }
            Err(fault) => {
                let help = "`issuer` must be byte for byte what the metadata names, a final slash included; tokens name it, too";
                self.findings.push(Finding::fail("metadata", fault.to_string(), help));
                None
            }
        }
    }

    /// What the metadata announces; `None` where it could not be read.
    #[must_use]
    pub fn announced(&self) -> Option<AnnouncedMetadata> {
        self.known.as_ref().map(announced::of)
    }

    /// What was found about the registration of one application of this issuer.
    pub async fn application(&self, application: &Application, entropy: &dyn Entropy) -> Vec<Finding> {
        let Some(known) = &self.known else {
            return vec![Finding::note(
                "provider",
                "not asked about this client, because of the findings about its issuer",
            )];
        };
        let mut findings = registration::about(known, application);
        let (redirect_uri, client) = tokio::join!(
            authorization::redirect_uri(known, application, entropy),
            client::about(known, application, entropy)
        );
        findings.push(redirect_uri);
        findings.extend(client);
        findings
    }
}

/// The cause, with the step of connecting that failed. Only addresses that the operator named are connected to outside of the service's
/// own client.
async fn explained(issuer: &Issuer, url: &Url, cause: String, settings: &ProviderSettings) -> String {
    if settings.proxy.is_some() {
        return format!("{cause} (by way of `provider.proxy`)");
    }
    if !issuer.addresses().configured().any(|configured| configured.origin() == url.origin()) {
        return cause;
    }
    connecting::explained(url, cause, settings.connect_timeout.min(CHECK_TIMEOUT)).await
}

/// The difference between the provider's clock and this machine's. A cache in between states how old its answer is.
fn clock(headers: &HeaderMap, now: Timestamp) -> Finding {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let date = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    let date = date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
    let Some(date) = date else { return Finding::note("clock", "the answer has no usable `Date`") };
    let age = text(AGE).and_then(|age| age.parse::<u64>().ok()).unwrap_or_default();
    let (theirs, ours) = (date.as_secs().saturating_add(age), now.as_unix());
    let skew = theirs.abs_diff(ours);
    let direction = if theirs > ours { "ahead of" } else { "behind" };
    let leeway = LEEWAY.as_secs();
    let help = "synchronise the clocks of both machines, as by NTP";
    if skew < SMALL_SKEW {
        Finding::ok("clock", format!("the provider's clock differs from this machine's by less than {SMALL_SKEW} s"))
    } else if skew <= leeway {
        let text = format!(
            "the provider's clock is {skew} s {direction} this machine's; tokens are checked with a leeway of {leeway} s"
        );
        Finding::warn("clock", text, help)
    } else {
        let text = format!(
            "the provider's clock is {skew} s {direction} this machine's, but tokens are checked with a leeway of {leeway} s"
        );
        Finding::fail("clock", text, help)
    }
}

#[cfg(test)]
mod tests;
