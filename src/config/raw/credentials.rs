//! Keys of the credentials that an application accepts in `Authorization`.

use super::foreign_issuer::ForeignIssuer;
use super::resource_metadata::ResourceMetadata;
use crate::config::reader::Spanned;
use crate::config::section::section;
use crate::config::value::Choice;
use crate::config::value::Texts;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::credentials::TokenType;

type Algorithms = Vec<Spanned<SigningAlgorithm>>;
type ForeignIssuers = Vec<Spanned<ForeignIssuer>>;

section! {
    /// Bearer tokens. A valid token authenticates the request as its user, without a session and a cookie; an invalid one
    /// gets 401. Results are cached for one minute at most, and never beyond `exp`. A call to the provider may take as long
    /// as `limits.grpc.callback_deadline` and Envoy's timeout of the Check allow (2 s in the shipped files); a later
    /// response is cached for the next request.
    struct Bearer {
        /// `jwt`: Gatepost verifies signed access tokens (RFC 9068) with the provider's keys; only the claims in the
        /// token are known. `introspection`: Gatepost asks the provider's introspection endpoint (RFC 7662), and for
        /// missing claims its UserInfo endpoint if the token has the scope `openid`.
        verify: required BearerCheck,
        /// Required value in `aud` of the token. Must be set with `jwt`.
        audience: optional String,
        /// With `introspection`, in place of `audience`: the clients whose tokens are accepted, compared with
        /// `client_id` and `aud` of the token. Providers report the tokens of all their clients as active, so list
        /// only clients that may use this application. Unless given: the application's own `client_id`.
        clients: optional Texts,
        /// With `jwt`: accepted signing algorithms (`alg`); HS256, HS384 and HS512 are not supported. Unless given:
        /// RS256.
        algorithms: optional Algorithms,
        /// With `jwt`: required `typ` in the token's header. `at+jwt`: as RFC 9068 defines it. `JWT`: as authentik
        /// and Keycloak send it; tokens that may be ID Tokens or logout tokens are then rejected: those with `nonce`,
        /// `at_hash`, `c_hash` or `events`, or with a claim `typ` other than `Bearer`. If your access tokens have one
        /// of these claims, use `introspection`. `none`: no `typ` at all, with the same exclusions as `JWT`. Unless given:
        /// `at+jwt`.
        token_type: optional TokenType,
        /// Required scopes; a token of the provider must have all of them.
        scopes: Texts = "[]",
        /// Whether the application receives an accepted token; otherwise it is removed from the request.
        pass_on: bool = "false",
        /// Further issuers whose signed tokens are accepted, with both values of `verify`. The claim `iss` of a token selects
        /// the rules; with `jwt`, a token of any other issuer is rejected.
        issuers: ForeignIssuers = "[]",
        /// Metadata about the application as a protected resource. Without this section there is none.
        resource_metadata: optional ResourceMetadata,
    }
}

section! {
    /// User names and app passwords. As with `bearer`: no session, no cookie, 401 for invalid ones, and results that are
    /// cached for one minute at most.
    struct Basic {
        /// Scopes of the token request; `openid` is required. Unless given: the application's `scopes`.
        scopes: optional Texts,
        /// Whether the application receives accepted credentials; otherwise they are removed from the request.
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
    const CHOICES: &'static [(Self, &'static str)] =
        &[(Self::AccessToken, "at+jwt"), (Self::Jwt, "JWT"), (Self::Absent, "none")];
}
