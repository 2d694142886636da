//! Which host counts for what. authentik puts the host by which the outpost asked into every endpoint; browsers may know it by
//! another one.

use thiserror::Error;
use url::Url;

use super::address::{AddressFault, BrowserAddress};
use super::model::{OpenIdConnectConfiguration, Outpost};
use crate::domain::oidc::relying_party::BackchannelHost;

/// What browsers call authentik, if it is not what the outpost calls it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    browser: Option<BrowserAddress>,
    is_embedded: bool,
}

/// Why endpoints cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum HostsFault {
    /// The configuration of the embedded outpost has no address for browsers.
    #[error("`authentik_host` of the embedded outpost cannot be used: {0}; {help}", help = .0.help())]
    AuthentikHost(AddressFault),
    /// An endpoint is not an http or https address.
    #[error("`oidc_configuration.{0}` is not an http or https address; save the provider in authentik again")]
    Endpoint(&'static str),
}

/// The endpoints of a provider, each with the host that its users reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The issuer in its ID Tokens; text, because it is compared byte by byte.
    pub issuer: String,
    /// Visited by browsers.
    pub authorization: Url,
    /// Visited by browsers.
    pub end_session: Url,
    /// Asked by the outpost, with the `backchannel_host`.
    pub token: Url,
    /// Asked by the outpost, with the `backchannel_host`.
    pub introspection: Url,
    /// Asked by the outpost.
    pub user_info: Url,
    /// Asked by the outpost.
    pub jwks: Url,
    /// What token and introspection requests claim as their host, where that is not the one they are sent to.
    pub backchannel_host: Option<BackchannelHost>,
}

impl Hosts {
    /// The hosts of `outpost`; `host_browser` is the operator's setting.
    ///
    /// # Errors
    /// See [`HostsFault`].
    pub fn of(outpost: &Outpost, host_browser: Option<&BrowserAddress>) -> Result<Self, HostsFault> {
        let is_embedded = outpost.is_embedded();
        let browser = match (is_embedded, &outpost.config.authentik_host) {
            (false, _) => host_browser.cloned(),
            (true, None) => None,
            (true, Some(text)) => Some(BrowserAddress::parse(text).map_err(HostsFault::AuthentikHost)?),
        };
        Ok(Self { browser, is_embedded })
    }

    /// The endpoints of a provider: those that browsers visit, and the issuer, have the browsers' host; those that the outpost
    /// asks stay where they are.
    ///
    /// # Errors
    /// See [`HostsFault`].
    pub fn endpoints(&self, given: &OpenIdConnectConfiguration) -> Result<Endpoints, HostsFault> {
        let for_browsers = |text, name| {
            let url = endpoint(text, name)?;
            Ok(self.browser.as_ref().map_or_else(|| url.clone(), |browser| browser.rewrite(url.clone())))
        };
        let jwks = if self.is_embedded {
            for_browsers(&given.jwks_uri, "jwks_uri")
        } else {
            endpoint(&given.jwks_uri, "jwks_uri")
        };
        let issuer = for_browsers(&given.issuer, "issuer")?;
        Ok(Endpoints {
            issuer: if self.browser.is_some() { issuer.into() } else { given.issuer.clone() },
            authorization: for_browsers(&given.authorization_endpoint, "authorization_endpoint")?,
            end_session: for_browsers(&given.end_session_endpoint, "end_session_endpoint")?,
            token: endpoint(&given.token_endpoint, "token_endpoint")?,
            introspection: endpoint(&given.introspection_endpoint, "introspection_endpoint")?,
            user_info: endpoint(&given.userinfo_endpoint, "userinfo_endpoint")?,
            jwks: jwks?,
            backchannel_host: self
                .browser
                .as_ref()
                .map(|browser| BackchannelHost { authority: browser.authority(), scheme: browser.scheme().to_owned() }),
        })
    }
}

fn endpoint(text: &str, name: &'static str) -> Result<Url, HostsFault> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or(HostsFault::Endpoint(name))
}

/// The redirect URI that authentik registered for an external host. It compares texts, so nothing is normalized; like Python's
/// `urljoin`, which made it, this drops the last segment of a path without a final slash.
#[must_use]
pub fn redirect_uri(external_host: &str) -> String {
    const CALLBACK: &str = "outpost.goauthentik.io/callback?X-authentik-auth-callback=true";
    let base = external_host.split(['?', '#']).next().unwrap_or_default();
    let authority = base.find("://").map_or(0, |scheme| scheme + 3);
    let path = base.get(authority..).and_then(|rest| rest.find('/')).map(|slash| authority + slash);
    let Some((origin, path)) = path.and_then(|path| base.split_at_checked(path)) else {
        return format!("{base}/{CALLBACK}");
    };
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    // Dot segments are resolved (RFC 3986 section 5.2.4), those above the root are dropped, and so are empty ones.
    let mut segments: Vec<&str> = Vec::new();
    for segment in parent.split('/').skip(1) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let parent: String = segments.into_iter().flat_map(|segment| ["/", segment]).collect();
    format!("{origin}{parent}/{CALLBACK}")
}

#[cfg(test)]
mod tests;
