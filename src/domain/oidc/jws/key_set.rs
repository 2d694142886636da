//! A provider's key set (RFC 7517), and which of its keys verifies a token (OpenID Connect Core section 10.1).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreJsonCurveType, CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey as _, JsonWebKeyId};
use p521::ecdsa::signature::Verifier as _;
use ring::hmac;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use super::{Purpose, Unverified};
use crate::domain::oidc::algorithm::SigningAlgorithm::{
    self, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512,
};
use crate::domain::oidc::json;
use crate::domain::oidc::jwt::{CompactToken, TokenFault};
use crate::domain::oidc::operands::{Operands, Quoted};
use crate::domain::oidc::relying_party::RelyingParty;

/// The limit on the keys of a set; further keys are not read.
const MAX_KEYS: usize = 256;
/// How many keys are tried for a token that does not name one.
const MAX_CANDIDATES: usize = 8;
/// The length of a coordinate on P-521.
const P521_BYTES: usize = 66;
const MIN_RSA_BITS: usize = 2048;
/// The longest key that the RSA implementation supports.
const MAX_RSA_BITS: usize = 4096;

/// The usable public keys of one provider, and why the others are not usable.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    unusable: Vec<Unusable>,
}

/// A published key that cannot verify signatures here.
#[derive(Debug)]
struct Unusable {
    id: Option<String>,
    why: &'static str,
}

#[derive(Debug)]
struct PublicKey {
    id: Option<String>,
    family: Family,
    /// The only algorithm for which the provider published the key.
    algorithm: Option<SigningAlgorithm>,
    key: VerifyingKey,
}

/// What verifies a signature.
#[derive(Debug)]
enum VerifyingKey {
    Library(CoreJsonWebKey),
    /// `ring`, below the library, has no P-521.
    P521(p521::ecdsa::VerifyingKey),
}

impl VerifyingKey {
    fn verifies(&self, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        match (self, library_name(algorithm)) {
            (Self::Library(key), Some(name)) => key.verify_signature(&name, message, signature).is_ok(),
            (Self::P521(key), None) if algorithm == ES512 => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            (Self::Library(_) | Self::P521(_), _) => false,
        }
    }
}

/// The families of keys that can verify signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl KeySet {
    /// Parses a published set; `None` when it is not a key set. Unusable keys are skipped: new kinds of keys must not
    /// invalidate the old ones (RFC 7517 section 5).
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let members = json::object(body)?;
        match members.get("keys") {
            // A provider that signs with the client secret has no keys to publish.
            None => Some(Self::default()),
            Some(Value::Array(keys)) => Some(Self::of(keys)),
            Some(_) => None,
        }
    }

    fn of(keys: &[Value]) -> Self {
        let mut set = Self::default();
        for (index, key) in keys.iter().enumerate() {
            let read = if index < MAX_KEYS { public_key(key) } else { Err("beyond the first 256") };
            match read {
                Ok(key) => set.keys.push(key),
                Err(why) => set.unusable.push(Unusable { id: key_id(key), why }),
            }
        }
        set
    }

    /// Whether no key of the set is usable.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The number of usable keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// The number of keys that can verify signatures of this algorithm; `None` for an HMAC, whose key is the client secret.
    #[must_use]
    pub fn count_for(&self, algorithm: SigningAlgorithm) -> Option<usize> {
        let required = Required { id: None, family: family(algorithm)?, algorithm };
        Some(self.candidates(required).count())
    }

    /// Verifies a signature with the keys that match the header's `kid` and the algorithm, or with the client secret.
    pub(super) fn verify_signature(
        &self,
        raw: &str,
        token: &CompactToken,
        algorithm: SigningAlgorithm,
        purpose: Purpose<'_>,
    ) -> Result<(), Unverified> {
        let (message, signature) = signed_parts(raw).ok_or(Unverified::Final(TokenFault::Malformed))?;
        let Some(family) = family(algorithm) else {
            return verify_hmac(purpose, message, &signature);
        };
        let wanted = Required { id: token.key_id().map_err(Unverified::Final)?, family, algorithm };
        let candidates: Vec<&VerifyingKey> = self.candidates(wanted).collect();
        if candidates.iter().any(|key| key.verifies(algorithm, message, &signature)) {
            return Ok(());
        }
        let fault = TokenFault::Signature(self.operands(wanted, candidates.len()));
        // If the named key is known but the signature does not verify, a newer key set will not help.
        if wanted.id.is_some() && !candidates.is_empty() {
            return Err(Unverified::Final(fault));
        }
        Err(Unverified::PerhapsNewKey(fault))
    }

    /// The requested key, and the result for each key of the set.
    fn operands(&self, wanted: Required<'_>, tried: usize) -> Operands {
        let mut unfit: BTreeMap<&str, usize> = BTreeMap::new();
        let usable = self.keys.iter().filter_map(|key| wanted.misses(key));
        let is_other = |key: &Unusable| wanted.id.is_some() && key.id.as_deref() != wanted.id;
        let unusable = self.unusable.iter().map(|key| if is_other(key) { OTHER_ID } else { key.why });
        for why in usable.chain(unusable) {
            *unfit.entry(why).or_default() += 1;
        }
        let unfit: Vec<String> = unfit.iter().map(|(why, count)| format!("{count} with {why}")).collect();
        let unfit = if unfit.is_empty() { String::new() } else { format!("; left out: {}", unfit.join(", ")) };
        let id = wanted.id.map_or_else(|| "missing".to_owned(), |id| Quoted(id).to_string());
        let (algorithm, all) = (wanted.algorithm.as_str(), self.keys.len() + self.unusable.len());
        Operands::new(format_args!(
            "`kid` is {id}, `alg` {algorithm:?}; of {all} published keys {tried} were tried{unfit}"
        ))
    }

    fn candidates<'a>(&'a self, wanted: Required<'a>) -> impl Iterator<Item = &'a VerifyingKey> {
        self.keys.iter().filter(move |key| wanted.misses(key).is_none()).take(MAX_CANDIDATES).map(|key| &key.key)
    }
}

const OTHER_ID: &str = "another `kid`";

/// The key that a token requires.
#[derive(Clone, Copy)]
struct Required<'a> {
    id: Option<&'a str>,
    family: Family,
    algorithm: SigningAlgorithm,
}

impl Required<'_> {
    /// Why a key does not match; `None` when it does.
    fn misses(&self, key: &PublicKey) -> Option<&'static str> {
        if self.id.is_some() && key.id.as_deref() != self.id {
            Some(OTHER_ID)
        } else if key.family != self.family {
            Some("a `kty` or `crv` that the algorithm does not use")
        } else if key.algorithm.is_some_and(|meant| meant != self.algorithm) {
            Some("another `alg`")
        } else {
            None
        }
    }
}

/// The signed bytes (header and payload), and the signature.
fn signed_parts(raw: &str) -> Option<(&[u8], Vec<u8>)> {
    let (message, signature) = raw.rsplit_once('.')?;
    Some((message.as_bytes(), URL_SAFE_NO_PAD.decode(signature).ok()?))
}

/// The key family of a public-key algorithm; `None` for an HMAC.
const fn family(algorithm: SigningAlgorithm) -> Option<Family> {
    Some(match algorithm {
        RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => Family::Rsa,
        ES256 => Family::P256,
        ES384 => Family::P384,
        ES512 => Family::P521,
        EdDSA => Family::Ed25519,
        HS256 | HS384 | HS512 => return None,
    })
}

/// The library's name of an algorithm that it verifies with a public key.
const fn library_name(algorithm: SigningAlgorithm) -> Option<CoreJwsSigningAlgorithm> {
    use CoreJwsSigningAlgorithm as Core;
    Some(match algorithm {
        RS256 => Core::RsaSsaPkcs1V15Sha256,
        RS384 => Core::RsaSsaPkcs1V15Sha384,
        RS512 => Core::RsaSsaPkcs1V15Sha512,
        PS256 => Core::RsaSsaPssSha256,
        PS384 => Core::RsaSsaPssSha384,
        PS512 => Core::RsaSsaPssSha512,
        ES256 => Core::EcdsaP256Sha256,
        ES384 => Core::EcdsaP384Sha384,
        EdDSA => Core::EdDsa,
        ES512 | HS256 | HS384 | HS512 => return None,
    })
}

/// The client secret as an HMAC key, if an HMAC is pinned and the secret is long enough (Core section 10.1, OC-6).
fn hmac_key(relying_party: &RelyingParty) -> Option<hmac::Key> {
    let algorithm = match relying_party.id_token_signed_response_alg {
        HS256 => hmac::HMAC_SHA256,
        HS384 => hmac::HMAC_SHA384,
        HS512 => hmac::HMAC_SHA512,
        RS256 | RS384 | RS512 | PS256 | PS384 | PS512 | ES256 | ES384 | ES512 | EdDSA => return None,
    };
    let secret = relying_party.client_secret.as_ref()?.expose_secret().as_bytes();
    (secret.len() >= algorithm.digest_algorithm().output_len()).then(|| hmac::Key::new(algorithm, secret))
}

/// Whether an HMAC is pinned but the client secret is missing or too short for it.
#[must_use]
pub fn secret_is_too_short(relying_party: &RelyingParty) -> bool {
    family(relying_party.id_token_signed_response_alg).is_none() && hmac_key(relying_party).is_none()
}

fn verify_hmac(purpose: Purpose<'_>, message: &[u8], signature: &[u8]) -> Result<(), Unverified> {
    let relying_party = purpose.relying_party().ok_or(Unverified::Final(TokenFault::ALGORITHM))?;
    let verified = hmac_key(relying_party).is_some_and(|key| hmac::verify(&key, message, signature).is_ok());
    let tried = || Operands::new(format_args!("the client secret is the key; published keys are not tried"));
    if verified { Ok(()) } else { Err(Unverified::Final(TokenFault::Signature(tried()))) }
}

/// Parses a key that may verify signatures; otherwise returns why it may not.
fn public_key(value: &Value) -> Result<PublicKey, &'static str> {
    let members = value.as_object().ok_or("no object")?;
    may_verify(members)?;
    let unknown = "a `kty` or `crv` that is not supported";
    let broken = "not a valid key (RSA keys have 2048 to 4096 bits)";
    let library = VerifyingKey::Library;
    let (family, key) = match (text(members, "kty"), text(members, "crv")) {
        (Some("RSA"), _) => (Family::Rsa, rsa_key(members).map(library)),
        (Some("EC"), Some("P-256")) => (Family::P256, ec_key(members, CoreJsonCurveType::P256, 32).map(library)),
        (Some("EC"), Some("P-384")) => (Family::P384, ec_key(members, CoreJsonCurveType::P384, 48).map(library)),
        (Some("EC"), Some("P-521")) => (Family::P521, p521_key(members).map(VerifyingKey::P521)),
        (Some("OKP"), Some("Ed25519")) => (Family::Ed25519, ed25519_key(members).map(library)),
        _ => return Err(unknown),
    };
    let key = key.ok_or(broken)?;
    let algorithm = match json::optional(members, "alg") {
        None => None,
        Some(name) => {
            let algorithm = name.as_str().and_then(SigningAlgorithm::parse);
            Some(algorithm.ok_or("an `alg` that is not supported")?)
        }
    };
    let id = json::optional(members, "kid").map(|id| id.as_str().ok_or("a `kid` that is not a text")).transpose()?;
    Ok(PublicKey { id: id.map(str::to_owned), family, algorithm, key })
}

fn key_id(value: &Value) -> Option<String> {
    Some(text(value.as_object()?, "kid")?.to_owned())
}

/// RFC 7517 sections 4.2 and 4.3: the use of the key, as far as the provider states it.
fn may_verify(members: &Map<String, Value>) -> Result<(), &'static str> {
    if json::optional(members, "use").is_some_and(|purpose| purpose != "sig") {
        return Err("a `use` other than \"sig\"");
    }
    match json::optional(members, "key_ops") {
        None => Ok(()),
        Some(Value::Array(list)) if list.is_empty() || list.iter().any(|name| name == "verify") => Ok(()),
        Some(_) => Err("`key_ops` without \"verify\""),
    }
}

fn ed25519_key(members: &Map<String, Value>) -> Option<CoreJsonWebKey> {
    let point = bytes(members, "x").filter(|point| point.len() == 32)?;
    Some(CoreJsonWebKey::new_okp(point, CoreJsonCurveType::Ed25519, None::<JsonWebKeyId>))
}

fn rsa_key(members: &Map<String, Value>) -> Option<CoreJsonWebKey> {
    let modulus = bytes(members, "n")?;
    let exponent = bytes(members, "e")?;
    let bits = (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bit_length(&modulus));
    let odd = exponent.last().is_some_and(|byte| byte % 2 == 1) && bit_length(&exponent) >= 2;
    (bits && odd).then(|| CoreJsonWebKey::new_rsa(modulus, exponent, None::<JsonWebKeyId>))
}

fn ec_key(members: &Map<String, Value>, curve: CoreJsonCurveType, length: usize) -> Option<CoreJsonWebKey> {
    let (x, y) = (coordinate(members, "x", length)?, coordinate(members, "y", length)?);
    Some(CoreJsonWebKey::new_ec(x, y, curve, None::<JsonWebKeyId>))
}

/// The point in the uncompressed form of SEC 1 section 2.3.3; one that is not on the curve is refused.
fn p521_key(members: &Map<String, Value>) -> Option<p521::ecdsa::VerifyingKey> {
    const UNCOMPRESSED: u8 = 4;
    let (x, y) = (coordinate(members, "x", P521_BYTES)?, coordinate(members, "y", P521_BYTES)?);
    p521::ecdsa::VerifyingKey::from_sec1_bytes(&[&[UNCOMPRESSED], x.as_slice(), &y].concat()).ok()
}

fn coordinate(members: &Map<String, Value>, name: &str, length: usize) -> Option<Vec<u8>> {
    padded(&bytes(members, name)?, length)
}

/// A number in `length` bytes, as RFC 7518 section 6.2.1.2 demands of a coordinate. Some providers leave out zeros at its
/// beginning (glewlwyd), or add one; the point is the same, and the verification refuses one that is not on the curve.
fn padded(big_endian: &[u8], length: usize) -> Option<Vec<u8>> {
    let significant = big_endian.iter().position(|byte| *byte != 0).and_then(|first| big_endian.get(first..))?;
    let zeros = length.checked_sub(significant.len())?;
    Some([&vec![0; zeros], significant].concat())
}

fn bit_length(big_endian: &[u8]) -> usize {
    let mut significant = big_endian.iter().skip_while(|byte| **byte == 0);
    let first = significant.next().map_or(0, |byte| 8 - byte.leading_zeros() as usize);
    first + significant.count() * 8
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

fn bytes(members: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(members, name)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oc_24_a_key_on_p521_is_a_point_of_the_curve() {
        use crate::testing::signing::{Key, jwk};
        let usable = |change: fn(&mut Value)| {
            let mut key = jwk(&Key::P521, "a");
            change(&mut key);
            public_key(&key).map(|key| key.family)
        };
        assert_eq!(usable(|_| {}), Ok(Family::P521));
        let changes: [fn(&mut Value); 5] = [
            |key| key["x"] = key["y"].clone(),
            |key| key["y"] = "AA".into(),
            |key| key["x"] = "".into(),
            |key| key["crv"] = "P-384".into(),
            |key| key["alg"] = "ES513".into(),
        ];
        for change in changes {
            assert!(usable(change).is_err());
        }
    }

    #[test]
    fn oc_24_bits_are_counted_without_leading_zeros() {
        for (bytes, bits) in [(&[][..], 0), (&[0], 0), (&[1], 1), (&[0, 0, 0x80], 8), (&[1, 0, 1], 17)] {
            assert_eq!(bit_length(bytes), bits);
        }
    }
}
