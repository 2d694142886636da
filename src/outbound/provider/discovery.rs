//! A provider's metadata, checked (OpenID Connect Discovery 1.0 sections 3 and 4.3).

use std::sync::Arc;

use serde_json::{Map, Value};
use thiserror::Error;
use url::Url;

use super::http::{names_neighbourhood, names_this_machine};
use crate::domain::json;
use crate::domain::sign_in::ProviderMetadata;

/// Why metadata was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum MetadataFault {
    #[error("the metadata is not a JSON object without repeated members")]
    NotAnObject,
    #[error("the metadata names another issuer than the configured one")]
    OtherIssuer,
    #[error("`{0}` is missing from the metadata or not of the right type")]
    Member(&'static str),
    #[error("`{0}` in the metadata is not an address that may be used: https, without user and fragment")]
    Address(&'static str),
}

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
    /// Whether the provider says that it has a `groups` claim.
    pub(super) knows_groups: bool,
}

/// Where the metadata of `issuer` is (section 4).
pub(super) fn address(issuer: &Url) -> Url {
    let mut address = issuer.clone();
    let path = format!("{}/.well-known/openid-configuration", issuer.path().trim_end_matches('/'));
    address.set_path(&path);
    address
}

impl Discovered {
    /// Checks the metadata that `issuer` published.
    pub(super) fn parse(issuer: &str, body: &[u8]) -> Result<Self, MetadataFault> {
        let members = json::object(body).ok_or(MetadataFault::NotAnObject)?;
        if members.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err(MetadataFault::OtherIssuer);
        }
        let own = Url::parse(issuer).map_err(|_| MetadataFault::Address("issuer"))?;
        let required = |name| endpoint(&members, name, &own).and_then(|found| found.ok_or(MetadataFault::Member(name)));
        let metadata = ProviderMetadata {
            issuer: issuer.to_owned(),
            authorization_endpoint: required("authorization_endpoint")?,
            end_session_endpoint: endpoint(&members, "end_session_endpoint", &own)?,
            jwks_uri: required("jwks_uri")?,
            authorization_response_iss_parameter_supported: announces_issuer(&members)?,
        };
        let claims = members.get("claims_supported").and_then(Value::as_array);
        Ok(Self {
            metadata: Arc::new(metadata),
            token_endpoint: required("token_endpoint")?,
            user_info_endpoint: endpoint(&members, "userinfo_endpoint", &own)?,
            introspection_endpoint: endpoint(&members, "introspection_endpoint", &own)?,
            revocation_endpoint: endpoint(&members, "revocation_endpoint", &own)?,
            knows_groups: claims.is_some_and(|list| list.iter().any(|name| name == "groups")),
        })
    }
}

fn announces_issuer(members: &Map<String, Value>) -> Result<bool, MetadataFault> {
    const NAME: &str = "authorization_response_iss_parameter_supported";
    members.get(NAME).map_or(Ok(false), |value| value.as_bool().ok_or(MetadataFault::Member(NAME)))
}

fn endpoint(members: &Map<String, Value>, name: &'static str, issuer: &Url) -> Result<Option<Url>, MetadataFault> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let text = value.as_str().ok_or(MetadataFault::Member(name))?;
    let url = Url::parse(text).map_err(|_| MetadataFault::Address(name))?;
    let clean = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    // Plain http never leaves this machine, and only an issuer on this machine may send us there.
    let safe = match url.scheme() {
        "https" => !names_neighbourhood(&url) || names_neighbourhood(issuer) || url.host() == issuer.host(),
        "http" => issuer.scheme() == "http" && names_this_machine(issuer) && names_this_machine(&url),
        _ => false,
    };
    if clean && safe { Ok(Some(url)) } else { Err(MetadataFault::Address(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oc_23_the_well_known_path_follows_the_issuers() {
        for (issuer, expected) in [
            ("https://op.example", "https://op.example/.well-known/openid-configuration"),
            ("https://op.example/", "https://op.example/.well-known/openid-configuration"),
            ("https://op.example/o/wiki/", "https://op.example/o/wiki/.well-known/openid-configuration"),
            ("https://op.example/o/wiki", "https://op.example/o/wiki/.well-known/openid-configuration"),
        ] {
            assert_eq!(address(&Url::parse(issuer).unwrap()).as_str(), expected);
        }
    }

    fn with(issuer: &str, name: &str, value: Value) -> Result<Discovered, MetadataFault> {
        let mut members = serde_json::json!({
            "issuer": issuer,
            "authorization_endpoint": "https://op.example/auth",
            "token_endpoint": "https://op.example/token",
            "jwks_uri": "https://keys.example/set",
        });
        members[name] = value;
        Discovered::parse(issuer, members.to_string().as_bytes())
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
            ("userinfo_endpoint", true.into()),
            ("authorization_response_iss_parameter_supported", "true".into()),
        ] {
            let fault = with("https://op.example", name, value).err();
            assert!(matches!(fault, Some(MetadataFault::Member(_))), "{name}");
        }
        let other = with("https://op.example", "issuer", "https://op.example/".into()).err();
        assert_eq!(other, Some(MetadataFault::OtherIssuer));
    }
}
