//! Keys of one application.

use std::path::PathBuf;

use secrecy::SecretString;

use super::credentials::{Basic, Bearer};
use super::groups_claim::GroupsClaim;
use super::headers::{AdditionalHeaders, Assertion, ClaimHeader};
use super::rules::AccessRule;
use crate::config::reader::Spanned;
use crate::config::section::section;
use crate::config::value::Texts;
use crate::config::value::{Choice, HeaderSets, Parameters, Patterns, Validity};
use crate::domain::application::cookie_settings::SameSite;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::authorization_settings::ResponseMode;
use crate::domain::oidc::client_authentication::AssertionAudience;
use crate::domain::oidc::relying_party::LogoutTokenExp;
use crate::domain::policy::EmailVerified;

type AccessRules = Vec<Spanned<AccessRule>>;
type ClaimHeaders = Vec<Spanned<ClaimHeader>>;

section! {
    /// One protected application.
    struct Application {
        /// Display name.
        name: required String,
        /// Identifier of the application, unique, and value of the header `X-authentik-meta-app`. Unless given:
        /// `name` in lower case, with `-` in place of everything but letters and digits.
        slug: optional String,
        /// URL at which browsers reach the application, `https://host[:port][/path]`. Plain http is accepted for
        /// loopback addresses and names under `localhost` only.
        external_host: required String,
        /// `forward_single`: protects one application under its own host. `forward_domain`: protects all hosts of
        /// `cookie_domain` with one sign-in; the provider sends browsers back to `external_host`. `proxy`: as
        /// `forward_single`, and Gatepost also names the backend to which Envoy sends each request (see
        /// `envoy/proxy-mode`).
        mode: Mode = "forward_single",
        /// Required in mode `forward_domain`: the parent domain of the protected hosts, and `Domain` of the session
        /// cookie. `external_host` must lie in it.
        cookie_domain: optional String,
        /// Required in mode `proxy`: URL of the backend, `http://host[:port]` or `https://host[:port]`.
        internal_host: optional String,
        /// In mode `proxy`: `true` requires https backends to present a certificate for their host name from a CA
        /// that Envoy trusts, `false` accepts any certificate. Unless given: `true`.
        internal_host_ssl_validation: optional bool,
        /// In mode `proxy`: backends that the claim `ak_proxy.backend_override` may name besides `internal_host`:
        /// hosts (`wiki.internal`, `wiki.internal:8443`), domain suffixes (`.apps.internal`), networks
        /// (`10.0.0.0/8`). A network matches IP addresses, not host names. A loopback or link-local address matches
        /// only if it is listed itself, or by a network within the loopback or link-local range. Unless given: none,
        /// and the claim has no effect.
        backend_allow: optional Texts,
        /// Issuer identifier, byte for byte as in the provider's discovery document. Plain http is accepted for
        /// loopback addresses and names under `localhost` only. For several tenants of Microsoft Entra:
        /// `https://login.microsoftonline.com/{tenantid}/v2.0`, with `allowed_tenants`.
        issuer: required String,
        /// Required if `issuer` contains `{tenantid}`: the tenants whose users may sign in, as the claim `tid` names
        /// them. The issuer of each token must be `issuer` with the token's own `tid`. The discovery document is that
        /// of the tenant `common`.
        allowed_tenants: non_empty Texts,
        /// Further audiences that ID Tokens may list in `aud` beside `client_id`, as Zitadel adds the project's.
        trusted_audiences: Texts = "[]",
        /// Whether logout tokens of the provider must have `exp`, as OpenID Connect Back-Channel Logout 1.0 demands.
        /// `required`: a token without it is refused. `optional`, for Ory Hydra and glewlwyd: a token without it
        /// counts for two minutes after its `iat`.
        logout_token_exp: LogoutTokenExp = "required",
        /// URL of the provider's discovery document, if it is not at the well-known address of `issuer`; the `issuer` in it
        /// must be the same nevertheless. Applications of one issuer must give the same.
        discovery_url: optional String,
        /// Origin (`https://host[:port]`) at which Gatepost reaches the provider: the token, keys, UserInfo, introspection and
        /// revocation endpoints are asked there, if the discovery document names them at the origin of `issuer`. Browsers
        /// are still sent to the addresses in the document. Applications of one issuer must give the same.
        backchannel_base: optional String,
        /// The provider's authorization endpoint, for a provider without a discovery document, or whose document names
        /// addresses that Gatepost cannot reach. With this key, `token_endpoint` and `jwks_uri`, no discovery takes
        /// place; only the endpoints that are given are used. Applications of one issuer must give the same endpoints.
        authorization_endpoint: optional String,
        /// The token endpoint; see `authorization_endpoint`.
        token_endpoint: optional String,
        /// The address of the provider's keys (JWKS); see `authorization_endpoint`.
        jwks_uri: optional String,
        /// The UserInfo endpoint, beside `authorization_endpoint`. Without it, the claims of the ID Token are all.
        userinfo_endpoint: optional String,
        /// The endpoint for RP-initiated logout, beside `authorization_endpoint`. Without it, a sign-out ends at a page of
        /// Gatepost's.
        end_session_endpoint: optional String,
        /// The introspection endpoint (RFC 7662), beside `authorization_endpoint`; `bearer: {verify: introspection}`
        /// requires it.
        introspection_endpoint: optional String,
        /// The revocation endpoint (RFC 7009), beside `authorization_endpoint`. Without it, refresh tokens are not revoked.
        revocation_endpoint: optional String,
        /// Client ID at the provider.
        client_id: required String,
        /// Client secret, preferably as `${VARIABLE}`. Either this key or `client_secret_file` must be set with
        /// `client_secret_basic`, `client_secret_post`, and a HS algorithm in `id_token_signed_response_alg`.
        client_secret: optional SecretString,
        /// A file that holds the client secret; line breaks at its end are removed.
        client_secret_file: optional PathBuf,
        /// Client authentication at the token, introspection and revocation endpoint. `client_secret_basic`
        /// form-encodes client ID and secret before the Basic encoding (RFC 6749 section 2.3.1); some providers do not
        /// decode this. For these, use `client_secret_post` if the secret holds anything but letters and digits.
        /// `none`: a public client without a secret; PKCE is always used. `private_key_jwt`: an assertion (RFC 7523)
        /// that is signed with `client_key_file`, or read from `client_assertion_file`. `tls_client_auth`: the
        /// certificate in `client_certificate_file` (RFC 8705); the endpoints in `mtls_endpoint_aliases` of the
        /// discovery document are used.
        token_endpoint_auth_method: AuthMethod = "client_secret_basic",
        /// Private key (PEM: PKCS#8, PKCS#1 or SEC 1, not encrypted): with `private_key_jwt` the key that signs
        /// assertions, with `tls_client_auth` that of the certificate.
        client_key_file: optional PathBuf,
        /// With `client_key_file` and `private_key_jwt`: the key's identifier at the provider (`kid`). Unless given:
        /// assertions have none.
        client_key_id: optional String,
        /// With `client_key_file` and `private_key_jwt`: the signing algorithm of assertions. Unless given: RS256.
        client_assertion_alg: optional AssertionAlgorithm,
        /// With `client_key_file` and `private_key_jwt`: what `aud` of assertions names. Unless given: `issuer`.
        client_assertion_audience: optional AssertionAudience,
        /// With `private_key_jwt`, in place of `client_key_file`: a file with a client assertion that the platform
        /// keeps fresh, such as a service account token of Kubernetes or a JWT of SPIFFE. It is read for each request
        /// to the provider; while it cannot be read, sign-ins get 503.
        client_assertion_file: optional PathBuf,
        /// With `tls_client_auth`: the client's certificate chain (PEM), its own certificate first.
        client_certificate_file: optional PathBuf,
        /// The signing algorithm (`alg`) of ID Tokens; a token with another one is rejected. `EdDSA` is accepted under its newer
        /// name `Ed25519` (RFC 9864), too.
        id_token_signed_response_alg: SigningAlgorithm = "RS256",
        /// Scopes of the authentication request; `openid` is required. Most providers issue a refresh token (see
        /// `session.refresh`) for the scope `offline_access` only; some issue one without it. Some require consent at
        /// every sign-in for it (`authorization_parameters: {prompt: consent}`), unless the client is registered as
        /// exempt.
        scopes: Texts = "[openid, profile, email]",
        /// Further parameters of every authentication request, such as `prompt`, `acr_values`, `hd`, `access_type`,
        /// `kc_idp_hint`, `resource` or `audience`. They ask for something and prove nothing: what has to hold belongs
        /// into `allow`. Parameters that Gatepost sends itself, or whose effect would replace them, are refused in any
        /// spelling: `client_id`, `redirect_uri`, `response_type`, `response_mode`, `scope`, `state`, `nonce`,
        /// `code_challenge`, `request`, `request_uri`, `claims`, `id_token_hint`, `registration` and others.
        authorization_parameters: optional Parameters,
        /// Parameters that the endpoint `start` passes on to the authentication request from its own query, such as
        /// `login_hint`: a link `/outpost.goauthentik.io/start?rd=/page&login_hint=alice@example.com` then fills in the
        /// name. One that occurs twice, or has more than 1024 bytes, is not passed on. Anybody can write such a link. No
        /// other request passes parameters on. The same names are refused as in `authorization_parameters`.
        forward_parameters: Texts = "[]",
        /// How the provider returns the result of a sign-in. `query`: in the address of a redirect. `form_post`: in the
        /// body of a form post, so that the code is in no address; this needs an https `external_host`, cookies for the
        /// callback with `SameSite=None`, and a front proxy that passes the body of the callback on (see
        /// `docs/sessions.md`).
        response_mode: ResponseMode = "query",
        /// Requests that need no sign-in: regular expressions that are matched with the path, in mode
        /// `forward_domain` with the URL without query. They match anywhere in it unless they begin with `^`, which
        /// anchors one alternative only: `^/public/|/health` opens `/admin/health`, too, so write two expressions, or
        /// `^(/public/|/health$)`. One that matches the empty text, and so every path, is refused.
        skip_path_regex: Patterns = "[]",
        /// Networks or addresses of clients that need no sign-in, with the same meaning as `networks` in `allow`: their
        /// requests pass without identity, unless they bring a session.
        skip_networks: Texts = "[]",
        /// The claim that lists the user's groups, for access rules and identity headers.
        groups_claim: GroupsClaim = "{}",
        /// Access rules for signed-in users. Unless given: every signed-in user has access. A rule matches a user if
        /// it has `anyone: true`, or if each of its keys `groups`, `emails`, `email_domains` and `claims` matches;
        /// one matching item of a list suffices, but `claims` needs all. One rule that matches the user and the
        /// method allows the request. If `paths` of several rules cover the path, only the rules with the longest of
        /// these paths are evaluated; rules without `paths` are evaluated where no other rule covers the path. A user
        /// without a matching rule gets 403: a page with the user's name and a link to sign out.
        allow: non_empty AccessRules,
        /// How `emails` and `email_domains` treat an address without the claim `email_verified`, which Microsoft
        /// Entra ID and AD FS never send. `required`: it matches no rule. `assumed`: it counts as verified; use this
        /// only if users cannot enter an arbitrary address in their profile. An address with `email_verified: false`
        /// never matches.
        email_verified: EmailVerified = "required",
        /// Lifetime of the application's sessions, counted from the sign-in; at most `session.absolute_lifetime`.
        /// Unless given: until `exp` of the ID Token; with a refresh token, `session.absolute_lifetime`.
        access_token_validity: optional Validity,
        /// `redirect_uri` of the authentication request, below `external_host`. Unless given:
        /// `{external_host}/outpost.goauthentik.io/callback?X-authentik-auth-callback=true`.
        redirect_uri: optional String,
        /// `post_logout_redirect_uri` of the logout request, below `external_host`. `none`: the request names none, and the
        /// sign-out ends at a page of the provider's. Unless given: `{external_host}/outpost.goauthentik.io/sign_out`.
        post_logout_redirect_uri: optional String,
        /// How a sign-out ends at the provider.
        end_session: EndSession = "{}",
        /// Whether the application receives the access token in `X-authentik-jwt` and the provider's `jwks_uri` in
        /// `X-authentik-meta-jwks`.
        jwt_headers: bool = "false",
        /// Value of the header `X-authentik-meta-provider`. Unless given: `name`.
        provider_name: optional String,
        /// Whether CORS preflight requests are allowed without a sign-in, with all identity headers removed. With
        /// `false` they get 401.
        pass_preflight: bool = "false",
        /// The attributes of the application's cookies.
        cookie: Cookie = "{}",
        /// Origins of pages whose scripts may read a refusal (401 or 403) of a request that they sent to this application from
        /// another origin: such a response gets `Access-Control-Allow-Origin`, `Access-Control-Allow-Credentials` and
        /// `Vary: Origin`. Exact origins, as browsers send them (`https://app.example.com`), without wildcards. An allowed
        /// request is the application's to answer, so its response gets none of these headers.
        cors_origins: Texts = "[]",
        /// Whether `bearer` and `basic` are enabled. With `false`, Gatepost ignores the `Authorization` header, and
        /// the application receives it unchanged. (In authentik this setting chooses the response to invalid
        /// credentials: 401, or a redirect to the sign-in. Gatepost always responds with 401.)
        intercept_header_auth: bool = "true",
        /// Accepts `Authorization: Bearer` in place of a session. Without this section, such a header reaches the
        /// application unchanged.
        bearer: optional Bearer,
        /// Accepts `Authorization: Basic` with a user name and an app password in place of a session. Gatepost sends
        /// them to the provider's token endpoint as authentik defines it: client-credentials grant without a client
        /// secret, with an ID Token in the response. `basic: {}` uses the defaults; without this section, such a
        /// header reaches the application unchanged. The password of the user name `goauthentik.io/token` is treated
        /// as a bearer token if `bearer` is configured.
        basic: optional Basic,
        /// The identity headers to send. `authentik`: the `X-authentik-*` headers. `legacy`: the headers that
        /// authentik sent until 2022 (`X-Auth-Username`, `X-Auth-Groups`, `X-Forwarded-Email`,
        /// `X-Forwarded-Preferred-Username`, `X-Forwarded-User`). `none`: no set. With every value, `X-authentik-*`
        /// headers of a client are removed.
        headers: HeaderSets = "authentik",
        /// Headers that carry a claim or a constant text. An entry with the name of a header in `headers` replaces
        /// it.
        claim_headers: ClaimHeaders = "[]",
        /// A header with a JWT about the user that Gatepost signs. Without this section there is none.
        assertion: optional Assertion,
        /// Headers from a claim whose value is an object of header names and values, as authentik's
        /// `additionalHeaders`. These names are never set: identity headers, `X-Forwarded-*`, and headers of the
        /// message or the connection, such as `Content-Length` and `Connection`. The log lists the omitted headers at
        /// the sign-in.
        additional_headers: AdditionalHeaders = "{}",
        /// Whether the application receives `Authorization: Basic` with user name and password from the user's
        /// attributes (`ak_proxy.user_attributes`), in place of the client's header. For a user without a password
        /// attribute, the client's header remains.
        basic_auth_enabled: bool = "false",
        /// The attribute that holds the user name. If it is absent, the claim `email` is used.
        basic_auth_user_attribute: optional String,
        /// Required with `basic_auth_enabled: true`: the attribute that holds the password.
        basic_auth_password_attribute: optional String,
    }
}

section! {
    /// Attributes of cookies. All of Gatepost's cookies are `HttpOnly` and `Secure` in any case.
    struct Cookie {
        /// `SameSite` of the session cookie. `lax`: browsers send it with requests of the same site, and with page loads
        /// from everywhere. `strict`: with requests of the same site only; a link on another site begins a sign-in, and
        /// every sign-in ends at a page that leads on. `none`: with requests of every site, for an application that other
        /// sites show in a frame; the application must protect itself against forged requests (CSRF). The cookies of a
        /// sign-in are `lax` or `none`. `none` needs an https `external_host`.
        same_site: SameSite = "lax",
        /// `true`: the cookies are `Partitioned`, so that browsers which block cookies of third parties keep them, apart for
        /// each site that shows the application in a frame; to be used with `same_site: none`. It needs an https
        /// `external_host`.
        partitioned: bool = "false",
        /// `Path` of the session cookie: `/`, or the path of `external_host`, or a part of it that ends before a `/`. Browsers
        /// accept another path than `/` for cookies with the prefix `__Secure-` only, which hosts of the same parent domain
        /// could set, too.
        path: String = "/",
    }
}

section! {
    /// The end of a sign-out at the provider.
    struct EndSession {
        /// `false`: a sign-out ends at a page of Gatepost's, and the user stays signed in at the provider.
        enabled: bool = "true",
        /// URL to which browsers are sent for it, for a provider with parameters of its own in place of RP-Initiated
        /// Logout, such as Auth0 (`/v2/logout`) or Cognito (`/logout`). Only `parameters` are sent along. Unless given: the
        /// provider's `end_session_endpoint`.
        url: optional String,
        /// With `url`: its parameters, such as `client_id` and `returnTo`. Let the provider return to
        /// `{external_host}/outpost.goauthentik.io/sign_out`.
        parameters: Parameters = "{}",
    }
}

/// [`crate::domain::application::Mode`] without its data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Mode {
    ForwardSingle,
    ForwardDomain,
    Proxy,
}

impl Choice for Mode {
    const CHOICES: &'static [(Self, &'static str)] =
        &[(Self::ForwardSingle, "forward_single"), (Self::ForwardDomain, "forward_domain"), (Self::Proxy, "proxy")];
}

impl Choice for SameSite {
    const CHOICES: &'static [(Self, &'static str)] =
        &[(Self::Lax, "lax"), (Self::Strict, "strict"), (Self::None, "none")];
}

impl Choice for EmailVerified {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Required, "required"), (Self::Assumed, "assumed")];
}

impl Choice for LogoutTokenExp {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Required, "required"), (Self::Optional, "optional")];
}

/// [`crate::domain::oidc::client_authentication::ClientAuthentication`] without its data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum AuthMethod {
    ClientSecretBasic,
    ClientSecretPost,
    None,
    PrivateKeyJwt,
    TlsClientAuth,
}

impl Choice for AuthMethod {
    const CHOICES: &'static [(Self, &'static str)] = &[
        (Self::ClientSecretBasic, "client_secret_basic"),
        (Self::ClientSecretPost, "client_secret_post"),
        (Self::None, "none"),
        (Self::PrivateKeyJwt, "private_key_jwt"),
        (Self::TlsClientAuth, "tls_client_auth"),
    ];
}

/// An algorithm of client assertions.
#[derive(Clone, Copy)]
pub(in crate::config) struct AssertionAlgorithm(pub(in crate::config) SigningAlgorithm);

impl Choice for AssertionAlgorithm {
    const CHOICES: &'static [(Self, &'static str)] = &[
        (Self(SigningAlgorithm::RS256), "RS256"),
        (Self(SigningAlgorithm::PS256), "PS256"),
        (Self(SigningAlgorithm::ES256), "ES256"),
        (Self(SigningAlgorithm::EdDSA), "EdDSA"),
    ];
}

impl Choice for AssertionAudience {
    const CHOICES: &'static [(Self, &'static str)] =
        &[(Self::Issuer, "issuer"), (Self::TokenEndpoint, "token_endpoint")];
}

impl Choice for ResponseMode {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Query, "query"), (Self::FormPost, "form_post")];
}

impl Choice for SigningAlgorithm {
    const CHOICES: &'static [(Self, &'static str)] = &Self::ALL;
}
