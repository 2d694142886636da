//! Why a credential is not accepted, in words that hold no part of it.

use thiserror::Error;

use crate::domain::oidc::jwt::TokenFault;

/// The check that a credential failed. Whatever it is, the client learns only that the credential is invalid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// Several `Authorization` lines: whose counts would be a guess.
    #[error("there is more than one `Authorization` line")]
    Ambiguous,
    /// Not what its scheme demands.
    #[error("the credential is not well formed")]
    Malformed,
    /// A check that every kind of signed token has to pass.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// Made for another audience or client than those that are configured.
    #[error("neither `aud` nor `client_id` says that the token is for this application")]
    Audience,
    /// A member that the profile demands.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// The member tells that this is another kind of token: an ID Token, a logout token, a refresh token.
    #[error("it is another kind of token, as `{0}` tells")]
    OtherKind(&'static str),
    /// Bound to a key (`cnf`), and nothing here proves the possession of one (DP-2).
    #[error("the token is bound to a key and cannot be used as a bearer token")]
    Bound,
    /// A required scope is missing.
    #[error("the token lacks a required scope")]
    Scope,
    /// The provider says that it cannot be a token of its own.
    #[error("the provider does not take it for a token")]
    NotTaken,
    /// The provider says that the token is not active.
    #[error("the provider says that the token is not active")]
    Inactive,
    /// The provider knows no such user, or no such password.
    #[error("the provider refused user name and password")]
    Password,
}
