//! TLS connections: trusted authorities and client certificates.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::outbound::store::redis::testing::{Make, Server, eventually, free_port, settings, store};
use crate::outbound::store::redis::{Address, RedisSettings, TlsSettings, Topology};
use crate::outbound::store::testing::{block_on, key, session};
use crate::ports::SessionStore;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut parameters = CertificateParams::new(Vec::<String>::new()).expect("parameters");
    parameters.distinguished_name.push(DnType::CommonName, "an authority");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key")).expect("an authority")
}

/// Certificate and key, as PEM.
fn certificate(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let parameters = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    let certificate = parameters.signed_by(&key, authority).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

struct Encrypted {
    server: Server,
    authority: Authority,
    _folder: TempDir,
}

impl Encrypted {
    fn start(make: Make, more: &[&str]) -> Self {
        let (authority, folder, port) = (authority(), TempDir::new().expect("a folder"), free_port());
        let (chain, key) = certificate(&authority, "127.0.0.1");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path.to_str().expect("a path").to_owned()
        };
        let files = [write("chain", &chain), write("key", &key), write("authority", &authority.pem())];
        let port_text = port.to_string();
        let mut arguments = vec!["--port", "0", "--tls-port", &port_text, "--bind", "127.0.0.1", "--save", ""];
        arguments.extend(["--tls-cert-file", &files[0], "--tls-key-file", &files[1], "--tls-ca-cert-file", &files[2]]);
        arguments.extend(more);
        let server = Server::run(make, port, &arguments);
        Self { server, authority, _folder: folder }
    }

    fn settings(&self, tls: Option<TlsSettings>) -> RedisSettings {
        let address = Address { host: "127.0.0.1".to_owned(), port: self.server.port };
        let connect_timeout = Duration::from_secs(2);
        RedisSettings { tls, connect_timeout, ..settings(Topology::Single(address)) }
    }
}

fn trusting(authority: &Authority, client: Option<&(String, String)>) -> TlsSettings {
    let client = client.map(|(chain, key)| (chain.as_bytes(), key.as_bytes()));
    TlsSettings::from_pem(Some(authority.pem().as_bytes()), client).expect("they are sound")
}

async fn works(settings: RedisSettings) {
    let store = store(settings);
    eventually("saved", async || store.save(&key(1), session("jane", 0, 9000)).await.is_ok()).await;
    assert!(store.load(&key(1)).await.expect("loads").is_some());
}

async fn fails(settings: RedisSettings, words: &[&str]) {
    let store = store(settings);
    eventually("it says why", async || {
        let fault = store.load(&key(1)).await.expect_err("no session is found").to_string();
        words.iter().any(|word| fault.contains(word))
    })
    .await;
}

#[test]
fn a_server_is_trusted_by_its_authority_alone() {
    for make in [Make::Redis, Make::Valkey] {
        let encrypted = Encrypted::start(make, &["--tls-auth-clients", "no"]);
        block_on(async {
            works(encrypted.settings(Some(trusting(&encrypted.authority, None)))).await;
            let stranger = trusting(&authority(), None);
            fails(encrypted.settings(Some(stranger)), &["certificate"]).await;
            let of_the_system = TlsSettings::from_pem(None, None).expect("they are sound");
            fails(encrypted.settings(Some(of_the_system)), &["certificate", "Certificate"]).await;
            fails(encrypted.settings(None), &["does the scheme fit"]).await;
        });
    }
}

#[test]
fn a_server_may_ask_for_a_certificate() {
    let encrypted = Encrypted::start(Make::Redis, &["--tls-auth-clients", "yes"]);
    block_on(async {
        let own = certificate(&encrypted.authority, "gatepost");
        works(encrypted.settings(Some(trusting(&encrypted.authority, Some(&own))))).await;
        fails(encrypted.settings(Some(trusting(&encrypted.authority, None))), &["127.0.0.1"]).await;
    });
}

#[test]
fn settings_that_are_no_pem_are_refused() {
    let (chain, key) = certificate(&authority(), "gatepost");
    let (chain, key) = (chain.as_bytes(), key.as_bytes());
    let damaged = &b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"[..];
    for (authorities, client) in [
        (Some(&b"x"[..]), None),
        (Some(damaged), None),
        (None, Some((damaged, key))),
        (Some(key), None),
        (None, Some((&b"x"[..], key))),
        (None, Some((chain, &b"x"[..]))),
        (None, Some((chain, chain))),
    ] {
        assert!(TlsSettings::from_pem(authorities, client).is_err());
    }
    let settings = TlsSettings::from_pem(Some(chain), Some((chain, key))).expect("they are sound");
    assert!(!format!("{settings:?}").contains("KEY"));
}
