//! Sealed records: each opens to what was sealed, and only under the same key, for the same session.

use super::*;
use crate::outbound::store::testing::{key, keys, session, user};
use crate::testing::{FailingEntropy, SystemEntropy};

fn record_cipher(keys: SealingKeys, entropy: Arc<dyn Entropy>) -> RecordCipher {
    RecordCipher::new(keys, &IndexKey(Zeroizing::new([7; 32])), entropy)
}

#[test]
fn fi_7_a_record_moved_to_another_key_does_not_open() {
    let record_cipher = record_cipher(keys(1), Arc::new(SystemEntropy));
    let sealed = record_cipher.seal(&key(1), session("jane", 1, 2).record()).unwrap();
    assert_eq!(record_cipher.open(&key(1), &sealed).unwrap().record().user, user("jane"));
    assert!(record_cipher.open(&key(2), &sealed).is_err());
}

#[test]
fn ck_8_no_altered_record_opens() {
    let record_cipher = record_cipher(keys(1), Arc::new(SystemEntropy));
    let sealed = record_cipher.seal(&key(1), session("jane", 1, 2).record()).unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(record_cipher.open(&key(1), &altered).is_err(), "bit {bit}");
    }
}

#[test]
fn a_mark_does_not_depend_on_the_sealing_key() {
    let (one, two) = (record_cipher(keys(1), Arc::new(SystemEntropy)), record_cipher(keys(2), Arc::new(SystemEntropy)));
    assert_eq!(one.index_hash(&user("jane")), two.index_hash(&user("jane")));
    assert_ne!(one.index_hash(&user("jane")), one.index_hash(&user("mary")));
}

#[test]
fn the_index_secret_opens_under_its_keys_alone() {
    let secret = IndexKey::make(&SystemEntropy).unwrap();
    let sealed = secret.seal(&keys(1), &SystemEntropy).unwrap();
    assert_eq!(*IndexKey::open(&sealed, &keys(1)).unwrap().0, *secret.0);
    let rotated = SealingKeys::new(SealingKey::new([2; 32]), vec![SealingKey::new([1; 32])]);
    assert!(IndexKey::open(&sealed, &rotated).is_ok());
    assert!(IndexKey::open(&sealed, &keys(2)).is_err());
}

#[test]
fn without_randomness_nothing_is_sealed() {
    assert!(record_cipher(keys(1), Arc::new(FailingEntropy)).seal(&key(1), session("jane", 1, 2).record()).is_err());
    assert!(IndexKey::make(&FailingEntropy).is_err());
}
