//! A parent domain for which session cookies are set.

use thiserror::Error;

use super::{Host, HostFault};

/// A parent domain whose hosts share one session cookie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CookieDomain(Host);

/// Why a cookie domain was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CookieDomainFault {
    /// Not a host name.
    #[error(transparent)]
    NotAHost(#[from] HostFault),
    /// An IP address has no parent domain.
    #[error("an address cannot be a cookie domain")]
    Address,
    /// Browsers refuse cookies for such a domain, or all its registrants would share them.
    #[error("it is a public suffix or a single label, under which other parties register domains")]
    PublicSuffix,
    /// Written with upper-case letters.
    #[error("it must be written in lower case")]
    UpperCase,
}

impl CookieDomain {
    /// Parses `example.com` or `.example.com`, which means the same (RFC 6265 section 5.2.3).
    ///
    /// # Errors
    /// When it is not a lower-case name of at least two labels, or is a public suffix.
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

    /// Whether `host` lies below this domain, at a dot. A host with an internationalised label below it (`xn--`) does
    /// not count: otherwise one that resembles another host's name would be trusted.
    #[must_use]
    pub fn covers(&self, host: &Host) -> bool {
        let below = host.as_str().strip_suffix(self.as_str()).and_then(|labels| labels.strip_suffix('.'));
        below.is_some_and(|labels| !labels.is_empty() && !labels.split('.').any(|label| label.starts_with("xn--")))
    }
}
