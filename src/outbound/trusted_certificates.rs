//! Certificates of authorities that are trusted in addition to the system's.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Certificate;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;

/// Certificates of authorities, each of which a TLS client can use; none by default.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TrustedCertificates(Vec<CertificateDer<'static>>);

/// Why certificates of authorities cannot be used.
#[derive(Debug, Error)]
pub enum TrustFault {
    /// There is none in the file.
    #[error("there is no certificate in the file")]
    None,
    /// The file is not PEM (RFC 7468).
    #[error("it is not a file of certificates (PEM)")]
    NotPem,
    /// A certificate is malformed.
    #[error("certificate {number} of the file cannot be used: {cause}")]
    Malformed {
        /// Which one, counted from 1.
        number: usize,
        /// The cause.
        cause: rustls::Error,
    },
}

impl TrustedCertificates {
    /// The certificates of a PEM file (RFC 7468), at least one.
    ///
    /// # Errors
    /// See [`TrustFault`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustFault> {
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| TrustFault::NotPem)?;
        let mut store = RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            let added = store.add(certificate.clone());
            added.map_err(|cause| TrustFault::Malformed { number: index + 1, cause })?;
        }
        if certificates.is_empty() { Err(TrustFault::None) } else { Ok(Self(certificates)) }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The certificates in PEM (RFC 7468), each alone.
    pub(super) fn pem(&self) -> Vec<String> {
        let encoded = self.0.iter().map(|certificate| STANDARD.encode(certificate));
        encoded.map(|text| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")).collect()
    }

    /// The certificates as the HTTP client takes them.
    pub(super) fn for_client(&self) -> reqwest::Result<Vec<Certificate>> {
        self.0.iter().map(|certificate| Certificate::from_der(certificate)).collect()
    }
}

impl fmt::Debug for TrustedCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedCertificates({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_that_a_client_can_use_are_taken() {
        let made = rcgen::generate_simple_self_signed(vec!["authority.test".to_owned()]).unwrap();
        let certificate = made.cert.pem();
        let twice = format!("{certificate}\nA comment.\n{certificate}");
        for pem in [&certificate, &twice] {
            assert!(!TrustedCertificates::from_pem(pem.as_bytes()).unwrap().is_empty());
        }
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (pem, text) in [
            (String::new(), "there is no certificate in the file"),
            (made.signing_key.serialize_pem(), "there is no certificate in the file"),
            (certificate.replace("-----END", "-----"), "it is not a file of certificates (PEM)"),
            (format!("{certificate}{damaged}"), "certificate 2 of the file cannot be used: "),
        ] {
            let fault = TrustedCertificates::from_pem(pem.as_bytes()).expect_err(text).to_string();
            assert!(fault.starts_with(text), "{text}: {fault}");
        }
    }
}
