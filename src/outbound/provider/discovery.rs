//! The validated metadata of a provider (OpenID Connect Discovery 1.0 sections 3 and 4.3).

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use super::addresses::Addresses;
use super::metadata::{ExpectedAlgorithm, Metadata, MetadataFault, endpoint, issuer_url};
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::json;
use crate::domain::oidc::operands::Shown;
use crate::domain::oidc::relying_party::{ProviderEndpoints, RelyingParty};
use crate::domain::oidc::sign_in::ProviderMetadata;

/// Metadata that passed every check.
#[derive(Debug)]
pub(super) struct Discovered {
    pub(super) metadata: Arc<ProviderMetadata>,
    pub(super) token_endpoint: Url,
    pub(super) user_info_endpoint: Option<Url>,
    /// RFC 8414 section 2.
    pub(super) introspection_endpoint: Option<Url>,
    /// RFC 8414 section 2.
    pub(super) revocation_endpoint: Option<Url>,
    /// The endpoints for clients that authenticate with a certificate (RFC 8705 section 5).
    mtls_endpoint_aliases: MtlsEndpointAliases,
    /// Whether the provider announces a `groups` claim.
    pub(super) knows_groups: bool,
    /// Diagnostics for the operator; the metadata is usable nevertheless.
    pub(super) warnings: Vec<String>,
}

/// `mtls_endpoint_aliases`; an endpoint without an alias is the usual one.
#[derive(Debug, Default)]
struct MtlsEndpointAliases {
    token: Option<Url>,
    user_info: Option<Url>,
    introspection: Option<Url>,
    revocation: Option<Url>,
}

impl Discovered {
    /// The endpoints that the operator gives in place of metadata; what else metadata would announce counts as not
    /// announced.
    fn of_endpoints(issuer: &str, endpoints: ProviderEndpoints) -> Self {
        let metadata = ProviderMetadata {
            issuer: issuer.to_owned(),
            authorization_endpoint: endpoints.authorization_endpoint,
            end_session_endpoint: endpoints.end_session_endpoint,
            jwks_uri: endpoints.jwks_uri,
            authorization_response_iss_parameter_supported: false,
        };
        Self {
            metadata: Arc::new(metadata),
            token_endpoint: endpoints.token_endpoint,
            user_info_endpoint: endpoints.userinfo_endpoint,
            introspection_endpoint: endpoints.introspection_endpoint,
            revocation_endpoint: endpoints.revocation_endpoint,
            mtls_endpoint_aliases: MtlsEndpointAliases::default(),
            knows_groups: false,
            warnings: Vec::new(),
        }
    }

    /// Where this client redeems codes.
    pub(super) fn token_endpoint(&self, client: &RelyingParty) -> &Url {
        self.alias(client, |aliases| &aliases.token).unwrap_or(&self.token_endpoint)
    }

    /// Where this client asks for claims.
    pub(super) fn user_info_endpoint(&self, client: &RelyingParty) -> Option<&Url> {
        self.alias(client, |aliases| &aliases.user_info).or(self.user_info_endpoint.as_ref())
    }

    /// Where this client introspects tokens.
    pub(super) fn introspection_endpoint(&self, client: &RelyingParty) -> Option<&Url> {
        self.alias(client, |aliases| &aliases.introspection).or(self.introspection_endpoint.as_ref())
    }

    /// Where this client revokes refresh tokens.
    pub(super) fn revocation_endpoint(&self, client: &RelyingParty) -> Option<&Url> {
        self.alias(client, |aliases| &aliases.revocation).or(self.revocation_endpoint.as_ref())
    }

    fn alias(&self, client: &RelyingParty, of: impl FnOnce(&MtlsEndpointAliases) -> &Option<Url>) -> Option<&Url> {
        client.token_endpoint_auth_method.certificate()?;
        of(&self.mtls_endpoint_aliases).as_ref()
    }
}

impl Metadata for Discovered {
    fn given(issuer: &str, addresses: &Addresses) -> Option<Self> {
        addresses.endpoints.clone().map(|endpoints| Self::of_endpoints(issuer, endpoints))
    }

    fn parse(issuer: &str, body: &[u8], expected: &[ExpectedAlgorithm]) -> Result<Self, MetadataFault> {
        let members = json::object(body).ok_or(MetadataFault::NotAnObject)?;
        let own = issuer_url(issuer, members.get("issuer"))?;
        let mut warnings = unsupported(&members, expected);
        let required = |name| endpoint(members.get(name).ok_or(MetadataFault::Member(name))?, name, &own);
        // Each of these serves only its own feature: an invalid one must not prevent sign-ins.
        let mut optional = |name| {
            let value = json::optional(&members, name)?;
            let fault = match endpoint(value, name, &own) {
                Ok(url) => return Some(url),
                Err(fault) => fault,
            };
            warnings.push(format!("{fault}: it is {}, and counts as absent", Shown(Some(value))));
            None
        };
        let end_session_endpoint = optional("end_session_endpoint");
        let user_info_endpoint = optional("userinfo_endpoint");
        let introspection_endpoint = optional("introspection_endpoint");
        let revocation_endpoint = optional("revocation_endpoint");
        let mtls_endpoint_aliases = aliases(&members, &own, &mut warnings);
        let metadata = ProviderMetadata {
            issuer: issuer.to_owned(),
            authorization_endpoint: required("authorization_endpoint")?,
            end_session_endpoint,
            jwks_uri: required("jwks_uri")?,
            authorization_response_iss_parameter_supported: announces_issuer(&members)?,
        };
        let claims = members.get("claims_supported").and_then(Value::as_array);
        Ok(Self {
            metadata: Arc::new(metadata),
            token_endpoint: required("token_endpoint")?,
            user_info_endpoint,
            introspection_endpoint,
            revocation_endpoint,
            mtls_endpoint_aliases,
            knows_groups: claims.is_some_and(|list| list.iter().any(|name| name == "groups")),
            warnings,
        })
    }

    fn jwks_uri(&self) -> &Url {
        &self.metadata.jwks_uri
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Each alias serves only clients with a certificate: an invalid one must not prevent other sign-ins.
fn aliases(members: &Map<String, Value>, issuer: &Url, warnings: &mut Vec<String>) -> MtlsEndpointAliases {
    const NAME: &str = "mtls_endpoint_aliases";
    let aliases = match json::optional(members, NAME) {
        None => return MtlsEndpointAliases::default(),
        Some(Value::Object(aliases)) => aliases,
        Some(other) => {
            warnings.push(format!("`{NAME}` in the metadata is {}, and counts as absent", Shown(Some(other))));
            return MtlsEndpointAliases::default();
        }
    };
    let mut alias = |name| {
        let value = json::optional(aliases, name)?;
        let url = endpoint(value, name, issuer);
        url.map_err(|fault| {
            warnings.push(format!("{fault}, in `{NAME}`: it is {}, and counts as absent", Shown(Some(value))));
        })
        .ok()
    };
    MtlsEndpointAliases {
        token: alias("token_endpoint"),
        user_info: alias("userinfo_endpoint"),
        introspection: alias("introspection_endpoint"),
        revocation: alias("revocation_endpoint"),
    }
}

fn announces_issuer(members: &Map<String, Value>) -> Result<bool, MetadataFault> {
    const NAME: &str = "authorization_response_iss_parameter_supported";
    json::optional(members, NAME).map_or(Ok(false), |value| value.as_bool().ok_or(MetadataFault::Member(NAME)))
}

/// Warnings about algorithms that relying parties expect, but that the provider does not list.
fn unsupported(members: &Map<String, Value>, expected: &[ExpectedAlgorithm]) -> Vec<String> {
    const NAME: &str = "id_token_signing_alg_values_supported";
    let Some(Value::Array(supported)) = members.get(NAME) else { return Vec::new() };
    let is_among = |algorithm| {
        supported.iter().filter_map(Value::as_str).any(|name| SigningAlgorithm::parse(name) == Some(algorithm))
    };
    let named: Vec<&str> = supported.iter().filter_map(Value::as_str).filter(|name| is_short(name)).take(20).collect();
    let warning = |ExpectedAlgorithm { client_id, algorithm }: &ExpectedAlgorithm| {
        let algorithm = algorithm.as_str();
        format!(
            "`{NAME}` in the metadata lists {named:?} without {algorithm}, which `id_token_signed_response_alg` expects for the client {client_id:?}"
        )
    };
    expected.iter().filter(|expected| !is_among(expected.algorithm)).map(warning).collect()
}

const fn is_short(name: &str) -> bool {
    name.len() <= 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::oidc::operands::Operands;

    fn with(issuer: &str, name: &str, value: Value) -> Result<Discovered, MetadataFault> {
        let mut members = serde_json::json!({
            "issuer": issuer,
            "authorization_endpoint": "https://op.example/auth",
            "token_endpoint": "https://op.example/token",
            "jwks_uri": "https://keys.example/set",
        });
        members[name] = value;
        Discovered::parse(issuer, members.to_string().as_bytes(), &[])
    }

    #[test]
    fn oc_23_endpoints_are_https_and_lead_to_no_neighbour() {
        for address in [
            "http://op.example/token",
            "http://127.0.0.1/token",
            "https://127.0.0.1/token",
            "https://[::1]/token",
            "https://[::ffff:127.0.0.1]/token",
            "https://169.254.169.254/token",
            "https://localhost/token",
            "https://user@op.example/token",
            "https://op.example/token#x",
            "ftp://op.example/token",
            "/token",
            "",
        ] {
            let fault = with("https://op.example", "token_endpoint", address.into()).err();
            assert_eq!(fault, Some(MetadataFault::Address("token_endpoint")), "{address}");
        }
        assert!(with("http://127.0.0.1:9", "token_endpoint", "http://127.0.0.1:9/token".into()).is_ok());
        assert!(with("http://127.0.0.1:9", "token_endpoint", "http://op.example/token".into()).is_err());
    }

    #[test]
    fn oc_23_members_have_their_types() {
        for (name, value) in [
            ("jwks_uri", Value::Null),
            ("authorization_endpoint", 1.into()),
            ("authorization_response_iss_parameter_supported", "true".into()),
        ] {
            let fault = with("https://op.example", name, value).err();
            assert!(matches!(fault, Some(MetadataFault::Member(_))), "{name}");
        }
        let other = with("https://op.example", "issuer", "https://op.example/".into()).err();
        assert_eq!(other, Some(MetadataFault::OtherIssuer(Operands::NONE)));
    }

    #[test]
    fn an_optional_endpoint_of_no_use_is_absent_and_named() {
        for (value, words) in [
            (Value::from("http://op.example/x"), Some("\"http://op.example/x\"")),
            ("/x".into(), Some("\"/x\"")),
            (true.into(), Some("a boolean")),
            (Value::Null, None),
            ("".into(), None),
        ] {
            let discovered = with("https://op.example", "revocation_endpoint", value.clone()).expect("is good");
            assert_eq!(discovered.revocation_endpoint, None, "{value}");
            let reported: Vec<bool> = discovered
                .warnings
                .iter()
                .map(|warning| warning.contains("`revocation_endpoint`") && warning.contains(words.unwrap_or("?")))
                .collect();
            assert_eq!(reported, vec![true; usize::from(words.is_some())], "{value}");
        }
    }

    #[test]
    fn aliases_of_no_use_are_absent_and_named() {
        for (aliases, token, warned) in [
            (serde_json::json!({ "token_endpoint": "https://mtls.op.example/token" }), true, 0),
            (serde_json::json!({ "token_endpoint": "http://op.example/token" }), false, 1),
            (serde_json::json!({ "token_endpoint": "https://127.0.0.1/token", "revocation_endpoint": 7 }), false, 2),
            (serde_json::json!({ "token_endpoint": null, "other": "x" }), false, 0),
            (serde_json::json!("https://mtls.op.example"), false, 1),
            (Value::Null, false, 0),
        ] {
            let discovered = with("https://op.example", "mtls_endpoint_aliases", aliases.clone()).expect("is good");
            assert_eq!(discovered.mtls_endpoint_aliases.token.is_some(), token, "{aliases}");
            assert_eq!(discovered.warnings.len(), warned, "{aliases}: {:?}", discovered.warnings);
        }
    }

    #[test]
    fn algorithms_that_the_provider_does_not_list_are_told() {
        let wiki = |algorithm| ExpectedAlgorithm { client_id: "wiki".to_owned(), algorithm };
        let listed = serde_json::json!({ "id_token_signing_alg_values_supported": ["Ed25519"] });
        assert_eq!(unsupported(listed.as_object().unwrap(), &[wiki(SigningAlgorithm::EdDSA)]), Vec::<String>::new());
        let expected = [SigningAlgorithm::RS256, SigningAlgorithm::ES256].map(wiki);
        for (listed, lacking) in [
            (serde_json::json!(["RS256", "ES256"]), &[][..]),
            (serde_json::json!(["RS256", 1, null]), &["ES256"]),
            (serde_json::json!(["EdDSA"]), &["RS256", "ES256"]),
            (serde_json::json!(null), &[]),
            (serde_json::json!("RS256"), &[]),
        ] {
            let metadata = serde_json::json!({ "id_token_signing_alg_values_supported": listed });
            let warnings = unsupported(metadata.as_object().unwrap(), &expected);
            assert_eq!(warnings.len(), lacking.len(), "{warnings:?}");
            for (warning, algorithm) in warnings.iter().zip(lacking) {
                assert!(warning.contains(&format!("without {algorithm}")) && warning.contains("\"wiki\""), "{warning}");
            }
        }
    }
}
