//! One protected application, and which requests are its own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use thiserror::Error;
use url::Url;

use super::access::{AccessRules, UnauthenticatedPaths};
use super::backend::Backends;
use super::credentials::AcceptedCredentials;
use super::headers::HeaderPlan;
use super::request::{Authority, Host, HostFault, Scheme};

/// An application's short name: lower-case letters, digits, `-` and `_`; unique in the outpost.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(Arc<str>);

/// Why a slug was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a slug is 1 to 64 lower-case letters, digits, `-` and `_`")]
pub struct BadSlug;

impl Slug {
    /// Takes `text` as a slug.
    ///
    /// # Errors
    /// When it is empty, longer than 64 bytes or holds anything but lower-case letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Result<Self, BadSlug> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) { Ok(Self(text.into())) } else { Err(BadSlug) }
    }

    /// The slug that a display name suggests: `Team Wiki` gives `team-wiki`.
    ///
    /// # Errors
    /// When nothing of the name can stand in a slug.
    pub fn from_name(name: &str) -> Result<Self, BadSlug> {
        let parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
        Self::parse(&parts.collect::<Vec<_>>().join("-").to_ascii_lowercase())
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which hosts an application owns, by authentik's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One application with its own host name.
    ForwardSingle,
    /// One application for a whole parent domain; its external host is where sign-ins end.
    ForwardDomain(CookieDomain),
    /// One application with its own host name, whose requests the front proxy passes on to the backend that we name.
    Proxy(Backends),
}

/// A parent domain whose hosts share one session cookie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CookieDomain(Host);

/// Why a cookie domain was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CookieDomainFault {
    /// Not a host name at all.
    #[error(transparent)]
    NotAHost(#[from] HostFault),
    /// An address has no parent.
    #[error("an address cannot be a cookie domain")]
    Address,
    /// Browsers refuse cookies for it, or everybody would share them.
    #[error("it is a public suffix or a single label, under which strangers register their own names")]
    PublicSuffix,
    /// Written with upper-case letters.
    #[error("it must be written in lower case")]
    UpperCase,
}

impl CookieDomain {
    /// Parses `example.com` or `.example.com`, which means the same (RFC 6265 section 5.2.3).
    ///
    /// # Errors
    /// When it is no lower-case name of at least two labels, or a public suffix.
    pub fn parse(text: &str) -> Result<Self, CookieDomainFault> {
        let text = text.strip_prefix('.').unwrap_or(text);
        let host = Host::parse(text)?;
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(CookieDomainFault::UpperCase);
        }
        if host.is_address() {
            return Err(CookieDomainFault::Address);
        }
        let is_suffix = psl::suffix_str(text).is_none_or(|suffix| suffix == text);
        if is_suffix || !text.contains('.') {
            return Err(CookieDomainFault::PublicSuffix);
        }
        Ok(Self(host))
    }

    /// The domain as text, without a leading dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether `host` lies below this domain, at a dot. An internationalised label below it (`xn--`) does
    /// not count: one that looks like a neighbour's would otherwise be trusted.
    #[must_use]
    pub fn covers(&self, host: &Host) -> bool {
        let below = host.as_str().strip_suffix(self.as_str()).and_then(|labels| labels.strip_suffix('.'));
        below.is_some_and(|labels| !labels.is_empty() && !labels.split('.').any(|label| label.starts_with("xn--")))
    }
}

/// The address by which browsers know an application: scheme, host, port and path prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalHost {
    scheme: Scheme,
    authority: Authority,
    /// Empty, or `/path` without a final slash.
    path: String,
}

/// Why an external host was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ExternalHostFault {
    /// Not `https://host[:port][/path]`.
    #[error("it must read https://host[:port][/path], without user, query or fragment")]
    NotAnAddress,
    /// The host part is not a host.
    #[error(transparent)]
    Host(#[from] HostFault),
    /// Plain http beyond this machine.
    #[error("http is only for loopback addresses and names under `localhost`; use https")]
    PlainHttp,
    /// The path is not in canonical form.
    #[error("the path must be plain segments without escapes, dots or doubled slashes")]
    OddPath,
}

impl ExternalHost {
    /// Parses `https://host[:port][/path]`; http only for this very machine.
    ///
    /// # Errors
    /// See [`ExternalHostFault`].
    pub fn parse(text: &str) -> Result<Self, ExternalHostFault> {
        let (scheme, rest) = text.split_once("://").ok_or(ExternalHostFault::NotAnAddress)?;
        let scheme = Scheme::parse(scheme).ok_or(ExternalHostFault::NotAnAddress)?;
        if rest.contains(['?', '#', '@', '\\']) {
            return Err(ExternalHostFault::NotAnAddress);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = Authority::parse(authority)?;
        if scheme == Scheme::Http && !authority.host().is_loopback() {
            return Err(ExternalHostFault::PlainHttp);
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        if !is_plain_path(path) {
            return Err(ExternalHostFault::OddPath);
        }
        Ok(Self { scheme, authority, path: path.to_owned() })
    }

    /// The scheme browsers use.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host without port.
    #[must_use]
    pub const fn host(&self) -> &Host {
        self.authority.host()
    }

    /// The port, the scheme's own when none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authority.port_or_default(self.scheme)
    }

    /// The path prefix: empty, or `/path` without a final slash.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Scheme and authority: `https://wiki.example.com`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority.to_text(self.scheme))
    }

    /// The address of `suffix` (which begins with `/`) below this application.
    #[must_use]
    pub fn join(&self, suffix: &str) -> String {
        format!("{}{}{suffix}", self.origin(), self.path)
    }
}

/// Whether a path is empty, or segments that everybody reads alike: unreserved characters (RFC 3986 section 2.3), no dot at
/// an end.
pub(in crate::domain) fn is_plain_path(path: &str) -> bool {
    let plain = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && !segment.ends_with('.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
    };
    path.split('/').skip(1).all(plain)
}

/// What the identity provider knows the application as (`OpenID` Connect: the relying party).
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// Issuer identifier, byte for byte as the provider's metadata and tokens name it.
    pub issuer: String,
    /// Client identifier at that provider.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretString,
    /// How client id and secret travel to the token endpoint.
    pub token_endpoint_auth_method: ClientAuthentication,
    /// The one algorithm that ID Tokens may be signed with.
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// Scopes to ask for; `openid` always among them.
    pub scopes: Vec<String>,
    /// Claims that the operator's settings read, beside those that every sign-in is asked for.
    pub claims: Vec<String>,
    /// Those of them by which the access rules judge.
    pub claims_of_rules: Vec<String>,
    /// Where the provider sends the browser back to after a sign-in.
    pub redirect_uri: Url,
    /// Where the provider sends the browser after a sign-out.
    pub post_logout_redirect_uri: Url,
}

/// Client authentication at the token endpoint (`OpenID` Connect Core section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ClientAuthentication {
    /// HTTP Basic.
    #[default]
    ClientSecretBasic,
    /// Form parameters.
    ClientSecretPost,
}

/// Signature algorithms of ID Tokens (RFC 7518 section 3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
#[expect(missing_docs, reason = "each name is the registered identifier")]
pub enum SigningAlgorithm {
    #[default]
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
    HS256,
    HS384,
    HS512,
}

impl SigningAlgorithm {
    /// All of them, with their registered identifiers.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::RS256, "RS256"),
        (Self::RS384, "RS384"),
        (Self::RS512, "RS512"),
        (Self::PS256, "PS256"),
        (Self::PS384, "PS384"),
        (Self::PS512, "PS512"),
        (Self::ES256, "ES256"),
        (Self::ES384, "ES384"),
        (Self::EdDSA, "EdDSA"),
        (Self::HS256, "HS256"),
        (Self::HS384, "HS384"),
        (Self::HS512, "HS512"),
    ];

    /// The algorithm registered as `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, text)| *text == name).map(|(algorithm, _)| *algorithm)
    }

    /// Whether a published key verifies it, not the client secret.
    #[must_use]
    pub const fn uses_public_key(self) -> bool {
        !matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }

    /// The registered identifier.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(algorithm, _)| *algorithm == self).map_or("", |(_, text)| text)
    }
}

/// One protected application.
#[derive(Clone, Debug)]
pub struct Application {
    /// Display name.
    pub name: String,
    /// Short name; `X-authentik-meta-app`.
    pub slug: Slug,
    /// `X-authentik-meta-provider`.
    pub provider_name: String,
    /// Which hosts it owns.
    pub mode: Mode,
    /// The address by which browsers know it.
    pub external: ExternalHost,
    /// What the identity provider knows it as.
    pub relying_party: RelyingParty,
    /// What nobody has to sign in for.
    pub unauthenticated: UnauthenticatedPaths,
    /// Which of those who signed in may pass.
    pub rules: AccessRules,
    /// How long a session lasts; `None`: as long as its ID Token says.
    pub access_token_validity: Option<Duration>,
    /// Whether `X-authentik-jwt` and `X-authentik-meta-jwks` are sent.
    pub jwt_headers: bool,
    /// Whether CORS preflights pass without a session.
    pub pass_preflight: bool,
    /// What is accepted in `Authorization` instead of a session.
    pub credentials: AcceptedCredentials,
    /// What it is told about its users.
    pub headers: HeaderPlan,
}

/// The path prefix of our own endpoints, below an application's own path.
pub const RESERVED_PREFIX: &str = "/outpost.goauthentik.io/";

impl Application {
    /// Whether this application answers for `authority`. A plain-http request belongs to its https application on
    /// whatever port it came: it is only led there.
    #[must_use]
    pub fn owns(&self, authority: &Authority, scheme: Scheme) -> bool {
        let is_led_to_https = scheme == Scheme::Http && self.external.scheme() == Scheme::Https;
        let same_port = authority.port_or_default(scheme) == self.external.port();
        (same_port || is_led_to_https) && self.owns_host(authority.host())
    }

    /// Whether `host` is the external host or, in domain mode, one below the cookie domain.
    #[must_use]
    pub fn owns_host(&self, host: &Host) -> bool {
        host == self.external.host() || matches!(&self.mode, Mode::ForwardDomain(domain) if domain.covers(host))
    }

    /// The address of one of our own endpoints, such as `start`.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> String {
        self.external.join(&format!("{RESERVED_PREFIX}{name}"))
    }
}

#[cfg(test)]
#[path = "application_tests.rs"]
mod tests;
