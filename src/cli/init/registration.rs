//! What the configuration asks of the provider: chosen from what its metadata announces, by the rules of `gatepost doctor`.

use super::fault::InitFault;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::outbound::provider::AnnouncedMetadata;

/// The algorithms in the order in which they are chosen: the one that every provider has to support (OpenID Connect Core 1.0
/// section 15.1) first, those without a published key last.
const PREFERRED: [SigningAlgorithm; 13] = [
    SigningAlgorithm::RS256,
    SigningAlgorithm::ES256,
    SigningAlgorithm::EdDSA,
    SigningAlgorithm::PS256,
    SigningAlgorithm::RS384,
    SigningAlgorithm::RS512,
    SigningAlgorithm::PS384,
    SigningAlgorithm::PS512,
    SigningAlgorithm::ES384,
    SigningAlgorithm::ES512,
    SigningAlgorithm::HS256,
    SigningAlgorithm::HS384,
    SigningAlgorithm::HS512,
];

/// The settings of the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) scopes: Vec<String>,
    pub(super) token_endpoint_auth_method: &'static str,
    pub(super) id_token_signed_response_alg: SigningAlgorithm,
    /// Whether a sign-out goes on to the provider.
    pub(super) ends_session: bool,
    /// Whether the provider reports ends of sessions; `None`: not known.
    pub(super) backchannel_logout: Option<bool>,
}

impl Registration {
    /// `announced`: `None` if the provider was not asked.
    pub(super) fn choose(announced: Option<&AnnouncedMetadata>) -> Result<Self, InitFault> {
        let Some(announced) = announced else {
            return Ok(Self {
                scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
                token_endpoint_auth_method: "client_secret_basic",
                id_token_signed_response_alg: SigningAlgorithm::RS256,
                ends_session: true,
                backchannel_logout: None,
            });
        };
        let algorithms = announced.id_token_signing_algs.as_deref().unwrap_or_default();
        let chosen = PREFERRED.into_iter().find(|algorithm| algorithms.contains(algorithm));
        Ok(Self {
            scopes: scopes(announced),
            token_endpoint_auth_method: authentication(announced.token_endpoint_auth_methods.as_deref())?,
            id_token_signed_response_alg: chosen.unwrap_or(SigningAlgorithm::RS256),
            ends_session: announced.has_end_session_endpoint,
            backchannel_logout: Some(announced.backchannel_logout),
        })
    }

    /// Whether a refresh token is asked for.
    pub(super) fn asks_for_refresh_tokens(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "offline_access")
    }
}

fn scopes(announced: &AnnouncedMetadata) -> Vec<String> {
    let lists = |name: &str| announced.scopes.as_ref().map(|list| list.iter().any(|scope| scope == name));
    let refreshes = announced.grant_types.as_ref().is_none_or(|list| list.iter().any(|grant| grant == "refresh_token"));
    // A provider need not list the scopes that the standard defines, but the others are asked for only where it does.
    let standard =
        ["openid", "profile", "email"].into_iter().filter(|name| *name == "openid" || lists(name) != Some(false));
    let further = [("groups", true), ("offline_access", refreshes)];
    let further = further.into_iter().filter(|(name, is_wanted)| *is_wanted && lists(name) == Some(true));
    standard.chain(further.map(|(name, _)| name)).map(str::to_owned).collect()
}

fn authentication(listed: Option<&[String]>) -> Result<&'static str, InitFault> {
    const WITH_SECRET: [&str; 2] = ["client_secret_basic", "client_secret_post"];
    // Without a list it is client_secret_basic (OpenID Connect Discovery 1.0 section 3).
    let Some(listed) = listed else { return Ok("client_secret_basic") };
    let found = WITH_SECRET.into_iter().find(|method| listed.iter().any(|one| one == method));
    found.ok_or_else(|| InitFault::ClientAuthentication(listed.iter().take(20).cloned().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn scopes_are_those_that_the_provider_lists() {
        let refresh: &[&str] = &["authorization_code", "refresh_token"];
        for (scopes, grants, expected) in [
            (None, None, "openid profile email"),
            (Some(list(&["openid", "email"])), None, "openid email"),
            (
                Some(list(&["openid", "profile", "email", "groups", "offline_access"])),
                Some(list(refresh)),
                "openid profile email groups offline_access",
            ),
            (Some(list(&["profile", "email", "offline_access"])), None, "openid profile email offline_access"),
            (
                Some(list(&["openid", "profile", "email", "offline_access"])),
                Some(list(&["authorization_code"])),
                "openid profile email",
            ),
        ] {
            let announced = AnnouncedMetadata { scopes, grant_types: grants, ..AnnouncedMetadata::default() };
            assert_eq!(Registration::choose(Some(&announced)).unwrap().scopes.join(" "), expected);
        }
    }

    #[test]
    fn the_client_authenticates_as_the_provider_lists_it() {
        for (methods, expected) in [
            (None, Some("client_secret_basic")),
            (Some(list(&["client_secret_post", "client_secret_basic"])), Some("client_secret_basic")),
            (Some(list(&["none", "client_secret_post"])), Some("client_secret_post")),
            (Some(list(&["private_key_jwt"])), None),
            (Some(list(&[])), None),
        ] {
            let announced = AnnouncedMetadata { token_endpoint_auth_methods: methods, ..AnnouncedMetadata::default() };
            let chosen = Registration::choose(Some(&announced)).ok();
            assert_eq!(chosen.map(|chosen| chosen.token_endpoint_auth_method), expected);
        }
    }

    #[test]
    fn the_algorithm_is_the_first_preferred_one_that_the_provider_has() {
        use SigningAlgorithm::{ES256, HS256, PS512, RS256};
        for (algorithms, expected) in [
            (None, RS256),
            (Some(vec![HS256, PS512, ES256]), ES256),
            (Some(vec![HS256, RS256]), RS256),
            (Some(vec![HS256]), HS256),
        ] {
            let announced = AnnouncedMetadata { id_token_signing_algs: algorithms, ..AnnouncedMetadata::default() };
            assert_eq!(Registration::choose(Some(&announced)).unwrap().id_token_signed_response_alg, expected);
        }
    }
}
