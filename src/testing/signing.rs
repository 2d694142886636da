//! Keys of a provider, and tokens that are signed with them, as they should be or not.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use p521::ecdsa::signature::Signer as _;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use serde_json::{Value, json};

use crate::domain::oidc::jws::{KeySet, Purpose, VerifiedJws};
use crate::domain::oidc::jwt::TokenFault;

/// The key that signs a token.
#[derive(Clone, Debug)]
pub enum Key {
    /// RSA with 2048 bits.
    RsaA,
    /// Another one.
    RsaB,
    /// RSA with 1024 bits, which are too few.
    Rsa1024,
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// HMAC with these bytes.
    Secret(Vec<u8>),
    /// No signature at all.
    Nothing,
    /// These bytes instead of a signature.
    Bytes(Vec<u8>),
}

/// The private key [`Key::RsaA`].
pub const RSA_A_PEM: &str = include_str!("keys/rsa_a.pem");

static RSA_A: LazyLock<RsaKeyPair> = LazyLock::new(|| rsa(RSA_A_PEM));
static RSA_B: LazyLock<RsaKeyPair> = LazyLock::new(|| rsa(include_str!("keys/rsa_b.pem")));
static RSA_1024: LazyLock<CoreRsaPrivateSigningKey> = LazyLock::new(|| {
    CoreRsaPrivateSigningKey::from_pem(include_str!("keys/rsa_1024.pem"), None::<JsonWebKeyId>).expect("is a key")
});
static P256: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| ec(&ECDSA_P256_SHA256_FIXED_SIGNING, include_str!("keys/p256.pem")));
static P384: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| ec(&ECDSA_P384_SHA384_FIXED_SIGNING, include_str!("keys/p384.pem")));
static P521: LazyLock<p521::ecdsa::SigningKey> = LazyLock::new(|| {
    let scalar = STANDARD.decode(include_str!("keys/p521.txt").trim()).expect("is base64");
    p521::ecdsa::SigningKey::from_slice(&scalar).expect("is a key")
});
static ED25519: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der(include_str!("keys/ed25519.pem"))).expect("is a key")
});

fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).expect("is base64")
}

fn rsa(pem: &str) -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(&der(pem)).expect("is a key")
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm, pem: &str) -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(algorithm, &der(pem), &SystemRandom::new()).expect("is a key")
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sign_rsa(key: &RsaKeyPair, algorithm: &str, message: &[u8]) -> Vec<u8> {
    let padding: &'static dyn signature::RsaEncoding = match algorithm {
        "RS384" => &signature::RSA_PKCS1_SHA384,
        "RS512" => &signature::RSA_PKCS1_SHA512,
        "PS256" => &signature::RSA_PSS_SHA256,
        "PS384" => &signature::RSA_PSS_SHA384,
        "PS512" => &signature::RSA_PSS_SHA512,
        _ => &signature::RSA_PKCS1_SHA256,
    };
    let mut signed = vec![0; key.public().modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signed).expect("signs");
    signed
}

/// Signs `message` with `key` as `algorithm` requires, or as closely as the key permits.
pub fn sign(key: &Key, algorithm: &str, message: &[u8]) -> Vec<u8> {
    let ec = |key: &EcdsaKeyPair| key.sign(&SystemRandom::new(), message).expect("signs").as_ref().to_vec();
    match key {
        Key::RsaA => sign_rsa(&RSA_A, algorithm, message),
        Key::RsaB => sign_rsa(&RSA_B, algorithm, message),
        Key::Rsa1024 => RSA_1024.sign(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, message).expect("signs"),
        Key::P256 => ec(&P256),
        Key::P384 => ec(&P384),
        Key::P521 => {
            let signature: p521::ecdsa::Signature = P521.sign(message);
            signature.to_bytes().to_vec()
        }
        Key::Ed25519 => ED25519.sign(message).as_ref().to_vec(),
        Key::Secret(secret) => {
            let hash = match algorithm {
                "HS384" => hmac::HMAC_SHA384,
                "HS512" => hmac::HMAC_SHA512,
                _ => hmac::HMAC_SHA256,
            };
            hmac::sign(&hmac::Key::new(hash, secret), message).as_ref().to_vec()
        }
        Key::Nothing => Vec::new(),
        Key::Bytes(bytes) => bytes.clone(),
    }
}

/// The public half of `key` as a JWK.
pub fn jwk(key: &Key, id: &str) -> Value {
    let of_rsa = |key: &RsaKeyPair| {
        let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
        json!({"kty": "RSA", "use": "sig", "kid": id, "n": text(&public.n), "e": text(&public.e)})
    };
    let of_ec = |key: &EcdsaKeyPair, curve: &str| {
        let point = &key.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        json!({"kty": "EC", "crv": curve, "use": "sig", "kid": id, "x": text(x), "y": text(y)})
    };
    match key {
        Key::RsaA => of_rsa(&RSA_A),
        Key::RsaB => of_rsa(&RSA_B),
        Key::Rsa1024 => {
            let mut jwk = serde_json::to_value(RSA_1024.as_verification_key()).expect("is JSON");
            jwk["kid"] = id.into();
            jwk
        }
        Key::P256 => of_ec(&P256, "P-256"),
        Key::P384 => of_ec(&P384, "P-384"),
        Key::P521 => {
            let point = P521.verifying_key().to_sec1_point(false);
            let (x, y) = point.as_bytes()[1..].split_at(66);
            json!({"kty": "EC", "crv": "P-521", "use": "sig", "kid": id, "x": text(x), "y": text(y)})
        }
        Key::Ed25519 => {
            json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": id, "x": text(ED25519.public_key().as_ref())})
        }
        Key::Secret(secret) => json!({"kty": "oct", "kid": id, "k": text(secret)}),
        Key::Nothing | Key::Bytes(_) => json!({}),
    }
}

/// A compact JWS over `payload`, taken as it is, by `key` as the header's `alg` requires.
pub fn signed(header: &Value, payload: &str, key: &Key) -> String {
    compact(&header.to_string(), payload, header["alg"].as_str().unwrap_or_default(), key)
}

/// A token with this header and payload, taken as they are, signed with the header's `alg` by a key of [`key_set`]; with
/// RS256 where that is none of the keys'.
pub fn token(header: &str, payload: &str) -> String {
    let named: Value = serde_json::from_str(header).unwrap_or_default();
    match named["alg"].as_str() {
        Some("ES256") => compact(header, payload, "ES256", &Key::P256),
        Some("ES384") => compact(header, payload, "ES384", &Key::P384),
        Some("ES512") => compact(header, payload, "ES512", &Key::P521),
        Some("EdDSA") => compact(header, payload, "EdDSA", &Key::Ed25519),
        _ => compact(header, payload, "RS256", &Key::RsaA),
    }
}

fn compact(header: &str, payload: &str, algorithm: &str, key: &Key) -> String {
    let message = format!("{}.{}", text(header.as_bytes()), text(payload.as_bytes()));
    let signature = text(&sign(key, algorithm, message.as_bytes()));
    format!("{message}.{signature}")
}

/// The public halves of the keys, as the provider publishes them; only the RSA key has an id.
pub fn key_set() -> String {
    let without_id = |key| {
        let mut jwk = jwk(key, "");
        jwk.as_object_mut().expect("is an object").remove("kid");
        jwk
    };
    let [p256, p384, p521, ed25519] = [&Key::P256, &Key::P384, &Key::P521, &Key::Ed25519].map(without_id);
    json!({ "keys": [jwk(&Key::RsaA, "a"), p256, p384, p521, ed25519] }).to_string()
}

/// A token whose signature was made by one of these keys.
///
/// # Errors
/// [`TokenFault`], when the signature or the header is not as `purpose` demands.
pub fn verified(raw: &str, purpose: Purpose<'_>) -> Result<VerifiedJws, TokenFault> {
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::parse(key_set().as_bytes()).expect("is a key set"));
    Ok(KEYS.verify(&raw.into(), purpose)?)
}
