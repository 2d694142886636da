//! Requests that arrive as plain http at an application on https. Most come from browsers that used plain http, and are led
//! to https. Some come from browsers that used https already: TLS ends at a proxy in front which does not say so, or is not
//! believed. To lead those to https again would never end.

use super::cookies::OwnCookies;
use crate::domain::http::RequestHead;

/// How often in a row a browser is led to https which shows nothing else.
const MOST_REDIRECTS: u8 = 4;
/// Browsers send these to addresses that they trust only (Fetch Metadata section 2.1).
const FETCH_METADATA: [&str; 4] = ["sec-fetch-mode", "sec-fetch-dest", "sec-fetch-site", "sec-fetch-user"];

/// How a request that arrived as plain http shows that the browser used https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedHttps {
    /// It carries Fetch Metadata.
    FetchMetadata,
    /// It carries a cookie with the attribute `Secure`.
    SecureCookie,
    /// It was led to https several times within seconds.
    Redirected,
}

impl UsedHttps {
    /// Looks for such a sign. `localhost` is trusted by browsers over plain http, too: there the first two say nothing.
    #[must_use]
    pub fn shown_by(head: &RequestHead, own: &OwnCookies) -> Option<Self> {
        let trusted_anyway = head.authority.host().is_loopback();
        let has_metadata = || FETCH_METADATA.iter().any(|name| head.headers.all(name).next().is_some());
        if !trusted_anyway && has_metadata() {
            Some(Self::FetchMetadata)
        } else if !trusted_anyway && own.secure {
            Some(Self::SecureCookie)
        } else if own.led_to_https >= MOST_REDIRECTS {
            Some(Self::Redirected)
        } else {
            None
        }
    }

    /// The sign in words for the operator.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FetchMetadata => "`Sec-Fetch-*` headers, which browsers send over https only",
            Self::SecureCookie => "a cookie of ours with `Secure`, which browsers send over https only",
            Self::Redirected => {
                "the browser was led to https four times within seconds and arrives as plain http again"
            }
        }
    }
}
