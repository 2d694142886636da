//! Keys of one application.

use std::path::PathBuf;

use secrecy::SecretString;

use super::credentials::{Basic, Bearer};
use super::headers::{AdditionalHeaders, ClaimHeader};
use super::rules::AccessRule;
use crate::config::reader::Spanned;
use crate::config::section::section;
use crate::config::value::Texts;
use crate::config::value::{Choice, HeaderSets, Patterns, Validity};
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::relying_party::ClientAuthentication;
use crate::domain::policy::EmailVerified;

type AccessRules = Vec<Spanned<AccessRule>>;
type ClaimHeaders = Vec<Spanned<ClaimHeader>>;

section! {
    /// One protected application.
    struct Application {
        /// Display name.
        name: required String,
        /// Short name, sent as `X-authentik-meta-app`; unique. Unless given: `name` in lower case with `-` for everything
        /// but letters and digits.
        slug: optional String,
        /// The address by which browsers know the application, `https://host[:port][/path]`. Plain http only for loopback
        /// addresses and names under `localhost`.
        external_host: required String,
        /// `forward_single` guards one application under its own host. `forward_domain` guards every host of
        /// `cookie_domain`, with one sign-in for all, and `external_host` is where sign-ins end. `proxy` is `forward_single`
        /// behind an Envoy that passes each request on to the backend that Gatepost names, as `envoy/proxy-mode` sets it up.
        mode: Mode = "forward_single",
        /// The parent domain in mode `forward_domain`; `external_host` lies in it.
        cookie_domain: optional String,
        /// The backend in mode `proxy`, `http://host[:port]` or `https://host[:port]`.
        internal_host: optional String,
        /// Whether https backends have to show a certificate for their name from an authority that Envoy trusts. Unless given:
        /// `true`.
        internal_host_ssl_validation: optional bool,
        /// Which backends the claim `ak_proxy.backend_override` may name in mode `proxy` beside `internal_host`: hosts
        /// (`wiki.internal`, `wiki.internal:8443`), suffixes of names (`.apps.internal`), networks (`10.0.0.0/8`). A network lists
        /// no name. Loopback and link-local addresses count only by a network that lies in their range, or listed
        /// themselves. Unless given: none, and the claim has no effect.
        backend_allow: optional Texts,
        /// Issuer identifier, byte for byte as the provider's discovery document names it. Plain http only for loopback.
        issuer: required String,
        /// Client identifier at the provider.
        client_id: required String,
        /// Client secret. Give it here, best as `${VARIABLE}`, or in `client_secret_file`.
        client_secret: optional SecretString,
        /// A file that holds the client secret; final line ends are cut off.
        client_secret_file: optional PathBuf,
        /// How client id and secret travel to the token endpoint. Basic form-encodes both first (RFC 6749 section 2.3.1), which some
        /// providers do not undo: with those, and a secret of more than letters and digits, take `client_secret_post`.
        token_endpoint_auth_method: ClientAuthentication = "client_secret_basic",
        /// The one algorithm that ID Tokens may be signed with.
        id_token_signed_response_alg: SigningAlgorithm = "RS256",
        /// Scopes to ask for; `openid` has to be among them. Most providers hand out refresh tokens (see `session.refresh`) for
        /// `offline_access` only; some give one without it, and some want a consent page shown each time (`prompt=consent`,
        /// which Gatepost does not ask for) unless the client is registered as one that may do without.
        scopes: Texts = "[openid, profile, email]",
        /// What nobody has to sign in for: regular expressions, matched anywhere unless `^` anchors them, against the
        /// path; in mode `forward_domain` against the URL without query.
        skip_path_regex: Patterns = "[]",
        /// Who may pass of those who signed in. Unless given: everybody. A rule means `anyone`, or users whom every key that it
        /// gives fits, each by one of its values. A request passes by one whole rule. The rules with the longest of `paths` that
        /// covers it decide alone; a rule without `paths` counts where no other does. Who may not pass gets a 403 that names the
        /// user and offers to sign out.
        allow: non_empty AccessRules,
        /// What `emails` and `email_domains` make of an address about which the provider does not say whether it is verified,
        /// as Microsoft Entra ID and AD FS never do. `required`: it fits nothing. `assumed`: it counts as verified. Assume that
        /// only where users cannot write any address they like into their profile. An address that the provider calls
        /// unverified (`email_verified` is `false`) never fits.
        email_verified: EmailVerified = "required",
        /// How long a sign-in is good for. Unless given: as long as the ID Token says; with a refresh token, for
        /// `session.absolute_lifetime`.
        access_token_validity: optional Validity,
        /// Where the provider sends the browser after a sign-in. Unless given:
        /// `{external_host}/outpost.goauthentik.io/callback?X-authentik-auth-callback=true`.
        redirect_uri: optional String,
        /// Where the provider sends the browser after a sign-out. Unless given:
        /// `{external_host}/outpost.goauthentik.io/sign_out`.
        post_logout_redirect_uri: optional String,
        /// Whether the application gets `X-authentik-jwt` and `X-authentik-meta-jwks`.
        jwt_headers: bool = "false",
        /// Sent as `X-authentik-meta-provider`. Unless given: `name`.
        provider_name: optional String,
        /// Whether CORS preflights pass without a sign-in, with every identity header removed.
        pass_preflight: bool = "false",
        /// Whether `bearer` and `basic` are in force. With `false` the `Authorization` header is never looked at and passes to the
        /// application as it came. (In authentik this switch only decides what unusable credentials are answered with: 401 or
        /// the way to the sign-in. Here they are answered with 401.)
        intercept_header_auth: bool = "true",
        /// Accepts `Authorization: Bearer` instead of a session. Unless given, such a header is left alone.
        bearer: optional Bearer,
        /// Accepts `Authorization: Basic` with a user name and an app password, which are tried at the provider as authentik has
        /// it: the client-credentials grant without a client secret, answered with an ID Token. `basic: {}` takes the
        /// defaults; unless given, such a header is left alone. A password for the user `goauthentik.io/token` is taken for a
        /// bearer token where `bearer` is given.
        basic: optional Basic,
        /// Which identity headers are sent. `legacy` is what authentik sent until 2022: `X-Auth-Username`, `X-Auth-Groups`,
        /// `X-Forwarded-Email`, `X-Forwarded-Preferred-Username`, `X-Forwarded-User`. Whatever is chosen, no client's
        /// `X-authentik-*` passes.
        headers: HeaderSets = "authentik",
        /// Headers of your own, from any claim. One that a set has, too, is redefined.
        claim_headers: ClaimHeaders = "[]",
        /// Headers that stand in a claim as an object of names and values, as authentik's `additionalHeaders`. Names of
        /// identity headers, `X-Forwarded-*` and what belongs to the message or the connection are never set; what is left out
        /// is logged at the sign-in.
        additional_headers: AdditionalHeaders = "{}",
        /// Whether the application gets `Authorization: Basic` from attributes of the user (`ak_proxy.user_attributes`), in place
        /// of whatever the client sent. A user without a password gets none, and the client's own header stays.
        basic_auth_enabled: bool = "false",
        /// The attribute with the user name. Where the user has none: `email`.
        basic_auth_user_attribute: optional String,
        /// The attribute with the password.
        basic_auth_password_attribute: optional String,
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

impl Choice for EmailVerified {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Required, "required"), (Self::Assumed, "assumed")];
}

impl Choice for ClientAuthentication {
    const CHOICES: &'static [(Self, &'static str)] =
        &[(Self::ClientSecretBasic, "client_secret_basic"), (Self::ClientSecretPost, "client_secret_post")];
}

impl Choice for SigningAlgorithm {
    const CHOICES: &'static [(Self, &'static str)] = &Self::ALL;
}
