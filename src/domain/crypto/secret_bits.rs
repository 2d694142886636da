//! 256 secret bits and their text form: 43 characters of unpadded base64url (RFC 4648 section 5).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

const TEXT_BYTES: usize = 43;

/// 256 bits that `Debug` does not print and that are wiped when dropped.
#[derive(Clone)]
pub struct SecretBits(Zeroizing<[u8; 32]>);

impl fmt::Debug for SecretBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl SecretBits {
    /// A secret from its bits.
    #[must_use]
    pub fn new(bits: [u8; 32]) -> Self {
        Self(Zeroizing::new(bits))
    }

    /// Parses the text form; `None` for any other text.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut bits = Zeroizing::new([0; 32]);
        let written = URL_SAFE_NO_PAD.decode_slice(text, bits.as_mut_slice()).ok()?;
        (text.len() == TEXT_BYTES && written == 32).then_some(Self(bits))
    }

    /// The text form.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.as_bytes())
    }

    /// The bits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_spelling() {
        let text = SecretBits::new([0xa5; 32]).to_text();
        assert_eq!(SecretBits::from_text(&text).map(|bits| *bits.as_bytes()), Some([0xa5; 32]));
        for other in ["", &text[..42], &format!("{text}A"), &format!("{text}="), &text.replace('p', "+")] {
            assert!(SecretBits::from_text(other).is_none(), "{other}");
        }
    }

    #[test]
    fn it_prints_nothing() {
        assert_eq!(format!("{:?}", SecretBits::new([1; 32])), "…");
    }
}
