//! Marks of what may be used once: a sign-in attempt, a logout token.

use ring::digest;

/// What a store remembers of something that was used: enough to notice a second use, and nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplayKey([u8; 16]);

impl ReplayKey {
    /// The mark of a logout token: issuer and `jti` together (`OpenID` Connect Back-Channel Logout 1.0 section 2.6).
    #[must_use]
    pub fn logout_token(issuer: &str, jti: &str) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"logout token");
        hash.update(&issuer.len().to_be_bytes());
        hash.update(issuer.as_bytes());
        hash.update(jti.as_bytes());
        let mut mark = [0; 16];
        mark.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(mark)
    }

    /// The mark of something that has a random id of its own, or one that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bl_9_marks_of_tokens_differ_by_issuer_and_jti() {
        let mark = ReplayKey::logout_token;
        assert_eq!(mark("https://a", "1"), mark("https://a", "1"));
        for other in [("https://a", "2"), ("https://b", "1"), ("https://a1", ""), ("", "https://a1")] {
            assert_ne!(mark("https://a", "1"), mark(other.0, other.1), "{other:?}");
        }
    }
}
