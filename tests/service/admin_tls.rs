//! The admin port with certificates on both sides, called by `gatepost sessions` itself.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use gatepost::inbound::connections::{MutualTls, PemFault, TlsFault, TlsIdentity};
use gatepost::ports::Audit;
use gatepost::testing::KeptAudit;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::support::{Setup, TestApp, within};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("has no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    /// Certificate and key as PEM.
    fn vouch_for(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("is a name");
        let certificate = params.signed_by(&key, &self.0).expect("is signed");
        (certificate.pem(), key.serialize_pem())
    }
}

async fn sessions(folder: &Path, address: SocketAddr, files: Option<[&str; 3]>, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.env_clear().current_dir(folder).args(["sessions", "list", "--address", &address.to_string()]).args(more);
    if let Some([ca, certificate, key]) = files {
        command.args(["--ca-file", ca, "--certificate-file", certificate, "--private-key-file", key]);
    }
    let asked = tokio::task::spawn_blocking(move || command.output());
    within(asked).await.expect("does not panic").expect("runs")
}

#[tokio::test]
async fn only_holders_of_a_certificate_get_in() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("is written");
    let (certificate, key) = ours.vouch_for("gatepost.internal");
    let identity = TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).expect("belong together");
    let tls = MutualTls::new(identity.clone(), ours.0.pem().as_bytes()).expect("is an authority");
    let no_authority = MutualTls::new(identity, b"nothing").expect_err("there is none");
    assert!(matches!(no_authority, TlsFault::Authority(PemFault::NoSection)), "{no_authority}");
    for (name, authority) in [("ours", &ours), ("theirs", &theirs)] {
        let (certificate, key) = authority.vouch_for("operator");
        write(&format!("{name}-ca.pem"), &authority.0.pem());
        write(&format!("{name}.pem"), &certificate);
        write(&format!("{name}.key"), &key);
    }
    let audit = Arc::new(KeptAudit::default());
    let setup = Setup { admin_tls: Some(tls), audit: Audit::to(audit.clone()), ..Setup::default() };
    let app = TestApp::start(setup).await;
    let address = app.addresses.admin.expect("listens");
    let named = ["--server-name", "gatepost.internal"];
    for (files, more, code, says) in [
        (Some(["ours-ca.pem", "ours.pem", "ours.key"]), &named[..], 0, ""),
        (Some(["ours-ca.pem", "theirs.pem", "theirs.key"]), &named, 1, "ended the connection"),
        (Some(["theirs-ca.pem", "ours.pem", "ours.key"]), &named, 1, "UnknownIssuer"),
        (Some(["ours-ca.pem", "ours.pem", "ours.key"]), &[], 1, "not valid for name"),
        (Some(["ours-ca.pem", "ours.pem", "theirs.key"]), &named, 2, "theirs.key: it cannot be used"),
        (Some(["ours.key", "ours.pem", "ours.key"]), &named, 2, "ours.key: there is no certificate"),
        (None, &[], 1, "if it requires TLS, give --ca-file"),
    ] {
        let output = sessions(folder.path(), address, files, more).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{files:?} {more:?}: {said}");
        assert!(said.contains(says), "{files:?} {more:?}: {said}");
        let expected: &[u8] = if code == 0 { b"no sessions\n" } else { b"" };
        assert_eq!(output.stdout, expected, "{files:?} {more:?}");
    }
    assert!(without_certificate(&ours, address).await, "whoever shows none is sent away");
    app.stop().await;

    let events: Vec<_> = audit.take().iter().map(|event| serde_json::to_value(event).expect("is told")).collect();
    let (done, refused): (Vec<_>, Vec<_>) = events.iter().partition(|event| event["action"] == "list_sessions");
    let [done] = done[..] else { panic!("{events:?}") };
    assert_eq!((&done["outcome"], &done["operator"]["address"]), (&json!("done"), &json!("127.0.0.1")));
    assert!(done["operator"]["certificate"].as_str().is_some_and(|certificate| !certificate.is_empty()), "{done}");
    let is_refusal = |event: &&serde_json::Value| {
        event["action"] == "connect" && event["outcome"] == "refused" && event["operator"].get("certificate").is_none()
    };
    assert!(refused.iter().all(is_refusal), "{events:?}");
    for cause in ["UnknownIssuer", "peer sent no certificates"] {
        let told = refused.iter().any(|event| event["cause"].as_str().is_some_and(|it| it.contains(cause)));
        assert!(told, "{cause}: {events:?}");
    }
}

/// Whether a client that trusts the server but presents no certificate of its own is refused.
async fn without_certificate(authority: &Authority, address: SocketAddr) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).expect("is a certificate");
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("has versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(address).await.expect("connects");
    let name = ServerName::try_from("gatepost.internal").expect("is a name");
    let Ok(mut stream) = within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await else { return true };
    // With TLS 1.3 the refusal follows the handshake.
    let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let mut answer = [0; 9];
    within(stream.read_exact(&mut answer)).await.is_err()
}
