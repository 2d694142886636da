//! Checks of an issuer beside the provider whose bearer tokens are accepted: whether its keys can be fetched, and fit.

use std::sync::Arc;

use super::fetched::{Fetched, of_checks};
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::credentials::{ForeignIssuer, KeySource};
use crate::domain::oidc::jws::KeySet;
use crate::outbound::finding::Finding;
use crate::outbound::provider::issuers::Issuers;
use crate::outbound::provider::settings::ProviderSettings;
use crate::ports::Clock;

/// What was found about the keys of a foreign issuer.
pub async fn inspect_foreign_issuer(
    settings: &ProviderSettings,
    foreign: &ForeignIssuer,
    clock: &Arc<dyn Clock>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let keys = match &foreign.keys {
        KeySource::Given(keys) => {
            findings.push(Finding::ok("keys", format!("the configured key set has {} usable keys", keys.len())));
            Some(Arc::clone(keys))
        }
        KeySource::Discovery | KeySource::Uri(_) => {
            let settings = of_checks(settings);
            fetched_keys(&settings, foreign, clock, &mut findings).await.map(Arc::new)
        }
    };
    findings.extend(keys.map(|keys| bearer_algorithms(&keys, &foreign.rules.algorithms)));
    findings
}

async fn fetched_keys(
    settings: &ProviderSettings,
    foreign: &ForeignIssuer,
    clock: &Arc<dyn Clock>,
    findings: &mut Vec<Finding>,
) -> Option<KeySet> {
    match Issuers::only_foreign(settings, foreign, clock) {
        Ok(issuer) => Fetched::fetch(issuer?.as_ref(), settings, findings).await?.keys,
        Err(fault) => {
            let help = "correct the issuer and the settings below `provider`";
            findings.push(Finding::fail("reachable", fault.to_string(), help));
            None
        }
    }
}

/// Whether any of the published keys can verify a token that is signed with one of the accepted algorithms.
pub(super) fn bearer_algorithms(keys: &KeySet, accepted: &[SigningAlgorithm]) -> Finding {
    let check = "bearer_algorithms";
    let names: Vec<&str> = accepted.iter().map(|algorithm| algorithm.as_str()).collect();
    let names = names.join(", ");
    let fitting: usize = accepted.iter().filter_map(|algorithm| keys.count_for(*algorithm)).sum();
    if fitting > 0 {
        return Finding::ok(check, format!("tokens signed with {names} are accepted, and published keys fit"));
    }
    let text = format!("tokens signed with {names} are accepted, but none of the {} published keys fits", keys.len());
    Finding::fail(check, text, "let `algorithms` name what the issuer signs its access tokens with")
}
