//! The keys that sign Gatepost's own assertions: Ed25519 (RFC 8037), one for each period, derived from the sealing key. Replicas with
//! the same sealing key have the same keys, so that nothing is stored or exchanged, and keys change as time passes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Map, Value, json};
use thiserror::Error;
use zeroize::Zeroizing;

use super::sealing::{SealPurpose, SealingKey, SealingKeys};
use crate::domain::time::Timestamp;

/// How long a key signs, in seconds: 30 days.
const PERIOD: u64 = 30 * 24 * 60 * 60;

/// The keys of one outpost.
#[derive(Clone, Debug)]
pub struct SigningKeys(SealingKeys);

/// A key was not made from its 32 bytes.
#[derive(Debug, Error)]
#[error("the key that signs assertions cannot be made")]
pub struct NoKey;

/// The key of one period.
struct PeriodKey {
    pair: Ed25519KeyPair,
    /// The thumbprint of the public key (RFC 7638).
    id: String,
}

impl SigningKeys {
    /// The keys that are derived from these.
    #[must_use]
    pub const fn new(sealing: SealingKeys) -> Self {
        Self(sealing)
    }

    /// A signed token with these claims, in the compact serialization (RFC 7515 section 3.1, RFC 7519).
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn sign(&self, claims: Map<String, Value>, now: Timestamp) -> Result<String, NoKey> {
        let key = PeriodKey::new(self.0.current(), now.as_unix() / PERIOD)?;
        let header = json!({ "alg": "EdDSA", "kid": key.id, "typ": "JWT" });
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(Value::Object(claims)));
        let signature = URL_SAFE_NO_PAD.encode(key.pair.sign(signed.as_bytes()));
        Ok(format!("{signed}.{signature}"))
    }

    /// The public keys (RFC 7517 section 5): of the present period, of the one before, whose tokens may still be valid, and of the
    /// next one, because readers keep the answer for some time. Keys from previous sealing keys are among them.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn published(&self, now: Timestamp) -> Result<Value, NoKey> {
        let period = now.as_unix() / PERIOD;
        let periods = [Some(period), period.checked_sub(1), period.checked_add(1)];
        let sealing = || std::iter::once(self.0.current()).chain(self.0.previous());
        let keys = periods.into_iter().flatten().flat_map(|period| sealing().map(move |key| (key, period)));
        let keys: Result<Vec<Value>, NoKey> =
            keys.map(|(key, period)| PeriodKey::new(key, period).map(|key| key.public())).collect();
        Ok(json!({ "keys": keys? }))
    }
}

impl PeriodKey {
    fn new(sealing: &SealingKey, period: u64) -> Result<Self, NoKey> {
        let seed = Zeroizing::new(sealing.derive(SealPurpose::AssertionKey, &[&period.to_be_bytes()]));
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| NoKey)?;
        let id = thumbprint(&pair);
        Ok(Self { pair, id })
    }

    fn public(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x(&self.pair), "alg": "EdDSA", "use": "sig", "kid": self.id })
    }
}

fn x(pair: &Ed25519KeyPair) -> String {
    URL_SAFE_NO_PAD.encode(pair.public_key())
}

/// The required members in lexicographic order, without blanks (RFC 8037 appendix A.3).
fn thumbprint(pair: &Ed25519KeyPair) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, x(pair));
    URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 60 * 60;

    fn keys(current: u8, previous: &[u8]) -> SigningKeys {
        let key = |byte: &u8| SealingKey::new([*byte; 32]);
        SigningKeys::new(SealingKeys::new(key(&current), previous.iter().map(key).collect()))
    }

    fn id_of(token: &str) -> String {
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
    }

    fn ids(keys: &SigningKeys, now: Timestamp) -> Vec<String> {
        let published = keys.published(now).unwrap();
        published["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// RFC 8037, appendix A.1 to A.3.
    #[test]
    fn the_thumbprint_is_that_of_the_standard() {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        assert_eq!(x(&pair), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(thumbprint(&pair), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_token_is_verified_by_a_published_key_over_a_change_of_the_period() {
        let keys = keys(1, &[]);
        for day in 0..90 {
            let now = Timestamp::from_unix(day * DAY);
            let token = keys.sign(Map::new(), now).unwrap();
            for read in [day.saturating_sub(1), day, day + 1] {
                let published = ids(&keys, Timestamp::from_unix(read * DAY));
                assert!(published.contains(&id_of(&token)), "signed on day {day}, read on day {read}");
            }
        }
        let at = |day: u64| id_of(&keys.sign(Map::new(), Timestamp::from_unix(day * DAY)).unwrap());
        assert_eq!(at(1), at(29));
        assert_ne!(at(29), at(30));
        assert!(!ids(&keys, Timestamp::from_unix(61 * DAY)).contains(&at(1)));
    }

    #[test]
    fn the_keys_of_a_previous_sealing_key_are_published_and_those_of_others_are_not() {
        let now = Timestamp::from_unix(40 * DAY);
        let before = id_of(&keys(1, &[]).sign(Map::new(), now).unwrap());
        assert!(ids(&keys(2, &[1]), now).contains(&before));
        assert!(!ids(&keys(2, &[]), now).contains(&before));
        assert_eq!(ids(&keys(1, &[]), now), ids(&keys(1, &[]), now), "replicas have the same");
    }

    #[test]
    fn the_signature_is_that_of_the_published_key() {
        let (keys, now) = (keys(7, &[]), Timestamp::from_unix(40 * DAY));
        let claims = json!({ "sub": "alice" }).as_object().unwrap().clone();
        let token = keys.sign(claims, now).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let published = keys.published(now).unwrap();
        let public = URL_SAFE_NO_PAD.decode(published["keys"][0]["x"].as_str().unwrap()).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let verified = |signed: &str| {
            ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &public)
                .verify(signed.as_bytes(), &signature)
                .is_ok()
        };
        assert!(verified(signed) && !verified(&format!("{signed}x")));
    }
}
