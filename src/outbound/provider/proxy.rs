//! The forward proxy of requests to identity providers.

use std::fmt;

use reqwest::{NoProxy, Proxy};
use url::Url;

/// A forward proxy for https, which tunnels by `CONNECT` (RFC 9110 section 9.3.6), so that TLS is between Gatepost and the provider.
/// Plain http goes to this machine and to networks that the operator trusts, without a proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderProxy {
    url: Url,
    /// Hosts that are called directly, as in `NO_PROXY`.
    exceptions: Option<String>,
}

impl ProviderProxy {
    /// The proxy at `url`, which may contain user name and password.
    #[must_use]
    pub const fn new(url: Url, exceptions: Option<String>) -> Self {
        Self { url, exceptions }
    }

    /// Its address.
    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn for_client(&self) -> reqwest::Result<Proxy> {
        let proxy = Proxy::https(self.url.clone())?;
        Ok(proxy.no_proxy(self.exceptions.as_deref().and_then(NoProxy::from_string)))
    }
}

/// Without user name and password.
impl fmt::Debug for ProviderProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host) = (self.url.scheme(), self.url.host_str().unwrap_or_default());
        let port = self.url.port_or_known_default().unwrap_or_default();
        write!(
            f,
            "ProviderProxy({scheme}://{host}:{port}, except {:?})",
            self.exceptions.as_deref().unwrap_or_default()
        )
    }
}
