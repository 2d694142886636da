//! The fetch of an issuer's metadata and keys, step by step, with a finding about each step.

use std::time::SystemTime;

use http::HeaderMap;
use http::header::{AGE, DATE};
use serde_json::{Map, Value};
use url::Url;

use crate::domain::oidc::json;
use crate::domain::oidc::jws::KeySet;
use crate::domain::oidc::jwt::LEEWAY;
use crate::domain::time::Timestamp;
use crate::outbound::connecting;
use crate::outbound::finding::{CHECK_TIMEOUT, Finding};
use crate::outbound::provider::issuer::Issuer;
use crate::outbound::provider::metadata::Metadata;
use crate::outbound::provider::settings::ProviderSettings;

/// A smaller difference of the clocks is no cause for concern.
const SMALL_SKEW: u64 = 5;

/// The settings of the service, with the shorter timeout of a check.
pub(super) fn of_checks(settings: &ProviderSettings) -> ProviderSettings {
    ProviderSettings { timeout: settings.timeout.min(CHECK_TIMEOUT), ..settings.clone() }
}

/// What an issuer published.
pub(super) struct Fetched<D> {
    pub(super) discovered: D,
    /// The members of the metadata; none where the operator gives the endpoints.
    pub(super) members: Map<String, Value>,
    pub(super) keys: Option<KeySet>,
}

impl<D: Metadata> Fetched<D> {
    /// `None`: there is no usable metadata.
    pub(super) async fn fetch(
        issuer: &Issuer<D>,
        settings: &ProviderSettings,
        findings: &mut Vec<Finding>,
    ) -> Option<Self> {
        let (discovered, members) = match D::given(issuer.identifier(), issuer.addresses()) {
            Some(discovered) => {
                findings.push(Finding::ok("metadata", "the configuration gives the endpoints; no metadata is read"));
                (discovered, Map::new())
            }
            None => metadata(issuer, settings, findings).await?,
        };
        let keys = match issuer.fetch_keys(&discovered).await {
            Ok(keys) => {
                let text = format!("{} has {} usable keys", discovered.jwks_uri(), keys.len());
                findings.push(Finding::ok("keys", text));
                Some(keys)
            }
            Err(cause) => {
                let reached = issuer.addresses().reached(discovered.jwks_uri()).into_owned();
                let text = format!("{reached}: {}", explained(issuer, &reached, cause, settings).await);
                let help = "tokens cannot be verified without keys; correct `jwks_uri`, or the network";
                findings.push(Finding::fail("keys", text, help));
                None
            }
        };
        Some(Self { discovered, members, keys })
    }
}

async fn metadata<D: Metadata>(
    issuer: &Issuer<D>,
    settings: &ProviderSettings,
    findings: &mut Vec<Finding>,
) -> Option<(D, Map<String, Value>)> {
    let address = issuer.addresses().metadata();
    let answer = match issuer.fetch_metadata().await {
        Ok(answer) => answer,
        Err(cause) => {
            let text = format!("{address}: {}", explained(issuer, &address, cause, settings).await);
            let help = "let `issuer` be the address at which this machine reaches the issuer, or give `discovery_url` (of an entry of `bearer.issuers`: `jwks_uri`); `provider.ca_file` names an authority that is trusted beside the system's, `provider.proxy` a forward proxy";
            findings.push(Finding::fail("reachable", text, help));
            return None;
        }
    };
    findings.push(Finding::ok("reachable", format!("{address} answers 200")));
    findings.push(clock(&answer.headers, issuer.now()));
    match issuer.parse_metadata(&answer.body) {
        Ok(discovered) => {
            let text = format!("the metadata names the configured issuer {:?}", issuer.identifier());
            findings.push(Finding::ok("metadata", text));
            Some((discovered, json::object(&answer.body).unwrap_or_default()))
        }
        Err(fault) => {
            let help =
                "`issuer` must be byte for byte what the metadata names, a final slash included; tokens name it, too";
            findings.push(Finding::fail("metadata", fault.to_string(), help));
            None
        }
    }
}

/// The cause, with the step of connecting that failed. Only addresses that the operator named are connected to outside of the service's
/// own client.
async fn explained<D: Metadata>(issuer: &Issuer<D>, url: &Url, cause: String, settings: &ProviderSettings) -> String {
    if settings.proxy.is_some() {
        return format!("{cause} (by way of `provider.proxy`)");
    }
    if !issuer.addresses().configured().any(|configured| configured.origin() == url.origin()) {
        return cause;
    }
    connecting::explained(url, cause, settings.connect_timeout.min(CHECK_TIMEOUT)).await
}

/// The difference between the provider's clock and this machine's. A cache in between states how old its answer is.
pub(super) fn clock(headers: &HeaderMap, now: Timestamp) -> Finding {
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
