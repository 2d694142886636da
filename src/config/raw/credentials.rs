//! Keys of the credentials that an application accepts in `Authorization`.

use crate::config::reader::Spanned;
use crate::config::section::section;
use crate::config::value::Choice;
use crate::config::value::Texts;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::credentials::TokenType;

type Algorithms = Vec<Spanned<SigningAlgorithm>>;

section! {
    /// Bearer tokens. Who presents a valid one is let through as its user, without a session and without a cookie; who presents
    /// an invalid one gets 401. A verdict is remembered for a minute at most, and never beyond the token's own end.
    /// Asking the provider takes as long as `limits.grpc.callback_deadline` and Envoy's own timeout of the check allow (2 s in the
    /// files that come with Gatepost); an answer that comes later serves the next request.
    struct Bearer {
        /// `jwt`: signed access tokens (RFC 9068) are verified here with the provider's keys; what they do not say about the user
        /// stays unknown. `introspection`: the provider is asked (RFC 7662), and for missing claims its UserInfo, when the token has
        /// the scope `openid`.
        verify: required BearerCheck,
        /// What the token's `aud` has to name. Required with `jwt`.
        audience: optional String,
        /// With `introspection`, in place of `audience`: the clients whose tokens count, by `client_id` or `aud`. The provider
        /// calls tokens of all its applications active, so name those that may act here. Unless given: this application's own
        /// `client_id`.
        clients: optional Texts,
        /// With `jwt`: the algorithms that may have signed it, all of public keys. Unless given: RS256.
        algorithms: optional Algorithms,
        /// With `jwt`: the type that its header names. `at+jwt` is the profile of RFC 9068. `JWT` is what authentik and Keycloak
        /// write; a token with `nonce`, `at_hash`, `c_hash` or `events`, or with another `typ` claim than `Bearer`, is then
        /// refused as an ID or logout token (for access tokens that have one, take `introspection`). Unless given: `at+jwt`.
        token_type: optional TokenType,
        /// Scopes that the token must have, all of them.
        scopes: Texts = "[]",
        /// Whether the application gets to see a token that was used.
        pass_on: bool = "false",
    }
}

section! {
    /// User names and app passwords. As with `bearer`: no session, no cookie, 401 for those that are not valid, and verdicts that
    /// are remembered for a minute at most.
    struct Basic {
        /// Scopes to ask for; `openid` has to be among them. Unless given: the application's `scopes`.
        scopes: optional Texts,
        /// Whether the application gets to see user name and password that were used.
        pass_on: bool = "false",
    }
}

/// [`crate::domain::oidc::credentials::BearerCheck`] without its data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum BearerCheck {
    Jwt,
    Introspection,
}

impl Choice for BearerCheck {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Jwt, "jwt"), (Self::Introspection, "introspection")];
}

impl Choice for TokenType {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::AccessToken, "at+jwt"), (Self::Jwt, "JWT")];
}
