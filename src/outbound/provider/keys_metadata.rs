//! The metadata of a foreign issuer: only the address of its keys. Its document need not name more, as those of Kubernetes and
//! GitHub Actions do not.

use url::Url;

use super::addresses::Addresses;
use super::metadata::{ExpectedAlgorithm, Metadata, MetadataFault, endpoint, issuer_url};
use crate::domain::oidc::json;

/// The address of a foreign issuer's keys.
#[derive(Debug)]
pub(super) struct KeysMetadata {
    jwks_uri: Url,
}

impl Metadata for KeysMetadata {
    fn given(_: &str, addresses: &Addresses) -> Option<Self> {
        addresses.jwks_uri.clone().map(|jwks_uri| Self { jwks_uri })
    }

    fn parse(issuer: &str, body: &[u8], _: &[ExpectedAlgorithm]) -> Result<Self, MetadataFault> {
        let members = json::object(body).ok_or(MetadataFault::NotAnObject)?;
        let own = issuer_url(issuer, members.get("issuer"))?;
        let named = members.get("jwks_uri").ok_or(MetadataFault::Member("jwks_uri"))?;
        Ok(Self { jwks_uri: endpoint(named, "jwks_uri", &own)? })
    }

    fn jwks_uri(&self) -> &Url {
        &self.jwks_uri
    }

    fn warnings(&self) -> &[String] {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::domain::oidc::operands::Operands;

    fn parse(document: &Value) -> Result<String, MetadataFault> {
        KeysMetadata::parse("https://ci.example", document.to_string().as_bytes(), &[])
            .map(|metadata| metadata.jwks_uri().to_string())
    }

    #[test]
    fn oc_23_a_foreign_issuer_needs_no_endpoints_but_its_own_name_and_an_address_of_keys() {
        let with = |name: &str, value: Value| {
            let mut document = serde_json::json!({
                "issuer": "https://ci.example", "jwks_uri": "https://keys.example/set",
                "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
            });
            document[name] = value;
            parse(&document)
        };
        assert_eq!(with("x", Value::Null), Ok("https://keys.example/set".to_owned()));
        for issuer in ["https://ci.example/", "https://CI.example", "https://other.example", ""] {
            let fault = with("issuer", issuer.into()).err();
            assert_eq!(fault, Some(MetadataFault::OtherIssuer(Operands::NONE)), "{issuer}");
        }
        for address in ["http://keys.example/set", "https://127.0.0.1/set", "https://169.254.169.254/set", "/set"] {
            assert_eq!(with("jwks_uri", address.into()), Err(MetadataFault::Address("jwks_uri")), "{address}");
        }
        assert_eq!(with("jwks_uri", Value::Null), Err(MetadataFault::Member("jwks_uri")));
    }
}
