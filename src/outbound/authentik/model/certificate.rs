//! Key pairs for the HTTPS listener.

use serde::{Deserialize, Serialize};

use super::fields::{on, or_on, text};
use super::secret::Secret;

/// A certificate with its private key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The UUID by which providers name it.
    pub uuid: String,
    /// Its name at authentik.
    pub name: String,
    /// The fingerprint by which a change is noticed.
    pub fingerprint_sha256: Option<String>,
    /// The chain (PEM).
    pub chain: String,
    /// The private key (PEM).
    pub private_key: Secret,
}

/// `GET /crypto/certificatekeypairs/{uuid}/`.
#[derive(Deserialize)]
pub(in crate::outbound::authentik) struct CertificateKeyPair {
    pub(in crate::outbound::authentik) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(in crate::outbound::authentik) fingerprint_sha256: Option<String>,
    #[serde(default = "on", deserialize_with = "or_on")]
    pub(in crate::outbound::authentik) private_key_available: bool,
}

/// `GET …/view_certificate/` and `…/view_private_key/`: text in PEM.
#[derive(Deserialize)]
pub(in crate::outbound::authentik) struct CertificateData {
    pub(in crate::outbound::authentik) data: Secret,
}
