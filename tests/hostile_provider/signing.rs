//! Keys of the hostile provider, and signatures made with them, valid or not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RsaKeyPair,
};
use serde_json::{Value, json};

/// The key that signs a token.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    RsaA,
    RsaB,
    Rsa1024,
    P256,
    P384,
    Ed25519,
    /// HMAC with these bytes.
    Secret(Vec<u8>),
    /// No signature at all.
    Nothing,
    /// These bytes instead of a signature.
    Bytes(Vec<u8>),
}

pub(crate) const RSA_A_PEM: &str = include_str!("keys/rsa_a.pem");
const RSA_B_PEM: &str = include_str!("keys/rsa_b.pem");
const RSA_1024_PEM: &str = include_str!("keys/rsa_1024.pem");
const P256_PEM: &str = include_str!("keys/p256.pem");
const P384_PEM: &str = include_str!("keys/p384.pem");
const ED25519_PEM: &str = include_str!("keys/ed25519.pem");

fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).unwrap()
}

fn rsa(pem: &str) -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(&der(pem)).unwrap()
}

fn ec(pem: &str, algorithm: &'static signature::EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(algorithm, &der(pem), &SystemRandom::new()).unwrap()
}

fn ed25519() -> Ed25519KeyPair {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der(ED25519_PEM)).unwrap()
}

fn weak_rsa() -> CoreRsaPrivateSigningKey {
    CoreRsaPrivateSigningKey::from_pem(RSA_1024_PEM, None::<JsonWebKeyId>).unwrap()
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
    key.sign(padding, &SystemRandom::new(), message, &mut signed).unwrap();
    signed
}

/// Signs `message` with `key` as `algorithm` requires, or as closely as the key permits.
pub(crate) fn sign(key: &Key, algorithm: &str, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    match key {
        Key::RsaA => sign_rsa(&rsa(RSA_A_PEM), algorithm, message),
        Key::RsaB => sign_rsa(&rsa(RSA_B_PEM), algorithm, message),
        Key::Rsa1024 => weak_rsa().sign(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, message).unwrap(),
        Key::P256 => ec(P256_PEM, &ECDSA_P256_SHA256_FIXED_SIGNING).sign(&random, message).unwrap().as_ref().to_vec(),
        Key::P384 => ec(P384_PEM, &ECDSA_P384_SHA384_FIXED_SIGNING).sign(&random, message).unwrap().as_ref().to_vec(),
        Key::Ed25519 => ed25519().sign(message).as_ref().to_vec(),
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
pub(crate) fn jwk(key: &Key, id: &str) -> Value {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
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
        Key::RsaA => of_rsa(&rsa(RSA_A_PEM)),
        Key::RsaB => of_rsa(&rsa(RSA_B_PEM)),
        Key::Rsa1024 => {
            let mut jwk = serde_json::to_value(weak_rsa().as_verification_key()).unwrap();
            jwk["kid"] = id.into();
            jwk
        }
        Key::P256 => of_ec(&ec(P256_PEM, &ECDSA_P256_SHA256_FIXED_SIGNING), "P-256"),
        Key::P384 => of_ec(&ec(P384_PEM, &ECDSA_P384_SHA384_FIXED_SIGNING), "P-384"),
        Key::Ed25519 => {
            json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": id, "x": text(ed25519().public_key().as_ref())})
        }
        Key::Secret(secret) => json!({"kty": "oct", "kid": id, "k": text(secret)}),
        Key::Nothing | Key::Bytes(_) => json!({}),
    }
}

/// A compact JWS over `payload`, taken as it is.
pub(crate) fn token(header: &Value, payload: &str, key: &Key) -> String {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let message = format!("{}.{}", text(header.to_string().as_bytes()), text(payload.as_bytes()));
    let algorithm = header["alg"].as_str().unwrap_or_default();
    let signature = text(&sign(key, algorithm, message.as_bytes()));
    format!("{message}.{signature}")
}
