//! Sealing: authenticated encryption of values that leave the server (attempts) or are stored on disk (records).
//! XChaCha20-Poly1305 with fresh 192-bit nonces (draft-irtf-cfrg-xchacha); one derived key per purpose (HKDF, RFC
//! 5869); the key id is not encrypted, so that keys can be rotated.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ring::{hkdf, hmac};
use thiserror::Error;
use zeroize::Zeroizing;

/// The random bytes that each sealing needs.
pub const NONCE_BYTES: usize = 24;
const KEY_ID_BYTES: usize = 4;

/// The purpose of a sealed or derived value; one sealed for another purpose does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealPurpose {
    /// A sign-in attempt, sent as `state`.
    Attempt,
    /// A session record in a store.
    SessionRecord,
    /// The nonce of an attempt, derived and never stored.
    Nonce,
    /// The PKCE code verifier of an attempt, derived and never stored.
    CodeVerifier,
    /// The keyed hash by which an attempt recognises its browser.
    Binding,
    /// The index entries of a store.
    StoreIndex,
    /// The keyed hash by which an attempt recognises a return address from a cookie.
    ReturnAddress,
    /// The record of a browser's last completed sign-in.
    CompletedSignIn,
    /// The last answer of authentik's outpost API, stored on disk.
    AuthentikAnswer,
    /// The keys that sign assertions, derived and never stored.
    AssertionKey,
    /// The tokens by which a user's session ends others, derived and never stored.
    SessionEnd,
}

impl SealPurpose {
    const ALL: [Self; 11] = [
        Self::Attempt,
        Self::SessionRecord,
        Self::Nonce,
        Self::CodeVerifier,
        Self::Binding,
        Self::StoreIndex,
        Self::ReturnAddress,
        Self::CompletedSignIn,
        Self::AuthentikAnswer,
        Self::AssertionKey,
        Self::SessionEnd,
    ];

    const fn label(self) -> &'static [u8] {
        match self {
            Self::Attempt => b"gatepost attempt v2",
            Self::SessionRecord => b"gatepost session record v1",
            Self::Nonce => b"gatepost nonce v1",
            Self::CodeVerifier => b"gatepost code verifier v1",
            Self::Binding => b"gatepost binding v1",
            Self::StoreIndex => b"gatepost store index v1",
            Self::ReturnAddress => b"gatepost return address v1",
            Self::CompletedSignIn => b"gatepost completed sign-in v1",
            Self::AuthentikAnswer => b"gatepost authentik answer v1",
            Self::AssertionKey => b"gatepost assertion key v1",
            Self::SessionEnd => b"gatepost session end v1",
        }
    }
}

/// The owner of a sealed value, as associated data: an application's slug and its issuer.
#[derive(Clone, Copy, Debug)]
pub struct SealingContext<'a>(pub [&'a [u8]; 2]);

/// A sealed value does not open: it was altered, was not sealed here, or was sealed under a key that was removed or for
/// another purpose. The cause is deliberately not distinguished.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the sealed value does not open")]
pub struct DoesNotOpen;

/// One secret of 256 bits, with the key for each purpose that is derived from it.
#[derive(Clone)]
pub struct SealingKey {
    /// The derived keys by purpose, computed once, as deriving a key takes longer than opening a record.
    derived: Arc<Zeroizing<[[u8; 32]; SealPurpose::ALL.len()]>>,
    id: [u8; KEY_ID_BYTES],
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl SealingKey {
    /// A key from 32 random bytes.
    ///
    /// # Panics
    /// When HKDF-SHA256 cannot derive 32 bytes, which is one block: never.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        let secret = Zeroizing::new(secret);
        let mark = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_slice()), b"gatepost key id v1");
        let mut id = [0; KEY_ID_BYTES];
        id.iter_mut().zip(mark.as_ref()).for_each(|(to, from)| *to = *from);
        let mut derived = Zeroizing::new([[0; 32]; SealPurpose::ALL.len()]);
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"gatepost sealing").extract(secret.as_slice());
        for (purpose, key) in SealPurpose::ALL.into_iter().zip(derived.iter_mut()) {
            let filled = root.expand(&[purpose.label()], hkdf::HKDF_SHA256).and_then(|expanded| expanded.fill(key));
            #[expect(
                clippy::expect_used,
                reason = "a key that was not derived must not be used; 32 bytes is one block of HKDF-SHA256"
            )]
            filled.expect("HKDF-SHA256 derives one block");
        }
        Self { derived: Arc::new(derived), id }
    }

    /// Derives 32 bytes from this key, the purpose and every part; parts are separated by their lengths.
    #[must_use]
    pub fn derive(&self, purpose: SealPurpose, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.purpose_key(purpose)));
        context.update(&join(parts));
        let mut derived = [0; 32];
        derived.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        derived
    }

    fn purpose_key(&self, purpose: SealPurpose) -> &[u8; 32] {
        #[expect(clippy::indexing_slicing, reason = "there is one for each purpose, in their order")]
        &self.derived[purpose as usize]
    }

    fn cipher(&self, purpose: SealPurpose) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.purpose_key(purpose).into())
    }
}

/// The keys in use: the first one seals, all of them open.
#[derive(Clone, Debug)]
pub struct SealingKeys {
    current: SealingKey,
    previous: Vec<SealingKey>,
}

impl SealingKeys {
    /// `current` seals; values sealed under `previous` still open.
    #[must_use]
    pub const fn new(current: SealingKey, previous: Vec<SealingKey>) -> Self {
        Self { current, previous }
    }

    /// The key that seals.
    #[must_use]
    pub const fn current(&self) -> &SealingKey {
        &self.current
    }

    /// The previous keys, which only open.
    #[must_use]
    pub fn previous(&self) -> &[SealingKey] {
        &self.previous
    }

    /// Seals `plaintext` for `purpose`, bound to every part of `context`, with a fresh random `nonce`.
    ///
    /// # Panics
    /// When `plaintext` is longer than 256 GiB.
    #[must_use]
    pub fn seal(&self, purpose: SealPurpose, context: &[&[u8]], nonce: [u8; NONCE_BYTES], plaintext: &[u8]) -> Vec<u8> {
        let key = &self.current;
        let payload = Payload { msg: plaintext, aad: &join(context) };
        #[expect(
            clippy::expect_used,
            reason = "a value that was not sealed must not be stored; the cipher fails only beyond 256 GiB"
        )]
        let sealed = key.cipher(purpose).encrypt(&XNonce::from(nonce), payload).expect("is shorter than 256 GiB");
        [key.id.as_slice(), nonce.as_slice(), sealed.as_slice()].concat()
    }

    /// Whether one of these keys sealed this value, by the key id only; [`open`](Self::open) verifies the value
    /// itself.
    #[must_use]
    pub fn sealed(&self, sealed: &[u8]) -> bool {
        sealed.first_chunk::<KEY_ID_BYTES>().is_some_and(|id| self.key_with(*id).is_some())
    }

    fn key_with(&self, id: [u8; KEY_ID_BYTES]) -> Option<&SealingKey> {
        std::iter::once(&self.current).chain(&self.previous).find(|key| key.id == id)
    }

    /// Opens a value that [`seal`](Self::seal) made for the same purpose and context, and returns the key that sealed
    /// it.
    ///
    /// # Errors
    /// [`DoesNotOpen`], whatever the cause.
    pub fn open(
        &self,
        purpose: SealPurpose,
        context: &[&[u8]],
        sealed: &[u8],
    ) -> Result<(Vec<u8>, &SealingKey), DoesNotOpen> {
        let (id, rest) = sealed.split_first_chunk::<KEY_ID_BYTES>().ok_or(DoesNotOpen)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(DoesNotOpen)?;
        let key = self.key_with(*id).ok_or(DoesNotOpen)?;
        let payload = Payload { msg: text, aad: &join(context) };
        let plaintext = key.cipher(purpose).decrypt(&XNonce::from(*nonce), payload).map_err(|_| DoesNotOpen)?;
        Ok((plaintext, key))
    }
}

/// The parts, each preceded by its length, so that no byte can move from one part to the next undetected.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(first: u8) -> SealingKeys {
        SealingKeys::new(SealingKey::new([first; 32]), vec![SealingKey::new([first + 1; 32])])
    }

    #[test]
    fn ck_8_any_change_of_a_sealed_value_closes_it() {
        let keys = keys(1);
        let sealed = keys.seal(SealPurpose::Attempt, &[b"wiki", b"issuer"], [7; 24], b"plain");
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(keys.open(SealPurpose::Attempt, &[b"wiki", b"issuer"], &altered).err(), Some(DoesNotOpen));
        }
        for end in 0..sealed.len() {
            assert!(keys.open(SealPurpose::Attempt, &[b"wiki", b"issuer"], &sealed[..end]).is_err());
        }
    }

    #[test]
    fn ck_8_purpose_and_place_are_part_of_the_seal() {
        let keys = keys(1);
        let sealed = keys.seal(SealPurpose::Attempt, &[b"wiki", b"issuer"], [7; 24], b"plain");
        assert!(keys.open(SealPurpose::SessionRecord, &[b"wiki", b"issuer"], &sealed).is_err());
        // a byte moved from one field to the next.
        assert!(keys.open(SealPurpose::Attempt, &[b"wik", b"iissuer"], &sealed).is_err());
        assert!(keys.open(SealPurpose::Attempt, &[b"wikiissuer"], &sealed).is_err());
    }

    #[test]
    fn a_previous_key_opens_and_a_foreign_one_does_not() {
        let old = SealingKeys::new(SealingKey::new([2; 32]), vec![]);
        let sealed = old.seal(SealPurpose::Attempt, &[], [7; 24], b"plain");
        assert_eq!(keys(1).open(SealPurpose::Attempt, &[], &sealed).map(|(text, _)| text), Ok(b"plain".to_vec()));
        assert!(keys(5).open(SealPurpose::Attempt, &[], &sealed).is_err());
    }

    #[test]
    fn derived_values_differ_by_purpose_part_and_key() {
        let (one, two) = (SealingKey::new([1; 32]), SealingKey::new([2; 32]));
        let base = one.derive(SealPurpose::Nonce, &[b"ab", b"c"]);
        assert_eq!(base, one.derive(SealPurpose::Nonce, &[b"ab", b"c"]));
        assert_ne!(base, one.derive(SealPurpose::Nonce, &[b"a", b"bc"]));
        assert_ne!(base, one.derive(SealPurpose::CodeVerifier, &[b"ab", b"c"]));
        assert_ne!(base, two.derive(SealPurpose::Nonce, &[b"ab", b"c"]));
    }

    #[test]
    fn each_purpose_has_a_key_of_its_own() {
        let key = SealingKey::new([1; 32]);
        for (place, purpose) in SealPurpose::ALL.into_iter().enumerate() {
            assert_eq!(place, purpose as usize);
            let same = SealPurpose::ALL.into_iter().filter(|other| key.purpose_key(*other) == key.purpose_key(purpose));
            assert_eq!(same.count(), 1);
        }
    }

    #[test]
    fn keys_print_nothing() {
        assert_eq!(format!("{:?}", SealingKey::new([42; 32])), "SealingKey(…)");
    }

    proptest! {
        #[test]
        fn pr_8_what_was_sealed_opens(text: Vec<u8>, nonce: [u8; 24], context: Vec<u8>) {
            let sealed = keys(1).seal(SealPurpose::SessionRecord, &[&context], nonce, &text);
            prop_assert_eq!(keys(1).open(SealPurpose::SessionRecord, &[&context], &sealed).map(|(text, _)| text), Ok(text));
        }
    }
}
