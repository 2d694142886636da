//! Proxy providers, as `GET /outposts/proxy/` lists them: one for each application.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::{on, or_default, or_on, read, seconds, secret, text, whole, write_seconds};
use super::outpost::is_uuid;
use super::secret::Secret;

/// A proxy provider with its application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyOutpostConfig {
    /// Its number: it stays when everything else changes.
    #[serde(deserialize_with = "whole")]
    pub pk: i64,
    /// `X-authentik-meta-provider`; may repeat.
    pub name: String,
    /// The backend in the mode `proxy`.
    #[serde(default, deserialize_with = "text")]
    pub internal_host: Option<String>,
    /// The address that browsers use, with or without a path or a final slash.
    pub external_host: String,
    /// Whether the backend's certificate is verified.
    #[serde(default = "on", deserialize_with = "or_on")]
    pub internal_host_ssl_validation: bool,
    /// The client at authentik.
    #[serde(default, deserialize_with = "text")]
    pub client_id: Option<String>,
    /// The client's secret.
    #[serde(default, deserialize_with = "secret")]
    pub client_secret: Option<Secret>,
    /// The provider's endpoints, as authentik saw this request.
    pub oidc_configuration: OpenIdConnectConfiguration,
    /// The UUID of the certificate for this host.
    #[serde(default, deserialize_with = "certificate")]
    pub certificate: Option<String>,
    /// Patterns of public addresses, one per line.
    #[serde(default, deserialize_with = "text")]
    pub skip_path_regex: Option<String>,
    /// Whether the application receives `Authorization: Basic`.
    #[serde(default, deserialize_with = "or_default")]
    pub basic_auth_enabled: bool,
    /// The attribute of the user with the password for it.
    #[serde(default, deserialize_with = "text")]
    pub basic_auth_password_attribute: Option<String>,
    /// The attribute of the user with the user name for it; without one, the mail address.
    #[serde(default, deserialize_with = "text")]
    pub basic_auth_user_attribute: Option<String>,
    /// The mode.
    #[serde(default, deserialize_with = "or_default")]
    pub mode: ProxyMode,
    /// The parent domain in the mode `forward_domain`; may begin with a dot.
    #[serde(default, deserialize_with = "text")]
    pub cookie_domain: Option<String>,
    /// How long a session lasts.
    #[serde(default, deserialize_with = "seconds", serialize_with = "write_seconds")]
    pub access_token_validity: Option<Duration>,
    /// Whether credentials in `Authorization` are accepted.
    #[serde(default = "on", deserialize_with = "or_on")]
    pub intercept_header_auth: bool,
    /// The scopes; a set, because authentik lists them in no certain order.
    pub scopes_to_request: BTreeSet<String>,
    /// The application's slug; unique.
    pub assigned_application_slug: String,
    /// The application's name; may repeat.
    pub assigned_application_name: String,
}

/// How requests reach the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyMode {
    /// Through the outpost, to the internal host.
    #[default]
    Proxy,
    /// Through a front proxy; one application.
    ForwardSingle,
    /// Through a front proxy; all hosts of a domain.
    ForwardDomain,
}

/// The endpoints of a provider. Scheme and host of all of them are those by which authentik was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIdConnectConfiguration {
    /// The issuer.
    pub issuer: String,
    /// The authorization endpoint.
    pub authorization_endpoint: String,
    /// The token endpoint.
    pub token_endpoint: String,
    /// The `UserInfo` endpoint.
    pub userinfo_endpoint: String,
    /// The end-session endpoint.
    pub end_session_endpoint: String,
    /// The introspection endpoint.
    pub introspection_endpoint: String,
    /// The keys.
    pub jwks_uri: String,
    /// The algorithms of ID Tokens: one of them, `HS256` without a signing key.
    pub id_token_signing_alg_values_supported: Vec<String>,
}

fn certificate<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match text(deserializer)? {
        // It becomes part of an address.
        Some(text) if !is_uuid(&text) => Err(serde::de::Error::custom("it is not a UUID")),
        uuid => Ok(uuid),
    }
}

/// The providers of one complete answer.
#[derive(Clone, Debug, Default)]
pub struct Providers {
    /// Those that can be read.
    pub valid: Vec<ProxyOutpostConfig>,
    /// Those that cannot.
    pub invalid: Vec<InvalidProvider>,
}

impl Providers {
    /// Reads the items of a list one by one.
    pub(in crate::outbound::authentik) fn from_items(items: Vec<Value>) -> Self {
        let mut providers = Self::default();
        for item in items {
            let (pk, name) = (item.get("pk").and_then(Value::as_i64), item.get("name").and_then(Value::as_str));
            let name = name.map(str::to_owned);
            let external_host = item.get("external_host").and_then(Value::as_str).map(str::to_owned);
            match read(item) {
                Ok(provider) => providers.valid.push(provider),
                Err(member) => providers.invalid.push(InvalidProvider { pk, name, external_host, member }),
            }
        }
        providers
    }
}

/// A provider whose description cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidProvider {
    /// Its number, if that can be read.
    pub pk: Option<i64>,
    /// Its name, if that can be read.
    pub name: Option<String>,
    /// The address that browsers use, if that can be read.
    pub external_host: Option<String>,
    /// The path of the member that is wrong; never its value, which may be a secret.
    pub member: String,
}

impl fmt::Display for InvalidProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pk, name, member, .. } = self;
        let (name, pk) = (name.as_deref().unwrap_or("?"), pk.map_or_else(|| "?".to_owned(), |pk| pk.to_string()));
        write!(
            f,
            "authentik's provider {name:?} (pk {pk}) cannot be used: `{member}` is missing or has an unexpected value; save the provider in authentik again, and compare the versions of authentik and Gatepost"
        )
    }
}
