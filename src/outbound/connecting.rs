//! The steps of connecting to a server, one by one: its name, the connection, TLS and the certificate. It is asked after a request
//! failed, to say at which step. Nothing is sent over the connections, so any certificate may be looked at.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The first step that fails, or the last one that works.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The name cannot be resolved.
    Name(String),
    /// No address accepts a connection.
    Connection(String),
    /// There is no TLS at the address.
    Tls(String),
    /// The server presents this certificate.
    Certificate(Presented),
    /// A connection without TLS is accepted.
    Connected,
}

/// What a certificate says about itself.
#[derive(Debug, PartialEq, Eq)]
struct Presented {
    names: Vec<String>,
    issuer: String,
    ends: String,
}

/// Why a request failed: the cause that its client names, with the step of connecting that fails where one does. Each step may take
/// as long as `limit`.
pub(super) async fn explained(url: &Url, cause: String, limit: Duration) -> String {
    match Step::of(url, limit).await {
        // Connecting works, so the request failed later.
        Step::Connected => cause,
        Step::Certificate(_) if !cause.contains("certificate") => cause,
        step @ (Step::Name(_) | Step::Connection(_) | Step::Tls(_) | Step::Certificate(_)) => {
            format!("{cause}; {step}")
        }
    }
}

impl Step {
    /// Connects to the host of `url`, and greets it by TLS where the scheme is https. Each step may take as long as `limit`.
    async fn of(url: &Url, limit: Duration) -> Self {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().unwrap_or_default();
        let addresses = match timeout(limit, addresses(&host, port)).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(cause)) => return Self::Name(format!("the name {host} cannot be resolved ({cause})")),
            Err(_) => return Self::Name(format!("the name {host} is not resolved in time")),
        };
        let mut causes = Vec::new();
        for address in addresses {
            match timeout(limit, TcpStream::connect(address)).await {
                Ok(Ok(stream)) if url.scheme() == "https" => return Self::greet(stream, host, limit).await,
                Ok(Ok(_)) => return Self::Connected,
                Ok(Err(cause)) => causes.push(format!("{address}: {}", cause.kind())),
                Err(_) => causes.push(format!("{address}: no answer in time")),
            }
        }
        Self::Connection(format!("no TCP connection ({})", causes.join(", ")))
    }

    async fn greet(stream: TcpStream, host: String, limit: Duration) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Arc::new(AnyCertificate(Arc::clone(&provider)));
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let (config, name) = match (config, ServerName::try_from(host)) {
            (Ok(config), Ok(name)) => (config, name),
            (Err(cause), _) => return Self::Tls(cause.to_string()),
            (_, Err(cause)) => return Self::Tls(cause.to_string()),
        };
        let config = config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        match timeout(limit, TlsConnector::from(Arc::new(config)).connect(name, stream)).await {
            Ok(Ok(stream)) => {
                let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let presented = chain.first().and_then(|first| Presented::read(first));
                presented.map_or_else(|| Self::Tls("the certificate cannot be read".to_owned()), Self::Certificate)
            }
            Ok(Err(cause)) => Self::Tls(format!("the TLS handshake fails ({cause})")),
            Err(_) => Self::Tls("the TLS handshake is not answered in time".to_owned()),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) | Self::Connection(text) | Self::Tls(text) => f.write_str(text),
            Self::Connected => f.write_str("a TCP connection is accepted"),
            Self::Certificate(Presented { names, issuer, ends }) => {
                let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
                write!(f, "the certificate is for {names}, issued by {issuer:?}, and valid until {ends}")
            }
        }
    }
}

impl Presented {
    fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let alternative = certificate.subject_alternative_name().ok().flatten();
        let names = alternative.iter().flat_map(|extension| &extension.value.general_names).filter_map(name).collect();
        let ends = certificate.validity().not_after.to_string();
        Some(Self { names, issuer: certificate.issuer().to_string(), ends })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name {
        return Some((*name).to_owned());
    }
    let GeneralName::IPAddress(octets) = name else { return None };
    let v4 = <[u8; 4]>::try_from(*octets).map(IpAddr::from).ok();
    v4.or_else(|| <[u8; 16]>::try_from(*octets).map(IpAddr::from).ok()).map(|address| address.to_string())
}

/// Names under `localhost` mean this machine without a DNS query (RFC 6761 section 6.3).
async fn addresses(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    if host == "localhost" || host.ends_with(".localhost") {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

/// Accepts each certificate, so that it can be described.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
