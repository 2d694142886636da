//! Signing keys of a provider, for tests without one: the tokens have a valid signature.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

use crate::domain::oidc::jws::{KeySet, Purpose, VerifiedJws};
use crate::domain::oidc::jwt::TokenFault;

static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| {
    RsaKeyPair::from_pkcs8(&der(include_str!("../../tests/hostile_provider/keys/rsa_a.pem"))).expect("is a key")
});
static P256: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| ec(&ECDSA_P256_SHA256_FIXED_SIGNING, include_str!("../../tests/hostile_provider/keys/p256.pem")));
static P384: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| ec(&ECDSA_P384_SHA384_FIXED_SIGNING, include_str!("../../tests/hostile_provider/keys/p384.pem")));
static ED25519: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
    let der = der(include_str!("../../tests/hostile_provider/keys/ed25519.pem"));
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("is a key")
});

fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).expect("is base64")
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm, pem: &str) -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(algorithm, &der(pem), &SystemRandom::new()).expect("is a key")
}

fn sign(algorithm: &str, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let ec = |key: &EcdsaKeyPair| key.sign(&random, message).expect("signs").as_ref().to_vec();
    match algorithm {
        "ES256" => ec(&P256),
        "ES384" => ec(&P384),
        "EdDSA" => ED25519.sign(message).as_ref().to_vec(),
        _ => {
            let mut signature = vec![0; RSA.public().modulus_len()];
            RSA.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signs");
            signature
        }
    }
}

/// A token with this header and payload, taken as they are, signed with the header's `alg`; with RS256 where that is
/// anything else.
pub fn token(header: &str, payload: &str) -> String {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let message = format!("{}.{}", text(header.as_bytes()), text(payload.as_bytes()));
    let named: Value = serde_json::from_str(header).unwrap_or_default();
    let signature = sign(named["alg"].as_str().unwrap_or_default(), message.as_bytes());
    format!("{message}.{}", text(&signature))
}

/// The public halves of the keys, as the provider publishes them.
pub fn key_set() -> String {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let ec = |key: &EcdsaKeyPair, curve: &str| {
        let point = &key.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y) })
    };
    let rsa = PublicKeyComponents::<Vec<u8>>::from(RSA.public());
    let keys = [
        json!({ "kty": "RSA", "kid": "a", "n": text(&rsa.n), "e": text(&rsa.e) }),
        ec(&P256, "P-256"),
        ec(&P384, "P-384"),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": text(ED25519.public_key().as_ref()) }),
    ];
    json!({ "keys": keys }).to_string()
}

/// A token whose signature was made by one of these keys.
///
/// # Errors
/// [`TokenFault`], when the signature or the header is not as `purpose` demands.
pub fn verified(raw: &str, purpose: Purpose<'_>) -> Result<VerifiedJws, TokenFault> {
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::parse(key_set().as_bytes()).expect("is a key set"));
    Ok(KEYS.verify(&raw.into(), purpose)?)
}
