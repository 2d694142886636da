//! Certificates of listeners: the operator's, or a self-signed one made at start that no client trusts; and the authorities
//! that have to have signed the clients' certificates.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;

use super::reloadable_tls::CertificatesByName;

/// A certificate chain and its private key.
pub struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    private_key: PrivateKeyDer<'static>,
}

/// Why a certificate or its key cannot be used.
#[derive(Debug, Error)]
pub enum TlsFault {
    /// The certificate chain.
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[source] PemFault),
    /// The private key.
    #[error("the private key cannot be used: {0}")]
    PrivateKey(#[source] PemFault),
    /// The private key does not belong to the certificate.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
    /// Certificate and private key, each of which is usable.
    #[error("certificate and private key cannot be used together: {0}")]
    Together(#[source] rustls::Error),
    /// The certificate of an authority.
    #[error("the certificate of an authority cannot be used: {0}")]
    Authority(#[source] PemFault),
    /// The certificates of the authorities together.
    #[error("clients' certificates cannot be verified: {0}")]
    Authorities(#[source] VerifierBuilderError),
    /// The self-signed certificate could not be made.
    #[error("a self-signed certificate cannot be made: {0}")]
    SelfSigning(#[from] rcgen::Error),
}

/// Why the content of a PEM file cannot be used. It never repeats the content, which may be a private key.
#[derive(Debug, Error)]
pub enum PemFault {
    /// The file has no section of this type.
    #[error("there is none in the file (PEM)")]
    NoSection,
    /// A `BEGIN` line is not on a line of its own.
    #[error("a `-----BEGIN …-----` line is malformed")]
    Begin,
    /// The `END` line is missing.
    #[error("the `-----END …-----` line is missing")]
    NoEnd,
    /// A section is not base64.
    #[error("it is not valid base64")]
    Base64,
    /// A section is too long, or cannot be read.
    #[error("it is too long or cannot be read")]
    Unreadable,
    /// The decoded content is refused.
    #[error(transparent)]
    Refused(#[from] rustls::Error),
}

impl From<pem::Error> for PemFault {
    fn from(fault: pem::Error) -> Self {
        match fault {
            pem::Error::NoItemsFound => Self::NoSection,
            pem::Error::IllegalSectionStart { .. } => Self::Begin,
            pem::Error::MissingSectionEnd { .. } => Self::NoEnd,
            pem::Error::Base64Decode(_) => Self::Base64,
            pem::Error::Io(_) | pem::Error::SectionTooLarge | _ => Self::Unreadable,
        }
    }
}

impl Clone for TlsIdentity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), private_key: self.private_key.clone_key() }
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsIdentity({} certificates)", self.chain.len())
    }
}

impl TlsIdentity {
    /// Takes a chain (the server's own certificate first) and its private key, both PEM.
    ///
    /// # Errors
    /// See [`TlsFault`].
    pub fn from_pem(chain: &[u8], private_key: &[u8]) -> Result<Self, TlsFault> {
        let chain = certificates(chain).map_err(TlsFault::Certificate)?;
        let private_key =
            PrivateKeyDer::from_pem_slice(private_key).map_err(|fault| TlsFault::PrivateKey(fault.into()))?;
        let provider = rustls::crypto::ring::default_provider();
        let key = provider.key_provider.load_private_key(private_key.clone_key());
        let key = key.map_err(|fault| TlsFault::PrivateKey(fault.into()))?;
        match CertifiedKey::new(chain.clone(), key).keys_match() {
            Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => Err(TlsFault::Mismatch),
            Err(fault @ rustls::Error::InvalidCertificate(_)) => Err(TlsFault::Certificate(fault.into())),
            _ => Ok(Self { chain, private_key }),
        }
    }

    /// A self-signed certificate for `names`; sufficient for a front proxy that encrypts but does not verify.
    ///
    /// # Errors
    /// When a name is not valid in a certificate, or the source of randomness fails.
    pub fn self_signed(names: Vec<String>) -> Result<Self, TlsFault> {
        let certified = rcgen::generate_simple_self_signed(names)?;
        let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        Ok(Self { chain: vec![certified.cert.der().clone()], private_key: key.into() })
    }

    fn certified(&self) -> Result<Arc<CertifiedKey>, TlsFault> {
        let provider = rustls::crypto::ring::default_provider();
        let certified = CertifiedKey::from_der(self.chain.clone(), self.private_key.clone_key(), &provider);
        certified.map(Arc::new).map_err(TlsFault::Together)
    }
}

/// The TLS settings for browsers' connections: HTTP/1.1, no client certificates. The first of the `named` certificates that is
/// valid for the server name is sent, else the `default`.
///
/// # Errors
/// When a certificate and its key are not usable together.
pub fn browsers_tls(default: &TlsIdentity, named: &[TlsIdentity]) -> Result<Arc<ServerConfig>, TlsFault> {
    server_config(WebPkiClientVerifier::no_client_auth(), default, named, b"http/1.1")
}

fn server_config(
    clients: Arc<dyn ClientCertVerifier>,
    default: &TlsIdentity,
    named: &[TlsIdentity],
    protocol: &[u8],
) -> Result<Arc<ServerConfig>, TlsFault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let named = named.iter().map(TlsIdentity::certified).collect::<Result<_, _>>()?;
    let certificates = CertificatesByName { default: default.certified()?, named };
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(TlsFault::Together)?.with_client_cert_verifier(clients);
    let mut config = builder.with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}

/// The certificates of a PEM file, at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemFault> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
    if certificates.is_empty() { Err(PemFault::NoSection) } else { Ok(certificates) }
}

/// TLS with certificates on both sides: the server's identity, and the authorities of the clients' certificates.
#[derive(Clone)]
pub struct MutualTls {
    identity: TlsIdentity,
    clients: Arc<dyn ClientCertVerifier>,
    authorities: usize,
}

impl fmt::Debug for MutualTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MutualTls({:?}, {} authorities)", self.identity, self.authorities)
    }
}

impl MutualTls {
    /// Takes the server's identity and the certificates (PEM) of the clients' authorities.
    ///
    /// # Errors
    /// When one of the authorities cannot be used, or there is none.
    pub fn new(identity: TlsIdentity, authorities: &[u8]) -> Result<Self, TlsFault> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authorities).map_err(TlsFault::Authority)? {
            roots.add(certificate).map_err(|fault| TlsFault::Authority(fault.into()))?;
        }
        let (authorities, provider) = (roots.len(), Arc::new(rustls::crypto::ring::default_provider()));
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self { identity, clients: verifier.map_err(TlsFault::Authorities)?, authorities })
    }

    /// The TLS settings for gRPC; clients without a certificate of one of the authorities are rejected.
    ///
    /// # Errors
    /// When certificate and key are not usable together.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsFault> {
        server_config(Arc::clone(&self.clients), &self.identity, &[], b"h2")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_cause_and_no_content() {
        let made = || rcgen::generate_simple_self_signed(vec!["gatepost.test".to_owned()]).expect("is made");
        let (one, other) = (made(), made());
        let (chain, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        let one_line = key.replace('\n', "");
        let bad_begin = key.replacen("KEY-----", "KEY----", 1);
        let without_end = key.split("-----END").next().expect("has one").to_owned();
        let damaged = key.replacen("MI", "M!", 1);
        let other_content = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (chain, key, text) in [
            (&*chain, "", "the private key cannot be used: there is none in the file (PEM)"),
            (&chain, &chain, "the private key cannot be used: there is none in the file (PEM)"),
            (&key, &key, "the certificate cannot be used: there is none in the file (PEM)"),
            (&chain, &bad_begin, "the private key cannot be used: a `-----BEGIN …-----` line is malformed"),
            (&chain, &one_line, "the private key cannot be used: the `-----END …-----` line is missing"),
            (&chain, &without_end, "the private key cannot be used: the `-----END …-----` line is missing"),
            (&chain, &damaged, "the private key cannot be used: it is not valid base64"),
            (&chain, other_content, "the private key cannot be used: "),
            (no_certificate, &key, "the certificate cannot be used: invalid peer certificate"),
            (&chain, &other.signing_key.serialize_pem(), "the private key does not belong to the certificate"),
        ] {
            let fault = TlsIdentity::from_pem(chain.as_bytes(), key.as_bytes()).expect_err(text);
            assert!(fault.to_string().starts_with(text), "{text}: {fault}");
            let shown = format!("{fault} {fault:?}");
            assert!(!key.lines().any(|line| line.len() > 40 && shown.contains(&line[..40])), "{shown}");
        }
        let identity = TlsIdentity::from_pem(chain.as_bytes(), key.as_bytes()).expect("fit");
        let fault = MutualTls::new(identity, b"nothing").expect_err("no authority");
        assert_eq!(
            fault.to_string(),
            "the certificate of an authority cannot be used: there is none in the file (PEM)"
        );
    }
}
