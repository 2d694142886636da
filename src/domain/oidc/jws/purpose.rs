//! The purpose for which a signature is verified, which determines what the token's header must contain (JW-4): one
//! rule per kind of token.

use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::jwt::{CompactToken, TokenFault};
use crate::domain::oidc::operands::{Operands, Shown};
use crate::domain::oidc::relying_party::RelyingParty;

/// The purpose for which a signature is verified.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// An ID Token, with the one pinned algorithm.
    IdToken(&'a RelyingParty),
    /// A signed `UserInfo` answer, with any public-key algorithm or the pinned one: its algorithm is registered
    /// separately from that of ID Tokens (`userinfo_signed_response_alg`).
    UserInfo(&'a RelyingParty),
    /// A logout token, with the ID Token's algorithm (BL-4).
    LogoutToken(&'a RelyingParty),
    /// An access token, with one of the listed algorithms, all of which are public-key algorithms.
    AccessToken {
        /// The algorithms.
        algorithms: &'a [SigningAlgorithm],
        /// The type that the header must name, in lower case; `None`: it must not name one.
        token_type: Option<&'static str>,
    },
}

/// The kinds of signed tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) enum TokenKind {
    /// An ID Token.
    IdToken,
    /// A `UserInfo` answer.
    UserInfo,
    /// A logout token.
    LogoutToken,
    /// An access token.
    AccessToken,
}

impl<'a> Purpose<'a> {
    pub(super) const fn kind(self) -> TokenKind {
        match self {
            Self::IdToken(_) => TokenKind::IdToken,
            Self::UserInfo(_) => TokenKind::UserInfo,
            Self::LogoutToken(_) => TokenKind::LogoutToken,
            Self::AccessToken { .. } => TokenKind::AccessToken,
        }
    }

    /// The relying party whose client secret may be the key. Only tokens for the client itself may be signed with it:
    /// an access token is verified by others, which do not have the secret.
    pub(super) const fn relying_party(self) -> Option<&'a RelyingParty> {
        match self {
            Self::IdToken(party) | Self::UserInfo(party) | Self::LogoutToken(party) => Some(party),
            Self::AccessToken { .. } => None,
        }
    }

    /// Checks a token's header: the algorithm, no critical extension, and not the type of another kind of token. Many
    /// providers send no type, or `JWT` for every kind, which says as little (RFC 7519 section 5.1; BL-11).
    ///
    /// # Errors
    /// [`TokenFault::Algorithm`] or [`TokenFault::Header`].
    pub fn check_header(self, token: &CompactToken) -> Result<SigningAlgorithm, TokenFault> {
        let algorithm = self.check_algorithm(token)?;
        token.refuse_critical()?;
        let media_type = token.media_type()?;
        let media_type = media_type.as_deref();
        let fits = match self {
            Self::IdToken(_) | Self::UserInfo(_) => matches!(media_type, None | Some("jwt" | "id_token+jwt")),
            Self::LogoutToken(_) => matches!(media_type, None | Some("jwt" | "logout+jwt")),
            Self::AccessToken { token_type, .. } => media_type == token_type,
        };
        if fits { Ok(algorithm) } else { Err(TokenFault::Header) }
    }

    /// OC-5: the token's own choice of algorithm alone is never accepted.
    fn check_algorithm(self, token: &CompactToken) -> Result<SigningAlgorithm, TokenFault> {
        let named = token.algorithm();
        let shown = Shown(token.header.get("alg"));
        match self {
            Self::AccessToken { algorithms, .. } => named.filter(|named| algorithms.contains(named)).ok_or_else(|| {
                let listed: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
                TokenFault::Algorithm(Operands::new(format_args!("`alg` is {shown}, those listed are {listed:?}")))
            }),
            Self::UserInfo(_) if named.is_some_and(SigningAlgorithm::uses_public_key) => {
                named.ok_or(TokenFault::ALGORITHM)
            }
            Self::IdToken(party) | Self::UserInfo(party) | Self::LogoutToken(party) => {
                let pinned = party.id_token_signed_response_alg;
                let of = if matches!(self, Self::UserInfo(_)) { " of the UserInfo answer" } else { "" };
                named.filter(|named| *named == pinned).ok_or_else(|| {
                    let pinned = pinned.as_str();
                    let words = format_args!("`alg`{of} is {shown}, `id_token_signed_response_alg` {pinned:?}");
                    TokenFault::Algorithm(Operands::new(words))
                })
            }
        }
    }
}
