//! Keys of the issuers beside an application's provider whose tokens it accepts.

use std::path::PathBuf;

use crate::config::reader::Spanned;
use crate::config::section::section;
use crate::config::value::Texts;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::credentials::TokenType;

type Algorithms = Vec<Spanned<SigningAlgorithm>>;

section! {
    /// An issuer beside the application's provider, whose signed tokens (JWT) are accepted as bearer tokens: Kubernetes, GitHub
    /// Actions, GitLab, SPIFFE, another realm. Its keys come from `jwks_uri` or `jwks_file`, otherwise from the address that its
    /// discovery document names. Its tokens pass only by access rules that name it (`allow[].issuers`), of which there has to be
    /// one. They never reach the provider.
    struct ForeignIssuer {
        /// Issuer identifier, byte for byte as the claim `iss` of its tokens and its discovery document name it.
        issuer: required String,
        /// Address of its keys (JWKS), in place of a discovery document.
        jwks_uri: optional String,
        /// A file with its keys (JWKS), in place of a discovery document. A changed file is read again.
        jwks_file: optional PathBuf,
        /// The audiences of which `aud` of the token must name one. Choose a value that stands for this application alone:
        /// whoever receives a token for a shared audience could present it here.
        audiences: required Texts,
        /// Accepted signing algorithms (`alg`), as `algorithms` of `bearer`. Unless given: RS256.
        algorithms: optional Algorithms,
        /// Required `typ` in the token's header, as `token_type` of `bearer`. Kubernetes: `none`. GitHub Actions, GitLab,
        /// Keycloak: `JWT`. Unless given: `at+jwt`.
        token_type: optional TokenType,
        /// Required scopes; the token must have all of them.
        scopes: Texts = "[]",
        /// The claim that names the user, a dotted path or a JSON Pointer. A token without it is rejected. Identity headers
        /// carry it as `preferred_username`.
        username_claim: String = "sub",
        /// Text before the user name and before `sub` in identity headers, so that no user of this issuer has the name of a
        /// user of the provider. Unless given: `issuer` and `#`.
        username_prefix: optional String,
        /// Claims that identity headers, additional headers, HTTP Basic and backends may use as if they came from the provider,
        /// such as `groups` or `email`. List only what this issuer controls: applications compare these values with those of
        /// the provider's users. Access rules that name the issuer read all of its claims.
        trusted_claims: Texts = "[]",
    }
}
