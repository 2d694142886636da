//! Origins whose pages may read a refusal (Fetch standard, "CORS protocol"): a browser otherwise tells a page's script nothing of
//! a response from another origin, not even its status.

use thiserror::Error;
use url::Url;

use crate::domain::http::{HeaderLines, is_loopback_url};

/// The origins of an application's own pages, as browsers write them in `Origin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsOrigins(Vec<CorsOrigin>);

/// One origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsOrigin(String);

/// Why a text is not an origin that may be listed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CorsOriginFault {
    /// `*`, alone or in a host name.
    #[error(
        "origins are listed one by one: with a wildcard, pages of others could read the answers to a user's requests"
    )]
    Wildcard,
    /// `null` is the origin of every sandboxed frame and local file.
    #[error("`null` is the origin of any sandboxed page")]
    Null,
    /// Not scheme, host and port.
    #[error("it is not an origin")]
    NotAnOrigin,
    /// Not as browsers write it.
    #[error("browsers send this origin as {0}")]
    Spelling(String),
    /// An attacker on the network could serve that page.
    #[error("a plain-http origin must be on this machine")]
    PlainHttp,
}

impl CorsOrigin {
    /// Parses an origin, spelled as browsers spell it: `https://host`, with a port if it is not the scheme's own.
    ///
    /// # Errors
    /// See [`CorsOriginFault`].
    pub fn parse(text: &str) -> Result<Self, CorsOriginFault> {
        if text.contains('*') {
            return Err(CorsOriginFault::Wildcard);
        }
        if text == "null" {
            return Err(CorsOriginFault::Null);
        }
        let url = Url::parse(text).map_err(|_| CorsOriginFault::NotAnOrigin)?;
        let bare = url.username().is_empty() && url.password().is_none() && matches!(url.path(), "" | "/");
        if !matches!(url.scheme(), "http" | "https") || !bare || url.query().is_some() || url.fragment().is_some() {
            return Err(CorsOriginFault::NotAnOrigin);
        }
        let written = url.origin().ascii_serialization();
        if written != text {
            return Err(CorsOriginFault::Spelling(written));
        }
        if url.scheme() == "http" && !is_loopback_url(&url) {
            return Err(CorsOriginFault::PlainHttp);
        }
        Ok(Self(written))
    }
}

impl CorsOrigins {
    /// These origins.
    #[must_use]
    pub const fn new(origins: Vec<CorsOrigin>) -> Self {
        Self(origins)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The listed origin from which a request comes. A request with two `Origin` lines comes from none.
    #[must_use]
    pub fn of(&self, headers: &HeaderLines) -> Option<&str> {
        let sent = headers.single("origin").ok().flatten()?;
        self.0.iter().map(|CorsOrigin(origin)| origin.as_str()).find(|origin| origin.as_bytes() == sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::http::CookieForm;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for text in [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:3000",
            "http://[::1]:1",
            "https://192.0.2.1",
        ] {
            assert_eq!(CorsOrigin::parse(text), Ok(CorsOrigin(text.to_owned())));
        }
        let spelled = |text: &str| CorsOriginFault::Spelling(text.to_owned());
        for (text, fault) in [
            ("*", CorsOriginFault::Wildcard),
            ("https://*.example.com", CorsOriginFault::Wildcard),
            ("null", CorsOriginFault::Null),
            ("", CorsOriginFault::NotAnOrigin),
            ("app.example.com", CorsOriginFault::NotAnOrigin),
            ("ftp://app.example.com", CorsOriginFault::NotAnOrigin),
            ("file:///x", CorsOriginFault::NotAnOrigin),
            ("https://app.example.com/x", CorsOriginFault::NotAnOrigin),
            ("https://app.example.com?x", CorsOriginFault::NotAnOrigin),
            ("https://app.example.com#x", CorsOriginFault::NotAnOrigin),
            ("https://user@app.example.com", CorsOriginFault::NotAnOrigin),
            ("https://app.example.com/", spelled("https://app.example.com")),
            ("https://app.example.com:443", spelled("https://app.example.com")),
            ("https://App.example.com", spelled("https://app.example.com")),
            ("https://bücher.example", spelled("https://xn--bcher-kva.example")),
            ("http://app.example.com", CorsOriginFault::PlainHttp),
        ] {
            assert_eq!(CorsOrigin::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn only_a_listed_origin_that_is_sent_once_is_meant() {
        let listed = CorsOrigins::new(vec![CorsOrigin::parse("https://app.example.com").expect("is an origin")]);
        for (lines, expected) in [
            (&["https://app.example.com"][..], true),
            (&[], false),
            (&["https://app.example.com:443"], false),
            (&["https://App.example.com"], false),
            (&["http://app.example.com"], false),
            (&["https://app.example.com.evil.test"], false),
            (&["https://evil.test"], false),
            (&["null"], false),
            (&["https://app.example.com", "https://app.example.com"], false),
            (&["https://app.example.com, https://evil.test"], false),
        ] {
            let headers = HeaderLines::new(lines.iter().map(|line| ("origin", *line)), CookieForm::Lines);
            assert_eq!(listed.of(&headers).is_some(), expected, "{lines:?}");
            assert_eq!(CorsOrigins::default().of(&headers), None);
        }
    }
}
