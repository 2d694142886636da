//! TLS with the certificates of the command line.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::arguments::TlsFiles;
use super::fault::Fault;

/// A TLS client configuration that trusts only the authority in `files` and presents their certificate, and the server name
/// to verify: the one given, or `host`.
pub(super) fn client(files: &TlsFiles, host: &str) -> Result<(ClientConfig, ServerName<'static>), Fault> {
    let name = files.server_name.as_deref().unwrap_or(host);
    let server = ServerName::try_from(name.to_owned());
    let server = server.map_err(|_| Fault::Tls(format!("`{name}` is not a server name; give --server-name")))?;

    let mut roots = RootCertStore::empty();
    for authority in certificates(&files.ca_file)? {
        roots.add(authority).map_err(|fault| bad(&files.ca_file, &fault.to_string()))?;
    }
    let chain = certificates(&files.certificate_file)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.private_key_file)?);
    let key = key.map_err(|_| bad(&files.private_key_file, "there is no private key (PEM) in it"))?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_root_certificates(roots).with_client_auth_cert(chain, key));
    let unusable =
        |_| bad(&files.private_key_file, "it cannot be used with the certificate; give the key that belongs to it");
    let mut config = config.map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok((config, server))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| bad(path, "there is no certificate (PEM) in it"))
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Fault> {
    std::fs::read(path).map(Into::into).map_err(|fault| bad(path, &format!("it cannot be read ({fault})")))
}

fn bad(path: &Path, problem: &str) -> Fault {
    Fault::File { path: path.to_owned(), problem: problem.to_owned() }
}
