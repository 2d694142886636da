//! TLS to the servers: trusted authorities and the client certificate.

use std::fmt;

use redis::{Client, ClientTlsConfig, ConnectionAddr, TlsCertificates};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::outbound::trusted_certificates::TrustedCertificates;

/// Trusted authorities and client certificate, both already read.
#[derive(Clone)]
pub struct TlsSettings {
    /// Authorities as PEM; `None`: those of the system.
    authorities: Option<Vec<u8>>,
    /// Certificate chain and private key as PEM.
    client: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

/// The certificates or the private key are unusable.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct TlsFault(&'static str);

impl TlsSettings {
    /// Trusts only `authorities`, or the system's where `None`; presents the `client` certificate where the server requests it.
    ///
    /// # Errors
    /// [`TlsFault`] when one of them is not PEM of its kind.
    pub fn from_pem(authorities: Option<&[u8]>, client: Option<(&[u8], &[u8])>) -> Result<Self, TlsFault> {
        let certificates = |pem: &[u8]| TrustedCertificates::from_pem(pem).is_ok();
        if authorities.is_some_and(|pem| !certificates(pem)) {
            return Err(TlsFault("there is no usable certificate in `ca_file`"));
        }
        if client.is_some_and(|(chain, _)| !certificates(chain)) {
            return Err(TlsFault("there is no usable certificate in `client_certificate_file`"));
        }
        let settings = Self {
            authorities: authorities.map(<[u8]>::to_vec),
            client: client.map(|(chain, key)| (chain.to_vec(), Zeroizing::new(key.to_vec()))),
        };
        match settings.address("localhost".to_owned(), 0) {
            Some(_) => Ok(settings),
            None => Err(TlsFault("the certificates or the private key are not valid PEM")),
        }
    }

    /// The address with its TLS parameters for the client library; never `None` for settings that `from_pem` accepted.
    pub(super) fn address(&self, host: String, port: u16) -> Option<ConnectionAddr> {
        // The first call installs the crypto provider of this process; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None };
        let client = Client::build_with_tls(address, self.certificates()).ok()?;
        Some(client.get_connection_info().addr().clone())
    }

    pub(super) fn certificates(&self) -> TlsCertificates {
        let client = self.client.as_ref();
        let client_tls =
            client.map(|(chain, key)| ClientTlsConfig { client_cert: chain.clone(), client_key: key.to_vec() });
        TlsCertificates { client_tls, root_cert: self.authorities.clone() }
    }
}

impl PartialEq for TlsSettings {
    fn eq(&self, other: &Self) -> bool {
        self.authorities == other.authorities && self.client == other.client
    }
}

impl Eq for TlsSettings {}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authorities, client } = self;
        write!(f, "TlsSettings {{ own_authorities: {}, client: {} }}", authorities.is_some(), client.is_some())
    }
}
