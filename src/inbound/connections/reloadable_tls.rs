//! TLS whose certificates can be replaced while connections are accepted, and the choice of a certificate by server name.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

/// The TLS settings of a listener. They can be replaced; connections that were accepted before are not affected.
#[derive(Clone)]
pub struct ReloadableTls(Arc<ArcSwap<ServerConfig>>);

impl ReloadableTls {
    /// Begins with these settings.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(ArcSwap::new(config)))
    }

    /// The acceptor with the present settings.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }

    /// Replaces the settings.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        self.0.store(config);
    }
}

/// Certificates of one listener: the client gets the first that is valid for the server name that it sends (RFC 6066
/// section 3), else the default.
#[derive(Debug)]
pub(super) struct CertificatesByName {
    pub(super) default: Arc<CertifiedKey>,
    pub(super) named: Vec<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for CertificatesByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let named = name.and_then(|name| self.named.iter().find(|certificate| is_valid_for(certificate, &name)));
        Some(Arc::clone(named.unwrap_or(&self.default)))
    }
}

fn is_valid_for(certificate: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let end_entity = certificate.end_entity_cert().and_then(ParsedCertificate::try_from);
    end_entity.is_ok_and(|end_entity| verify_server_name(&end_entity, name).is_ok())
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::{ClientConfig, RootCertStore};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::inbound::connections::{TlsIdentity, browsers_tls};

    /// A certificate for this name, and the identity of a server that has it.
    fn identity(name: &str) -> (CertificateDer<'static>, TlsIdentity) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        (made.cert.der().clone(), TlsIdentity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap())
    }

    /// Whether a client that sends this server name and trusts only this certificate connects.
    async fn handshake(tls: &ReloadableTls, name: &'static str, certificate: &CertificateDer<'static>) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let (client, server) = tokio::io::duplex(16 * 1024);
        let name = ServerName::try_from(name).unwrap();
        let connect = TlsConnector::from(Arc::new(config)).connect(name, client);
        let (connected, _) = tokio::join!(connect, tls.acceptor().accept(server));
        connected.is_ok()
    }

    #[tokio::test]
    async fn the_server_name_chooses_the_certificate_and_the_first_is_the_default() {
        let [(wiki, first), (board, second), (renewed, third)] =
            ["wiki.test", "*.board.test", "wiki.test"].map(identity);
        let tls = ReloadableTls::new(browsers_tls(&first, &[first.clone(), second]).unwrap());
        for (name, certificate, is_accepted) in [
            ("wiki.test", &wiki, true),
            ("a.board.test", &board, true),
            ("a.board.test", &wiki, false),
            ("wiki.test", &renewed, false),
            // The default certificate, which is not valid for this name.
            ("other.test", &board, false),
        ] {
            assert_eq!(handshake(&tls, name, certificate).await, is_accepted, "{name}");
        }
        tls.replace(browsers_tls(&third, &[]).unwrap());
        assert!(handshake(&tls, "wiki.test", &renewed).await && !handshake(&tls, "a.board.test", &board).await);
    }
}
