//! The shipped files with TLS, HTTP/2 and HTTP/3, as their READMEs and the programs' manuals describe.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::envoy::with_tls;

/// A self-signed certificate; the clients of these tests accept every one.
#[expect(clippy::struct_field_names, reason = "the field is the certificate of the pair")]
pub(super) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    /// Both in one file, as HAProxy wants them.
    both: PathBuf,
}

impl Certificate {
    pub(super) fn make(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["*.demo.localhost".to_owned()]).expect("a certificate");
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("a file of the certificate");
            path
        };
        Self {
            certificate: write("certificate.pem", &certificate),
            key: write("key.pem", &key),
            both: write("both.pem", &format!("{certificate}{key}")),
        }
    }
}

/// `text` with `after` in place of `before`, which it must contain.
fn replaced(text: &str, before: &str, after: &str) -> String {
    assert!(text.contains(before), "the shipped file says {before:?}");
    text.replace(before, after)
}

pub(super) fn in_nginx(text: &str, Certificate { certificate, key, .. }: &Certificate) -> String {
    let (address, rest) = text.split_once("listen 127.0.0.1:").expect("a listener");
    let (port, rest) = rest.split_once(';').expect("its end");
    let (certificate, key) = (certificate.display(), key.display());
    format!(
        "{address}listen 127.0.0.1:{port} ssl http2;\n    ssl_certificate {certificate};\n    ssl_certificate_key {key};{rest}"
    )
}

/// Caddy speaks HTTP/2 and HTTP/3 wherever it has a certificate.
pub(super) fn in_caddy(text: &str, Certificate { certificate, key, .. }: &Certificate) -> String {
    let text = replaced(text, "\nhttp://:", "\nhttps://:");
    // Without host names Caddy accepts every name, and needs to know which certificate a client without one gets.
    let text = replaced(&text, "\tauto_https off\n", "\tauto_https off\n\tdefault_sni wiki.demo.localhost\n");
    let directive = format!("\ttls {} {}\n", certificate.display(), key.display());
    let before = "\t# Removes identity headers of clients";
    replaced(&text, before, &format!("{directive}{before}"))
}

pub(super) fn in_haproxy(text: &str, Certificate { both, .. }: &Certificate) -> String {
    let (before, rest) = text.split_once("  bind 127.0.0.1:").expect("a listener");
    let (port, rest) = rest.split_once('\n').expect("its end");
    format!("{before}  bind 127.0.0.1:{port} ssl crt {} alpn h2,http/1.1\n{rest}", both.display())
}

pub(super) fn in_traefik(
    fixed: &str,
    dynamic: &str,
    Certificate { certificate, key, .. }: &Certificate,
) -> (String, String) {
    let before = "    # X-Forwarded-* headers of clients are removed.";
    let fixed = replaced(fixed, before, &format!("    http3: {{}}\n    http: {{ tls: {{}} }}\n{before}"));
    let (certificate, key) = (certificate.display(), key.display());
    let mut dynamic = dynamic.to_owned();
    let _ = write!(
        dynamic,
        "\ntls:\n  stores:\n    default:\n      defaultCertificate: {{ certFile: {certificate}, keyFile: {key} }}\n"
    );
    (fixed, dynamic)
}

/// The listener with TLS, and the same once more over QUIC.
pub(super) fn in_envoy(text: &str, Certificate { certificate, key, .. }: &Certificate) -> String {
    let (head, rest) = text.split_once("  - name: front\n").expect("the listener");
    let (listener, rest) = rest.split_once("\n  clusters:\n").expect("its end");
    let over_quic = replaced(listener, "socket_address: { address", "socket_address: { protocol: UDP, address");
    let over_quic = replaced(&over_quic, "codec_type: AUTO\n", "codec_type: HTTP3\n");
    let socket = format!(
        r#"    udp_listener_config: {{ quic_options: {{}} }}
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.quic
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport
          downstream_tls_context:
            common_tls_context:
              alpn_protocols: [h3]
              tls_certificates:
              - certificate_chain: {{ filename: {} }}
                private_key: {{ filename: {} }}
      filters:
"#,
        certificate.display(),
        key.display()
    );
    let over_quic = replaced(&over_quic, "    filter_chains:\n    - filters:\n", &socket);
    let over_tcp = with_tls(listener, certificate, key);
    format!("{head}  - name: front\n{over_tcp}\n  - name: front_quic\n{over_quic}\n  clusters:\n{rest}")
}
