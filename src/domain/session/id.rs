//! The session id: the secret in the cookie, and the hash under which a store holds the session.

use crate::domain::crypto::hex;
use crate::domain::crypto::secret_bits::SecretBits;

/// The secret in a session cookie: 256 random bits and nothing else.
#[derive(Debug)]
pub struct SessionId(SecretBits);

impl SessionId {
    /// A session id from fresh random bytes.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self(SecretBits::new(random))
    }

    /// Parses a cookie value; `None` if it is not a session id.
    #[must_use]
    pub fn from_cookie_value(text: &str) -> Option<Self> {
        SecretBits::from_text(text).map(Self)
    }

    /// The cookie value.
    #[must_use]
    pub fn to_cookie_value(&self) -> String {
        self.0.to_text()
    }

    /// The key under which a store holds the session: a hash, so that a stolen store contains no usable session id.
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
    /// A key as a store holds it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses the hexadecimal form that operators use.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text.as_bytes()).map(Self)
    }

    /// 64 hexadecimal digits: safe in any shell, and not to be confused with a cookie value.
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
