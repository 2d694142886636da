//! The value of the binding cookie: the browser's part of the secrets of every attempt that it begins.

use crate::domain::crypto::secret_bits::SecretBits;

/// 256 random bits that a browser stores for an hour.
#[derive(Clone, Debug)]
pub struct Binding(SecretBits);

impl Binding {
    /// A binding from fresh random bytes.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self(SecretBits::new(random))
    }

    /// Parses a cookie value; `None` if it is not a binding.
    #[must_use]
    pub fn from_cookie_value(text: &str) -> Option<Self> {
        SecretBits::from_text(text).map(Self)
    }

    /// The cookie value.
    #[must_use]
    pub fn to_cookie_value(&self) -> String {
        self.0.to_text()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
