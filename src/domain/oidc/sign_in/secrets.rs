//! The secrets of an attempt, each with its own type, so that they cannot be confused. Their `Debug` output does not
//! contain them.

use std::fmt;

use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::domain::crypto::secret_bits::SecretBits;

macro_rules! redacted {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

/// 43 characters from 32 octets.
fn text(bytes: [u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(SecretBits::new(bytes).to_text())
}

/// Binds an ID Token to one attempt (`OpenID` Connect Core section 15.5.2).
pub struct Nonce(Zeroizing<String>);

impl Nonce {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(text(bytes))
    }

    /// The nonce as it is sent in the authorization request.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    #[must_use]
    pub fn equals(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

/// PKCE code verifier (RFC 7636 section 4.1): 43 characters from 32 octets.
pub struct CodeVerifier(Zeroizing<String>);

impl CodeVerifier {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(text(bytes))
    }

    /// The verifier as it is sent to the token endpoint.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The `S256` challenge (RFC 7636 section 4.2).
    #[must_use]
    pub fn challenge(&self) -> PkceCodeChallenge {
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(self.0.to_string()))
    }
}

/// An authorization code from a callback, not matched with an attempt yet.
#[derive(Clone)]
pub struct AuthorizationCode(SecretString);

impl AuthorizationCode {
    pub(super) fn new(code: String) -> Self {
        Self(code.into())
    }

    /// The code as it is sent to the token endpoint.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Proof that a code was returned to the browser that requested it, by the provider that was asked, for a matched
/// attempt: only such a code may be exchanged. The caller has to consume the attempt first.
pub struct MatchedCode {
    pub(super) code: AuthorizationCode,
    pub(super) verifier: CodeVerifier,
    pub(super) nonce: Nonce,
}

impl MatchedCode {
    /// The code.
    #[must_use]
    pub const fn code(&self) -> &AuthorizationCode {
        &self.code
    }

    /// The PKCE verifier for the attempt's challenge.
    #[must_use]
    pub const fn verifier(&self) -> &CodeVerifier {
        &self.verifier
    }

    /// The nonce that the ID Token must contain.
    #[must_use]
    pub const fn nonce(&self) -> &Nonce {
        &self.nonce
    }
}

redacted!(Nonce);
redacted!(CodeVerifier);
redacted!(AuthorizationCode);
redacted!(MatchedCode);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pk_2_the_challenge_of_rfc_7636_appendix_b() {
        let verifier = CodeVerifier(Zeroizing::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into()));
        assert_eq!(verifier.challenge().as_str(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn pk_1_a_verifier_has_43_characters() {
        assert_eq!(CodeVerifier::new([9; 32]).expose().len(), 43);
    }

    #[test]
    fn secrets_print_nothing() {
        assert_eq!(format!("{:?}", Nonce::new([1; 32])), "Nonce(…)");
        assert_eq!(format!("{:?}", AuthorizationCode::new("c".into())), "AuthorizationCode(…)");
    }

    #[test]
    fn oc_9_a_nonce_equals_only_itself() {
        let nonce = Nonce::new([1; 32]);
        assert!(nonce.equals(nonce.expose()));
        for other in ["", "x", Nonce::new([2; 32]).expose()] {
            assert!(!nonce.equals(other));
        }
    }
}
