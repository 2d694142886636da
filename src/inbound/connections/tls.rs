//! Certificates of listeners: the operator's, or a self-signed one made at start that no client trusts; and the authorities
//! that have to have signed the clients' certificates.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// A certificate chain and its private key.
pub struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    private_key: PrivateKeyDer<'static>,
}

/// Why a certificate or its key cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TlsFault {
    /// The file holds no usable certificate.
    #[error("there is no usable certificate (PEM)")]
    Certificate,
    /// The file holds no usable private key.
    #[error("there is no usable private key (PEM)")]
    PrivateKey,
    /// The private key does not belong to the certificate.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
    /// The file holds no usable certificate of an authority.
    #[error("there is no usable certificate of an authority (PEM)")]
    Authority,
    /// The self-signed certificate could not be made.
    #[error("a self-signed certificate cannot be made: {0}")]
    SelfSigning(String),
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
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = certificates.ok().filter(|chain| !chain.is_empty()).ok_or(TlsFault::Certificate)?;
        let private_key = PrivateKeyDer::from_pem_slice(private_key).map_err(|_| TlsFault::PrivateKey)?;
        let provider = rustls::crypto::ring::default_provider();
        let key = provider.key_provider.load_private_key(private_key.clone_key()).map_err(|_| TlsFault::PrivateKey)?;
        match rustls::sign::CertifiedKey::new(chain.clone(), key).keys_match() {
            Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => Err(TlsFault::Mismatch),
            Err(rustls::Error::InvalidCertificate(_)) => Err(TlsFault::Certificate),
            _ => Ok(Self { chain, private_key }),
        }
    }

    /// A self-signed certificate for `names`; sufficient for a front proxy that encrypts but does not verify.
    ///
    /// # Errors
    /// When a name is not valid in a certificate, or the source of randomness fails.
    pub fn self_signed(names: Vec<String>) -> Result<Self, TlsFault> {
        let made = rcgen::generate_simple_self_signed(names);
        let certified = made.map_err(|fault| TlsFault::SelfSigning(fault.to_string()))?;
        let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        Ok(Self { chain: vec![certified.cert.der().clone()], private_key: key.into() })
    }

    /// The TLS acceptor for browsers' connections: HTTP/1.1, no client certificates.
    ///
    /// # Errors
    /// When certificate and key are not usable together.
    pub fn acceptor(self) -> Result<TlsAcceptor, TlsFault> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(self.chain, self.private_key));
        let mut config = config.map_err(|_| TlsFault::Mismatch)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
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
    /// [`TlsFault::Authority`] when one of the authorities cannot be used, or there is none.
    pub fn new(identity: TlsIdentity, authorities: &[u8]) -> Result<Self, TlsFault> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities) {
            roots.add(certificate.map_err(|_| TlsFault::Authority)?).map_err(|_| TlsFault::Authority)?;
        }
        let (authorities, provider) = (roots.len(), Arc::new(rustls::crypto::ring::default_provider()));
        // An empty list of authorities is an error here as well.
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self { identity, clients: verifier.map_err(|_| TlsFault::Authority)?, authorities })
    }

    /// The TLS acceptor for gRPC; it rejects clients without a certificate of one of the authorities.
    ///
    /// # Errors
    /// When certificate and key are not usable together.
    pub fn acceptor(self) -> Result<TlsAcceptor, TlsFault> {
        let TlsIdentity { chain, private_key } = self.identity;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_client_cert_verifier(self.clients).with_single_cert(chain, private_key));
        let mut config = config.map_err(|_| TlsFault::Mismatch)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
