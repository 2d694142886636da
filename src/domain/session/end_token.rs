//! The tokens by which one session of a user ends others. A token is a keyed hash over the session that holds it and what it ends:
//! it names nothing, works in the session that holds it only, and ends with that session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::SessionKey;
use crate::domain::crypto::sealing::{SealPurpose, SealingKey, SealingKeys};

/// What a token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends<'a> {
    /// One session.
    One(&'a SessionKey),
    /// Every session of the user but the one that holds the token.
    Others,
}

/// The token by which the session `holder` ends this.
#[must_use]
pub fn end_token(keys: &SealingKeys, holder: &SessionKey, ends: Ends<'_>) -> String {
    made_with(keys.current(), holder, ends)
}

/// Whether this is the token by which the session `holder` ends this, also one that was made with a previous key.
#[must_use]
pub fn is_end_token(token: &str, keys: &SealingKeys, holder: &SessionKey, ends: Ends<'_>) -> bool {
    let mut all = std::iter::once(keys.current()).chain(keys.previous());
    all.any(|key| made_with(key, holder, ends).as_bytes().ct_eq(token.as_bytes()).into())
}

fn made_with(key: &SealingKey, holder: &SessionKey, ends: Ends<'_>) -> String {
    let (what, ended): (&[u8], &[u8]) = match ends {
        Ends::One(session) => (b"one", session.as_bytes()),
        Ends::Others => (b"others", b""),
    };
    URL_SAFE_NO_PAD.encode(key.derive(SealPurpose::SessionEnd, &[holder.as_bytes(), what, ended]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SessionKey {
        SessionKey::from_bytes([byte; 32])
    }

    #[test]
    fn a_token_ends_what_it_was_made_for_in_the_session_that_holds_it() {
        let keys = SealingKeys::new(SealingKey::new([1; 32]), Vec::new());
        let rotated = SealingKeys::new(SealingKey::new([2; 32]), vec![SealingKey::new([1; 32])]);
        let foreign = SealingKeys::new(SealingKey::new([2; 32]), Vec::new());
        for ends in [Ends::One(&key(2)), Ends::Others] {
            let token = end_token(&keys, &key(1), ends);
            assert!(is_end_token(&token, &keys, &key(1), ends) && is_end_token(&token, &rotated, &key(1), ends));
            assert!(!is_end_token(&token, &foreign, &key(1), ends));
            assert!(!is_end_token(&token, &keys, &key(3), ends), "another session's");
            for other in [Ends::One(&key(1)), Ends::One(&key(3))] {
                assert!(!is_end_token(&token, &keys, &key(1), other));
            }
            assert!(
                !is_end_token("", &keys, &key(1), ends) && !is_end_token(&format!("{token}A"), &keys, &key(1), ends)
            );
            for session in [key(1), key(2)] {
                assert!(
                    !token.contains(&session.to_hex()) && !token.contains(&URL_SAFE_NO_PAD.encode(session.as_bytes()))
                );
            }
        }
        let others = end_token(&keys, &key(1), Ends::Others);
        assert!(!is_end_token(&others, &keys, &key(1), Ends::One(&key(2))));
    }
}
