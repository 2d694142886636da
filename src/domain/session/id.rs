//! The session id: the secret in the cookie, and the hash under which a store keeps the session.

use crate::domain::crypto::hex;
use crate::domain::crypto::secret_bits::SecretBits;

/// The secret that a session cookie holds: 256 random bits and nothing else.
#[derive(Debug)]
pub struct SessionId(SecretBits);

impl SessionId {
    /// A session id from fresh random bytes.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self(SecretBits::new(random))
    }

    /// Reads a cookie value, if it is a session id.
    #[must_use]
    pub fn from_cookie_value(text: &str) -> Option<Self> {
        SecretBits::from_text(text).map(Self)
    }

    /// The cookie value.
    #[must_use]
    pub fn to_cookie_value(&self) -> String {
        self.0.to_text()
    }

    /// The name under which a store keeps the session: a hash, so that a stolen store opens no session.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        let hash = ring::digest::digest(&ring::digest::SHA256, self.0.as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(hash.as_ref());
        SessionKey(key)
    }
}

/// SHA-256 of a [`SessionId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// A key that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the spelling that operators use.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text.as_bytes()).map(Self)
    }

    /// 64 hexadecimal digits, which no shell takes for anything else and nobody for a cookie.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
