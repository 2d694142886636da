//! Requests that arrive as plain http at an application on https. Most come from browsers that used plain http, and are
//! redirected to https. Some come from browsers that used https already: TLS ends at a proxy in front which does not
//! report it, or whose report is not trusted. Redirecting those to https would never end.

use super::cookies::OwnCookies;
use crate::domain::http::RequestHead;

/// How many times in a row a browser is redirected to https while it shows no other sign of https.
const MOST_REDIRECTS: u8 = 4;
/// Browsers send these headers to trustworthy addresses only (Fetch Metadata section 2.1).
const FETCH_METADATA: [&str; 4] = ["sec-fetch-mode", "sec-fetch-dest", "sec-fetch-site", "sec-fetch-user"];

/// The sign by which a request that arrived as plain http shows that the browser used https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedHttps {
    /// It has Fetch Metadata headers.
    FetchMetadata,
    /// It has a cookie with the attribute `Secure`.
    SecureCookie,
    /// It was redirected to https several times within seconds.
    Redirected,
}

impl UsedHttps {
    /// Looks for such a sign. Browsers trust `localhost` over plain http as well: there the first two signs prove
    /// nothing.
    #[must_use]
    pub fn shown_by(head: &RequestHead, own: &OwnCookies) -> Option<Self> {
        let trusted_anyway = head.authority.host().is_loopback();
        let has_metadata = || FETCH_METADATA.iter().any(|name| head.headers.all(name).next().is_some());
        if !trusted_anyway && has_metadata() {
            Some(Self::FetchMetadata)
        } else if !trusted_anyway && own.secure {
            Some(Self::SecureCookie)
        } else if own.redirected_to_https >= MOST_REDIRECTS {
            Some(Self::Redirected)
        } else {
            None
        }
    }

    /// The sign as text for the operator.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FetchMetadata => "`Sec-Fetch-*` headers, which browsers send over https only",
            Self::SecureCookie => "a `Secure` cookie of Gatepost, which browsers send over https only",
            Self::Redirected => {
                "the browser was redirected to https four times within seconds, and the request arrives as plain http again"
            }
        }
    }
}
