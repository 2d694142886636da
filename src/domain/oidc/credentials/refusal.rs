//! Why a credential is not accepted; the texts contain no part of it.

use thiserror::Error;

use crate::domain::oidc::jwt::TokenFault;

/// The check that a credential failed. The client learns only that the credential is invalid, whatever the check.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// Several `Authorization` lines, of which none can be preferred.
    #[error("there is more than one `Authorization` line")]
    Ambiguous,
    /// Not in the form that the scheme requires.
    #[error("the credential is not well formed")]
    Malformed,
    /// A check that applies to every kind of signed token.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// Issued for an audience or client that is not configured.
    #[error("neither `aud` nor `client_id` says that the token is for this application")]
    Audience,
    /// A member that the profile requires is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// The member identifies another kind of token: an ID Token, a logout token, a refresh token.
    #[error("it is another kind of token, as `{0}` shows")]
    OtherKind(&'static str),
    /// Bound to a key (`cnf`), whose possession cannot be proved here (DP-2).
    #[error("the token is bound to a key and cannot be used as a bearer token")]
    Bound,
    /// A foreign token does not name its user as the operator expects.
    #[error("the claim that `username_claim` names is missing or not a text")]
    Username,
    /// A scope is missing of these, which are required and separated by blanks.
    #[error("the token lacks one of the required scopes: {0}")]
    Scope(String),
    /// The provider reports that it is not one of its tokens.
    #[error("the provider does not recognise it as a token")]
    NotTaken,
    /// The provider reports that the token is not active.
    #[error("the provider says that the token is not active")]
    Inactive,
    /// The provider refused the user name and password.
    #[error("the provider refused user name and password")]
    Password,
}
