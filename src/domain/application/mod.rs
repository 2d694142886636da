//! A protected application, and which requests belong to it.

use std::time::Duration;

use super::crypto::sealing::SealingContext;
use super::http::{Authority, CookieDomain, ExternalHost, Host, Networks, RequestTarget, Scheme};
use super::oidc::authorization_settings::ResponseMode;
use super::oidc::claims::Claims;
use super::oidc::credentials::{AcceptedCredentials, Credential, ForeignIssuer, Refusal, TokenIssuer};
use super::oidc::relying_party::RelyingParty;
use super::policy::backend::{Backends, Upstream};
use super::policy::identity_headers::{ApplicationFacts, HeaderPlan};
use super::policy::{AccessRules, PatternSubject, PublicPaths};
use super::session::{SentTokens, SessionTerms};
use super::slug::Slug;
use cookie_settings::CookieSettings;
use cors::CorsOrigins;
use resource_metadata::ResourceMetadata;

/// The mode of an application, which determines the hosts that it owns; the names are authentik's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One application with its own host name.
    ForwardSingle,
    /// One application for a whole parent domain; sign-ins end at its external host by default.
    ForwardDomain(CookieDomain),
    /// One application with its own host name, whose requests the front proxy passes to the backend that Gatepost
    /// names.
    Proxy(Backends),
}

/// A protected application.
#[derive(Clone, Debug)]
pub struct Application {
    /// Display name.
    pub name: String,
    /// Short name; `X-authentik-meta-app`.
    pub slug: Slug,
    /// `X-authentik-meta-provider`.
    pub provider_name: String,
    /// The mode, which determines its hosts.
    pub mode: Mode,
    /// The address that browsers use.
    pub external: ExternalHost,
    /// Its registration at the identity provider.
    pub relying_party: RelyingParty,
    /// The paths that need no sign-in.
    pub public_paths: PublicPaths,
    /// The networks whose clients need no sign-in.
    pub skip_networks: Networks,
    /// The rules that decide which signed-in users are allowed.
    pub rules: AccessRules,
    /// How long a session lasts; `None`: as long as its ID Token, or its refresh token, allows.
    pub access_token_validity: Option<Duration>,
    /// Whether `X-authentik-jwt` and `X-authentik-meta-jwks` are sent.
    pub jwt_headers: bool,
    /// Whether CORS preflights are allowed without a session.
    pub pass_preflight: bool,
    /// The attributes of its cookies.
    pub cookie: CookieSettings,
    /// The origins whose pages may read a refusal.
    pub cors_origins: CorsOrigins,
    /// The credentials that are accepted in `Authorization` instead of a session.
    pub credentials: AcceptedCredentials,
    /// The metadata about it as a protected resource, if it is published.
    pub resource_metadata: Option<ResourceMetadata>,
    /// The identity headers that it receives.
    pub headers: HeaderPlan,
}

/// The path prefix of Gatepost's own endpoints, below an application's own path.
pub const RESERVED_PREFIX: &str = "/outpost.goauthentik.io/";

impl Application {
    /// Whether this application owns `authority`. A plain-http request belongs to its https application whatever its
    /// port: it is only redirected there.
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

    /// The upstream of a request for `target`; `None` in every mode but `proxy`.
    pub(in crate::domain) fn upstream(&self, claims: Option<&Claims>, target: &RequestTarget) -> Option<Upstream> {
        match &self.mode {
            Mode::Proxy(backends) => Some(Upstream::of(backends, claims, target)),
            Mode::ForwardSingle | Mode::ForwardDomain(_) => None,
        }
    }

    /// Whether the provider returns its authorization responses as form posts, which come from another site.
    #[must_use]
    pub fn takes_form_posts(&self) -> bool {
        self.relying_party.authorization.response_mode == ResponseMode::FormPost
    }

    /// The tokens of a user that it receives.
    #[must_use]
    pub fn sent_tokens(&self) -> SentTokens {
        let by_plan = self.headers.sent_tokens();
        SentTokens { access_token: by_plan.access_token || self.jwt_headers, ..by_plan }
    }

    /// The issuer with whose rules a credential is verified.
    ///
    /// # Errors
    /// When the credential is a token of no issuer that the application accepts.
    pub fn issuer_of(&self, credential: &Credential) -> Result<TokenIssuer<'_>, Refusal> {
        match (credential, &self.credentials.bearer) {
            (Credential::Token(token), Some(rules)) => Ok(rules.issuer_of(token, (&self.relying_party).into())?),
            (Credential::Token(_), None) | (Credential::AppPassword(_), _) => Ok(TokenIssuer::Provider),
        }
    }

    /// The foreign issuers whose tokens it accepts.
    pub fn foreign_issuers(&self) -> impl Iterator<Item = &ForeignIssuer> {
        self.credentials.bearer.iter().flat_map(|rules| &rules.issuers)
    }

    /// The address of one of Gatepost's own endpoints, such as `start`.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> String {
        self.external.join(&format!("{RESERVED_PREFIX}{name}"))
    }
}

impl<'a> From<&'a Application> for SessionTerms<'a> {
    fn from(application: &'a Application) -> Self {
        Self {
            application: &application.slug,
            issuer: (&application.relying_party).into(),
            client_id: &application.relying_party.client_id,
            validity: application.access_token_validity,
            sent_tokens: application.sent_tokens(),
        }
    }
}

impl<'a> From<&'a Application> for ApplicationFacts<'a> {
    fn from(application: &'a Application) -> Self {
        Self {
            slug: application.slug.as_str(),
            provider_name: &application.provider_name,
            jwt_headers: application.jwt_headers,
        }
    }
}

/// A value that was sealed for one application cannot be opened for another, nor after its issuer has changed.
impl<'a> From<&'a Application> for SealingContext<'a> {
    fn from(application: &'a Application) -> Self {
        Self([application.slug.as_str().as_bytes(), application.relying_party.issuer.as_bytes()])
    }
}

/// In domain mode one list of patterns applies to many hosts, so patterns match the whole URL.
impl From<&Mode> for PatternSubject {
    fn from(mode: &Mode) -> Self {
        match mode {
            Mode::ForwardSingle | Mode::Proxy(_) => Self::Path,
            Mode::ForwardDomain(_) => Self::Url,
        }
    }
}

pub mod cookie_settings;
pub mod cookies;
pub mod cors;
pub mod endpoints;
pub mod plain_http;
pub mod registry;
pub mod resource_metadata;
pub mod return_address;
pub mod return_cookie;
pub mod sign_out;
#[cfg(test)]
mod tests;
