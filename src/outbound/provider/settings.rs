//! Settings of the requests to identity providers.

use std::time::Duration;

use thiserror::Error;

use super::proxy::ProviderProxy;
use crate::outbound::trusted_certificates::TrustedCertificates;

/// Settings of the requests to identity providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Certificates that are trusted in addition to the system's.
    pub ca_certificates: TrustedCertificates,
    /// Accepts any certificate and any host name.
    pub insecure: bool,
    /// The forward proxy; `None`: providers are called directly.
    pub proxy: Option<ProviderProxy>,
    /// The time limit of a request as a whole, and of redeeming a code.
    pub timeout: Duration,
    /// The time limit of connecting.
    pub connect_timeout: Duration,
    /// The interval at which metadata and keys are fetched again, with a jitter of ±10 %.
    pub refresh_interval: Duration,
    /// Whether refresh tokens are used; without one a session ends with its ID Token.
    pub refreshes_sessions: bool,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            ca_certificates: TrustedCertificates::default(),
            insecure: false,
            proxy: None,
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            refresh_interval: Duration::from_secs(5 * 60),
            refreshes_sessions: true,
        }
    }
}

/// Why the client of identity providers cannot be made.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum StartFault {
    /// The HTTP client cannot be made; usually because of the certificates.
    #[error("the HTTP client for identity providers cannot be made: {0}")]
    Client(String),
    /// The issuer is not an address from which metadata may be fetched.
    #[error("the issuer `{0}` is not an https address without user, query and fragment (http only for this machine)")]
    Issuer(String),
    /// Two applications give one issuer different addresses.
    #[error("applications of the issuer `{0}` give it different endpoints or addresses")]
    Endpoints(String),
    /// A pinned HMAC would be weaker than its hash (RFC 7518 section 3.2).
    #[error("the client secret of `{0}` is too short for the HMAC algorithm in `id_token_signed_response_alg`")]
    ShortSecret(String),
}
