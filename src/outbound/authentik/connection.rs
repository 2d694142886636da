//! The connection to authentik: one HTTP client for API and WebSocket, with the same TLS, token and limits.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, tls};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::address::ServerAddress;
use super::fault::ConnectionFault;
use crate::outbound::trusted_certificates::TrustedCertificates;

/// How authentik is reached.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// Its address.
    pub host: ServerAddress,
    /// The token of the outpost's service account.
    pub token: SecretString,
    /// Accepts any certificate and any host name, for the API and the WebSocket.
    pub insecure: bool,
    /// Certificates that are trusted in addition to the system's.
    pub ca_certificates: TrustedCertificates,
    /// The time limit of a request as a whole.
    pub timeout: Duration,
    /// The time limit of connecting.
    pub connect_timeout: Duration,
}

impl ConnectionSettings {
    /// Verified TLS with the system's authorities, and limits that a busy authentik keeps.
    #[must_use]
    pub fn new(host: ServerAddress, token: SecretString) -> Self {
        let (timeout, connect_timeout) = (Duration::from_secs(30), Duration::from_secs(5));
        Self { host, token, insecure: false, ca_certificates: TrustedCertificates::default(), timeout, connect_timeout }
    }
}

impl PartialEq for ConnectionSettings {
    fn eq(&self, other: &Self) -> bool {
        let Self { host, token, insecure, ca_certificates, timeout, connect_timeout } = self;
        (host, insecure, ca_certificates, timeout, connect_timeout)
            == (&other.host, &other.insecure, &other.ca_certificates, &other.timeout, &other.connect_timeout)
            && token.expose_secret() == other.token.expose_secret()
    }
}

/// A client of one authentik.
pub struct Connection {
    pub(super) client: Client,
    pub(super) host: ServerAddress,
    pub(super) token: SecretString,
    pub(super) timeout: Duration,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.host)
    }
}

impl Connection {
    /// Makes the client; asks nothing yet.
    ///
    /// # Errors
    /// See [`ConnectionFault`].
    pub fn new(settings: &ConnectionSettings) -> Result<Self, ConnectionFault> {
        // The first call installs the crypto provider of this process; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client_fault = |error: reqwest::Error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            ConnectionFault::Client(source.unwrap_or_else(|| error.to_string()))
        };
        let private = settings.ca_certificates.for_client().map_err(client_fault)?;
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            // A WebSocket begins as a request of HTTP/1.1.
            .http1_only()
            .connect_timeout(settings.connect_timeout)
            .tls_version_min(tls::Version::TLS_1_2)
            .tls_certs_merge(private)
            // It covers the host name, too.
            .tls_danger_accept_invalid_certs(settings.insecure)
            .user_agent(concat!("goauthentik.io/outpost/", env!("CARGO_PKG_VERSION")))
            .default_headers(authorization(&settings.token)?)
            .build()
            .map_err(client_fault)?;
        let (host, token) = (settings.host.clone(), settings.token.clone());
        Ok(Self { client, host, token, timeout: settings.timeout })
    }

    pub(super) fn get(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }
}

/// Whether a text, blanks around it aside, can be a token: visible ASCII characters.
#[must_use]
pub fn is_token(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn authorization(token: &SecretString) -> Result<HeaderMap, ConnectionFault> {
    let token = token.expose_secret().trim();
    let value = HeaderValue::try_from(format!("Bearer {token}")).ok().filter(|_| is_token(token));
    let mut value = value.ok_or(ConnectionFault::Token)?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
}
