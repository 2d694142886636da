//! Client assertions (RFC 7523): signed with the client's private key, or read from the file in which a platform keeps one.

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::SecretString;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::client_authentication::{AssertionKey, assertion_claims};
use crate::domain::time::Timestamp;
use crate::outbound::private_file;

/// Longer than any assertion that a provider accepts.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Why a private key cannot sign client assertions.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyFault {
    /// There is no private key in the file.
    #[error("there is no private key in the file (PEM, not encrypted: PKCS#8, PKCS#1 or SEC 1)")]
    NoKey,
    /// The key cannot sign with the algorithm.
    #[error(
        "the private key cannot sign with {0}: RS256 and PS256 need RSA with 2048 to 4096 bits, ES256 P-256, EdDSA Ed25519"
    )]
    Unfit(&'static str),
}

/// Checks that the key can sign with its algorithm.
///
/// # Errors
/// See [`KeyFault`].
pub fn check_assertion_key(key: &AssertionKey) -> Result<(), KeyFault> {
    Signer::new(key).map(drop)
}

/// A signed assertion of the client for `audience`.
pub(super) fn signed(
    key: &AssertionKey,
    client_id: &str,
    audience: &str,
    now: Timestamp,
) -> Result<SecretString, String> {
    let random = SystemRandom::new();
    let mut id = [0; 16];
    random.fill(&mut id).map_err(|_| "the system's randomness source failed")?;
    let claims = assertion_claims(client_id, audience, &URL_SAFE_NO_PAD.encode(id), now);
    let [header, claims] = [key.header(), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signer = Signer::new(key).map_err(|fault| fault.to_string())?;
    let signature = signer.sign(message.as_bytes(), &random).ok_or("the assertion cannot be signed")?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

/// The assertion in the file at `path`.
pub(super) fn in_file(path: &Path) -> Result<SecretString, String> {
    let shown = path.display();
    let mut content = Zeroizing::new(Vec::new());
    // A pipe would keep the thread.
    let opened = private_file::open_without_waiting(path).and_then(|file| Ok((file.metadata()?.is_file(), file)));
    let read = match opened {
        Ok((false, _)) => return Err(format!("{shown} is not a regular file")),
        Ok((true, file)) => file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content),
        Err(fault) => Err(fault),
    };
    match read {
        Err(fault) => return Err(format!("{shown} cannot be read ({})", fault.kind())),
        Ok(read) if read as u64 > MAX_FILE_BYTES => return Err(format!("{shown} is longer than 64 KiB")),
        Ok(_) => {}
    }
    let text = std::str::from_utf8(&content).unwrap_or_default().trim();
    if is_compact_jwt(text) { Ok(text.into()) } else { Err(format!("{shown} does not hold a JWT")) }
}

/// Three parts of base64url, none of them empty: an empty or half-written file is not sent. The provider judges the rest.
fn is_compact_jwt(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.split('.').count() == 3 && text.split('.').all(is_part)
}

enum Signer {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    fn new(key: &AssertionKey) -> Result<Self, KeyFault> {
        let der = PrivateKeyDer::from_pem_slice(key.private_key.expose()).map_err(|_| KeyFault::NoKey)?;
        let signer = match key.algorithm {
            SigningAlgorithm::RS256 => rsa(&der).map(|pair| Self::Rsa(Box::new(pair), &RSA_PKCS1_SHA256)),
            SigningAlgorithm::PS256 => rsa(&der).map(|pair| Self::Rsa(Box::new(pair), &RSA_PSS_SHA256)),
            SigningAlgorithm::ES256 => p256(&der).map(Self::P256),
            SigningAlgorithm::EdDSA => ed25519(&der).map(Self::Ed25519),
            SigningAlgorithm::RS384
            | SigningAlgorithm::RS512
            | SigningAlgorithm::PS384
            | SigningAlgorithm::PS512
            | SigningAlgorithm::ES384
            | SigningAlgorithm::ES512
            | SigningAlgorithm::HS256
            | SigningAlgorithm::HS384
            | SigningAlgorithm::HS512 => None,
        };
        signer.ok_or_else(|| KeyFault::Unfit(key.algorithm.as_str()))
    }

    fn sign(&self, message: &[u8], random: &SystemRandom) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public_key().modulus_len()];
                pair.sign(*padding, random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::P256(pair) => Some(pair.sign(random, message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}

fn rsa(key: &PrivateKeyDer<'_>) -> Option<RsaKeyPair> {
    if let PrivateKeyDer::Pkcs8(der) = key {
        return RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok();
    }
    let PrivateKeyDer::Pkcs1(der) = key else { return None };
    RsaKeyPair::from_der(der.secret_pkcs1_der()).ok()
}

fn p256(key: &PrivateKeyDer<'_>) -> Option<EcdsaKeyPair> {
    let pair = |der: &[u8]| EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new()).ok();
    if let PrivateKeyDer::Pkcs8(der) = key {
        return pair(der.secret_pkcs8_der());
    }
    let PrivateKeyDer::Sec1(der) = key else { return None };
    pair(&pkcs8_of_p256(der.secret_sec1_der())?)
}

fn ed25519(key: &PrivateKeyDer<'_>) -> Option<Ed25519KeyPair> {
    let PrivateKeyDer::Pkcs8(der) = key else { return None };
    // OpenSSL writes no public key, which makes the check of both impossible.
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).ok()
}

/// The same key as PKCS#8 (RFC 5958 section 2), because `ring` reads no SEC 1: version 0, `id-ecPublicKey` with the curve P-256, and
/// the key as it is.
fn pkcs8_of_p256(sec1: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const VERSION_AND_ALGORITHM: &[u8] =
        b"\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    const SEQUENCE: u8 = 0x30;
    const OCTET_STRING: u8 = 0x04;
    let mut inner = Zeroizing::new(VERSION_AND_ALGORITHM.to_vec());
    append(&mut inner, OCTET_STRING, sec1)?;
    let mut outer = Zeroizing::new(Vec::new());
    append(&mut outer, SEQUENCE, &inner)?;
    Some(outer)
}

/// Appends a value in DER: tag, length, content.
fn append(to: &mut Vec<u8>, tag: u8, content: &[u8]) -> Option<()> {
    let length = u16::try_from(content.len()).ok()?.to_be_bytes();
    to.push(tag);
    match length {
        [0, short @ ..0x80] => to.push(short),
        [0, long] => to.extend([0x81, long]),
        [high, low] => to.extend([0x82, high, low]),
    }
    to.extend_from_slice(content);
    Some(())
}

#[cfg(test)]
mod tests;
