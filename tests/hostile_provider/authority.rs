//! A certificate authority, and a TLS server that it vouches for.
//!
//! Other test crates include it with `#[cfg(test)] #[path = "../hostile_provider/authority.rs"] mod authority;`.

use std::sync::Arc;

use gatepost::outbound::trusted_certificates::TrustedCertificates;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// An authority's certificate, and a server with a certificate of that authority for `name`.
pub(crate) fn authority(name: &str, change: impl FnOnce(&mut CertificateParams)) -> (TrustedCertificates, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TrustedCertificates::from_pem(issuer.pem().as_bytes()).unwrap(), TlsAcceptor::from(Arc::new(config)))
}
