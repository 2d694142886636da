//! Bytes as lower-case hexadecimal digits, and back.

use std::fmt::Write as _;

/// Two hexadecimal digits for each byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Decodes `N` bytes from twice as many digits in lower case; `None` for any other text.
#[must_use]
pub fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_encoded_decodes(bytes in any::<[u8; 32]>()) {
            let text = encode(&bytes);
            prop_assert_eq!(text.len(), 64);
            prop_assert_eq!(decode::<32>(text.as_bytes()), Some(bytes));
            prop_assert_eq!(decode::<31>(text.as_bytes()), None);
        }
    }

    #[test]
    fn only_as_many_digits_in_lower_case_are_read() {
        assert_eq!(decode::<2>(b"00ff"), Some([0, 255]));
        for text in ["", "0", "00f", "00ff0", "00ff00", "00FF", "00fg", "+0ff", " 0ff"] {
            assert_eq!(decode::<2>(text.as_bytes()), None, "{text}");
        }
    }
}
