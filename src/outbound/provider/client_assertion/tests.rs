//! Keys of every form sign what a key set verifies; other files and keys are refused.

use super::*;
use crate::domain::oidc::client_authentication::{AssertionAudience, SecretPem};
use crate::domain::oidc::jws::{KeySet, Purpose};
use crate::testing::signing::{Key, jwk};
use secrecy::ExposeSecret as _;
use serde_json::json;

const RSA: &str = include_str!("../../../testing/keys/rsa_a.pem");
const RSA_1024: &str = include_str!("../../../testing/keys/rsa_1024.pem");
const P256: &str = include_str!("../../../testing/keys/p256.pem");
const P384: &str = include_str!("../../../testing/keys/p384.pem");
const ED25519: &str = include_str!("../../../testing/keys/ed25519.pem");
/// The same keys as above, as `openssl rsa -traditional` and `openssl ec` write them.
const RSA_PKCS1: &str = include_str!("../../../testing/keys/rsa_a_pkcs1.pem");
const P256_SEC1: &str = include_str!("../../../testing/keys/p256_sec1.pem");

fn key(pem: &str, algorithm: SigningAlgorithm) -> AssertionKey {
    let (private_key, key_id) = (SecretPem::new(pem.as_bytes()), Some("a".to_owned()));
    AssertionKey { private_key, algorithm, key_id, audience: AssertionAudience::Issuer }
}

#[test]
fn keys_of_every_form_sign_what_their_public_half_verifies() {
    use SigningAlgorithm::{ES256, EdDSA, PS256, RS256};
    for (pem, algorithm, public) in [
        (RSA, RS256, Key::RsaA),
        (RSA, PS256, Key::RsaA),
        (RSA_PKCS1, RS256, Key::RsaA),
        (P256, ES256, Key::P256),
        (P256_SEC1, ES256, Key::P256),
        (ED25519, EdDSA, Key::Ed25519),
    ] {
        let key = key(pem, algorithm);
        assert_eq!(check_assertion_key(&key), Ok(()), "{algorithm:?}");
        let sign = || signed(&key, "wiki", "https://sso.example.com", Timestamp::from_unix(1000)).unwrap();
        let (one, other) = (sign(), sign());
        assert_ne!(one.expose_secret(), other.expose_secret(), "`jti` differs");
        let keys = json!({ "keys": [jwk(&public, "a")] }).to_string();
        let keys = KeySet::parse(keys.as_bytes()).unwrap();
        let purpose = Purpose::AccessToken { algorithms: &[algorithm], token_type: Some("jwt") };
        assert!(keys.verify(&one, purpose).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn keys_that_do_not_fit_are_refused() {
    use SigningAlgorithm::{ES256, EdDSA, HS256, PS256, RS256};
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let encrypted = P256.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (pem, algorithm, fault) in [
        ("", RS256, KeyFault::NoKey),
        (certificate, RS256, KeyFault::NoKey),
        (encrypted.as_str(), ES256, KeyFault::NoKey),
        (P256, RS256, KeyFault::Unfit("RS256")),
        (P256_SEC1, PS256, KeyFault::Unfit("PS256")),
        (RSA, ES256, KeyFault::Unfit("ES256")),
        (P384, ES256, KeyFault::Unfit("ES256")),
        (RSA, EdDSA, KeyFault::Unfit("EdDSA")),
        (RSA, HS256, KeyFault::Unfit("HS256")),
        (RSA_1024, RS256, KeyFault::Unfit("RS256")),
    ] {
        assert_eq!(check_assertion_key(&key(pem, algorithm)), Err(fault), "{algorithm:?}");
    }
}

#[test]
fn a_file_holds_one_jwt_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let long = format!("{}.e30.c2ln", "x".repeat(64 * 1024));
    for (content, expected) in [
        ("e30.e30.c2ln\n", Ok("e30.e30.c2ln")),
        ("", Err("does not hold a JWT")),
        ("e30.e30.", Err("does not hold a JWT")),
        ("e30.e30.c2ln&client_id=x", Err("does not hold a JWT")),
        ("e30.e30.c2ln e30.e30.c2ln", Err("does not hold a JWT")),
        ("a.b.c.d.e", Err("does not hold a JWT")),
        (long.as_str(), Err("is longer than 64 KiB")),
    ] {
        std::fs::write(&path, content).unwrap();
        match (in_file(&path), expected) {
            (Ok(read), Ok(expected)) => assert_eq!(read.expose_secret(), expected),
            (Err(fault), Err(expected)) => assert!(fault.ends_with(expected) && !fault.contains("e30"), "{fault}"),
            (read, _) => panic!("{content:.40}: {read:?}"),
        }
    }
    std::fs::remove_file(&path).unwrap();
    let fault = in_file(&path).unwrap_err();
    assert!(fault.contains("cannot be read (entity not found)"), "{fault}");
    // Opening a pipe would wait for a writer.
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let fault = in_file(&path).unwrap_err();
    assert!(fault.ends_with("is not a regular file"), "{fault}");
}
