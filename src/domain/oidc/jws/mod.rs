//! Signed tokens (JSON Web Signature, RFC 7515). A [`VerifiedJws`] is the proof that a signature was verified: its
//! fields are private, only [`KeySet::verify`] makes one, and every verified token of the domain is made from one.

mod key_set;
mod purpose;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

pub use self::key_set::{KeySet, secret_is_too_short};
pub use self::purpose::Purpose;
pub(in crate::domain) use self::purpose::TokenKind;
use super::algorithm::SigningAlgorithm;
use super::jwt::{CompactToken, TokenFault};

/// A token that was signed by a key of the provider, or with the client secret, for one purpose. No other code can make
/// one:
///
/// ```compile_fail,E0451
/// use gatepost::domain::oidc::jws::VerifiedJws;
///
/// fn forged(claims: serde_json::Map<String, serde_json::Value>, like: VerifiedJws) -> VerifiedJws {
///     VerifiedJws { claims, ..like }
/// }
/// ```
#[derive(Debug)]
pub struct VerifiedJws {
    raw: SecretString,
    claims: Map<String, Value>,
    kind: TokenKind,
    algorithm: SigningAlgorithm,
}

/// Why a signature was not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// A newer key set may help: the named key is unknown, or none was named and none fits.
    PerhapsNewKey(TokenFault),
    /// A newer key set will not help.
    Final(TokenFault),
}

impl From<Unverified> for TokenFault {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::PerhapsNewKey(fault) | Unverified::Final(fault) => fault,
        }
    }
}

impl KeySet {
    /// Verifies the signature of `raw` with an algorithm that the purpose permits.
    ///
    /// # Errors
    /// See [`Unverified`].
    pub fn verify(&self, raw: &SecretString, purpose: Purpose<'_>) -> Result<VerifiedJws, Unverified> {
        let token = CompactToken::parse(raw.expose_secret()).map_err(Unverified::Final)?;
        let algorithm = purpose.check_header(&token).map_err(Unverified::Final)?;
        self.verify_signature(raw.expose_secret(), &token, algorithm, purpose)?;
        Ok(VerifiedJws { raw: raw.clone(), claims: token.payload, kind: purpose.kind(), algorithm })
    }
}

impl VerifiedJws {
    /// The claims of a signed `UserInfo` answer.
    ///
    /// # Errors
    /// [`TokenFault::Header`] when it was verified as another kind of token.
    pub fn into_user_info(self) -> Result<Map<String, Value>, TokenFault> {
        self.into_parts(TokenKind::UserInfo).map(|(_, claims)| claims)
    }

    /// The raw token and the claims of a token that was verified as one of `kind` (JW-4).
    pub(in crate::domain) fn into_parts(
        self,
        kind: TokenKind,
    ) -> Result<(SecretString, Map<String, Value>), TokenFault> {
        if self.kind == kind { Ok((self.raw, self.claims)) } else { Err(TokenFault::Header) }
    }

    /// The algorithm of the signature.
    pub(in crate::domain) const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests;
