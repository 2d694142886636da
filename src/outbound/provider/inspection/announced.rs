//! What the metadata announces, for a configuration that does not exist yet.

use super::known::Known;
use super::metadata::listed;
use crate::domain::oidc::algorithm::SigningAlgorithm;

/// What a provider announces (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2). `None` in a list: it announces nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnouncedMetadata {
    /// `scopes_supported`.
    pub scopes: Option<Vec<String>>,
    /// `token_endpoint_auth_methods_supported`.
    pub token_endpoint_auth_methods: Option<Vec<String>>,
    /// `grant_types_supported`.
    pub grant_types: Option<Vec<String>>,
    /// Those of `id_token_signing_alg_values_supported` that Gatepost knows and for which the provider publishes a key, or needs none.
    pub id_token_signing_algs: Option<Vec<SigningAlgorithm>>,
    /// Whether there is an `end_session_endpoint`.
    pub has_end_session_endpoint: bool,
    /// `backchannel_logout_supported` (OpenID Connect Back-Channel Logout 1.0 section 2.1).
    pub backchannel_logout: bool,
    /// `frontchannel_logout_supported` (OpenID Connect Front-Channel Logout 1.0 section 3).
    pub frontchannel_logout: bool,
}

pub(super) fn of(known: &Known) -> AnnouncedMetadata {
    let members = &known.members;
    let list = |name| listed(members, name).map(|list| list.into_iter().map(str::to_owned).collect::<Vec<_>>());
    let is_true = |name| members.get(name).and_then(serde_json::Value::as_bool) == Some(true);
    let has_key = |algorithm| known.keys.as_ref().and_then(|keys| keys.count_for(algorithm)) != Some(0);
    let algorithms = listed(members, "id_token_signing_alg_values_supported").map(|names| {
        let is_listed = |algorithm| names.iter().any(|name| SigningAlgorithm::parse(name) == Some(algorithm));
        let known = SigningAlgorithm::ALL.into_iter().map(|(algorithm, _)| algorithm);
        known.filter(|algorithm| is_listed(*algorithm) && has_key(*algorithm)).collect()
    });
    AnnouncedMetadata {
        scopes: list("scopes_supported"),
        token_endpoint_auth_methods: list("token_endpoint_auth_methods_supported"),
        grant_types: list("grant_types_supported"),
        id_token_signing_algs: algorithms,
        has_end_session_endpoint: known.discovered.metadata.end_session_endpoint.is_some(),
        backchannel_logout: is_true("backchannel_logout_supported"),
        frontchannel_logout: is_true("frontchannel_logout_supported"),
    }
}
