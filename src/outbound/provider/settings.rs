//! How identity providers are asked.

use std::time::Duration;

use thiserror::Error;

/// How identity providers are asked.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Certificates (PEM) to trust beside the system's; empty for none.
    pub ca_certificates: Vec<u8>,
    /// The longest a request may take as a whole, and the longest that redeeming a code may.
    pub timeout: Duration,
    /// The longest that connecting may take.
    pub connect_timeout: Duration,
    /// How often metadata and keys are fetched anew, give or take a tenth.
    pub refresh_interval: Duration,
    /// Whether refresh tokens are taken; without one a session ends with its ID Token.
    pub renews_sessions: bool,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            ca_certificates: Vec::new(),
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            refresh_interval: Duration::from_secs(5 * 60),
            renews_sessions: true,
        }
    }
}

/// Why providers cannot be asked at all.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum StartFault {
    /// No HTTP client; mostly certificates.
    #[error("the HTTP client for identity providers cannot be made: {0}")]
    Client(String),
    /// Not an address that metadata may come from.
    #[error("the issuer `{0}` is not an https address without user, query and fragment (http only for this machine)")]
    Issuer(String),
    /// A pinned HMAC would be weaker than its hash (RFC 7518 section 3.2).
    #[error("the client secret of `{0}` is too short for the HMAC algorithm that is pinned")]
    ShortSecret(String),
}
