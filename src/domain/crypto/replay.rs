//! Consumption keys of values that may be used once: a sign-in attempt, a logout token, a session of a user at the provider.

use ring::digest;

/// The key under which a store records the use of a value: enough to detect a second use, and nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplayKey([u8; 16]);

impl ReplayKey {
    /// The replay key of a logout token: a hash of issuer and `jti` together (`OpenID` Connect Back-Channel Logout 1.0
    /// section 2.6).
    #[must_use]
    pub fn logout_token(issuer: &str, jti: &str) -> Self {
        Self::hash(&[b"logout token", &issuer.len().to_be_bytes(), issuer.as_bytes(), jti.as_bytes()])
    }

    /// The replay key that marks a session at the provider (`sid`) as ended, so that no session begins of it any more.
    #[must_use]
    pub fn provider_session_ended(issuer: &str, sid: &str) -> Self {
        Self::hash(&[b"provider session", &issuer.len().to_be_bytes(), issuer.as_bytes(), sid.as_bytes()])
    }

    /// The replay key that marks a session, by the bytes of its key, as ended by the limit on the sessions of its user.
    #[must_use]
    pub fn session_over_limit(session_key: &[u8; 32]) -> Self {
        Self::hash(&[b"session over limit", session_key])
    }

    fn hash(parts: &[&[u8]]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in parts {
            hash.update(part);
        }
        let mut key = [0; 16];
        key.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(key)
    }

    /// The replay key of a value with a random id of its own, or one that a store holds.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bl_9_marks_differ_by_their_kind_and_by_both_values() {
        let (token, session) = (ReplayKey::logout_token, ReplayKey::provider_session_ended);
        for mark in [token, session] {
            assert_eq!(mark("https://a", "1"), mark("https://a", "1"));
            for other in [("https://a", "2"), ("https://b", "1"), ("https://a1", ""), ("", "https://a1")] {
                assert_ne!(mark("https://a", "1"), mark(other.0, other.1), "{other:?}");
            }
        }
        assert_ne!(token("https://a", "1"), session("https://a", "1"));
    }
}
