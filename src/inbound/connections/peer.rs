//! The peer of a connection, by its address and by the certificate that it presented.

use std::fmt;
use std::net::IpAddr;

use tokio_rustls::server::TlsStream;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::listener::Connection;

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address.
    pub address: IpAddr,
    /// The client certificate, where the listener requires one.
    pub certificate: Option<PeerCertificate>,
}

/// Whom a client certificate names. It was verified in the TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The subject.
    pub subject: String,
    /// The DNS names among the subject's alternative names.
    pub names: Vec<String>,
}

/// A connection whose peer is known.
pub trait HasPeer {
    /// The peer.
    fn known_peer(&self) -> Peer;
}

impl HasPeer for Connection {
    fn known_peer(&self) -> Peer {
        Peer { address: self.peer().ip(), certificate: None }
    }
}

impl HasPeer for TlsStream<Connection> {
    fn known_peer(&self) -> Peer {
        let (connection, session) = self.get_ref();
        let first = session.peer_certificates().and_then(<[_]>::first);
        Peer { certificate: first.and_then(|der| PeerCertificate::read(der)), ..connection.known_peer() }
    }
}

/// As in `CN=operator (operator.example.com)`.
impl fmt::Display for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        if self.names.is_empty() { Ok(()) } else { write!(f, " ({})", self.names.join(", ")) }
    }
}

impl PeerCertificate {
    fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let alternative = certificate.subject_alternative_name().ok().flatten();
        let names = alternative.iter().flat_map(|extension| &extension.value.general_names);
        let names = names
            .filter_map(|name| if let GeneralName::DNSName(name) = name { Some((*name).to_owned()) } else { None });
        Some(Self { subject: certificate.subject().to_string(), names: names.collect() })
    }
}
