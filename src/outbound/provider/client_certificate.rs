//! Client certificates of mutual TLS (RFC 8705).

use reqwest::Identity;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::domain::oidc::client_authentication::ClientCertificate;

/// Why a client certificate cannot be used.
#[derive(Debug, Error)]
pub enum CertificateFault {
    /// The chain is not PEM, or empty.
    #[error("there is no certificate chain in the file (PEM)")]
    NoCertificate,
    /// There is no private key.
    #[error("there is no private key in the file (PEM, not encrypted)")]
    NoKey,
    /// The two do not belong together, or cannot be used.
    #[error("the certificate and the private key cannot be used together: {0}")]
    Pair(rustls::Error),
}

/// Checks that a TLS client can present the certificate.
///
/// # Errors
/// See [`CertificateFault`].
pub fn check_client_certificate(certificate: &ClientCertificate) -> Result<(), CertificateFault> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&certificate.chain)
        .collect::<Result<_, _>>()
        .map_err(|_| CertificateFault::NoCertificate)?;
    if chain.is_empty() {
        return Err(CertificateFault::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(certificate.private_key.expose()).map_err(|_| CertificateFault::NoKey)?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map(drop).map_err(CertificateFault::Pair)
}

/// The certificate as the HTTP client takes it.
pub(super) fn identity(certificate: &ClientCertificate) -> reqwest::Result<Identity> {
    let pem = [certificate.private_key.expose(), b"\n", &certificate.chain].concat();
    Identity::from_pem(&Zeroizing::new(pem))
}
