//! The addresses of authentik: the one by which the outpost reaches it, and the one that browsers use.

use std::fmt;

use thiserror::Error;
use url::Url;

/// Why a text is not an address of authentik.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AddressFault {
    /// Not an absolute address at all.
    #[error("it is not an address")]
    NotAnAddress,
    /// Another scheme than http and https.
    #[error("the scheme is `{0}`")]
    Scheme(String),
    /// A user name or password in the address.
    #[error("it contains a user name or a password")]
    Credentials,
    /// A fragment.
    #[error("it contains a fragment (`#…`)")]
    Fragment,
}

impl AddressFault {
    /// How to correct the address.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::NotAnAddress => "write https://authentik.example.com/",
            Self::Scheme(_) => "write https://, or http:// within a trusted network",
            Self::Credentials => "the token goes into a setting of its own",
            Self::Fragment => "leave that away",
        }
    }
}

/// The address by which the outpost reaches authentik, with the path below which it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress(Url);

impl ServerAddress {
    /// Reads an address; a missing final `/` is added.
    ///
    /// # Errors
    /// See [`AddressFault`].
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let mut url = parse(text)?;
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    /// The address of a resource of the API, such as `outposts/proxy/`.
    pub(super) fn api(&self, resource: &str, query: Option<&str>) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}api/v3/{resource}", self.0.path()));
        url.set_query(query);
        url
    }

    /// The address of the WebSocket of an outpost; the handshake is an HTTP request. The address' own query stays in front.
    pub(super) fn websocket(&self, outpost: &str, instance: &str, attempt: u64) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}ws/outpost/{outpost}/", self.0.path()));
        url.query_pairs_mut().append_pair("instance_uuid", instance).append_pair("attempt", &attempt.to_string());
        url
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(url) = self;
        write!(f, "{}{}", url.origin().ascii_serialization(), url.path())
    }
}

/// The address that browsers use for authentik; only its scheme, host and port matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserAddress(Url);

impl BrowserAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// See [`AddressFault`].
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        parse(text).map(Self)
    }

    /// `url` with the scheme, host and port of this address.
    pub(super) fn rewrite(&self, mut url: Url) -> Url {
        let Self(to) = self;
        // None of these fails among http and https addresses, which all have a host.
        let _ = url.set_scheme(to.scheme());
        let _ = url.set_host(to.host_str());
        let _ = url.set_port(to.port());
        url
    }

    /// The host, and the port unless it is the scheme's own: what a browser sends as `Host`.
    pub(super) fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub(super) fn scheme(&self) -> &str {
        self.0.scheme()
    }
}

impl fmt::Display for BrowserAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

fn parse(text: &str) -> Result<Url, AddressFault> {
    let url = Url::parse(text.trim()).map_err(|_| AddressFault::NotAnAddress)?;
    if !matches!(url.scheme(), "http" | "https") {
        // `authentik:9000` has the scheme `authentik`.
        let is_scheme = text.contains("://");
        return Err(if is_scheme { AddressFault::Scheme(url.scheme().to_owned()) } else { AddressFault::NotAnAddress });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressFault::Credentials);
    }
    if url.fragment().is_some() { Err(AddressFault::Fragment) } else { Ok(url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_final_slash_and_keeps_its_path() {
        for (text, api, websocket) in [
            (
                "https://a.example",
                "https://a.example/api/v3/x/",
                "https://a.example/ws/outpost/o/?instance_uuid=i&attempt=2",
            ),
            (
                "https://a.example/",
                "https://a.example/api/v3/x/",
                "https://a.example/ws/outpost/o/?instance_uuid=i&attempt=2",
            ),
            (
                "http://a.example:9000/auth",
                "http://a.example:9000/auth/api/v3/x/",
                "http://a.example:9000/auth/ws/outpost/o/?instance_uuid=i&attempt=2",
            ),
            (
                " https://a.example/auth/?tenant=1\n",
                "https://a.example/auth/api/v3/x/",
                "https://a.example/auth/ws/outpost/o/?tenant=1&instance_uuid=i&attempt=2",
            ),
        ] {
            let address = ServerAddress::parse(text).unwrap();
            assert_eq!(address.api("x/", None).as_str(), api);
            assert_eq!(address.websocket("o", "i", 2).as_str(), websocket);
        }
        let address = ServerAddress::parse("https://a.example/auth?tenant=1").unwrap();
        assert_eq!(address.api("x/", Some("page=1")).as_str(), "https://a.example/auth/api/v3/x/?page=1");
        assert_eq!(address.to_string(), "https://a.example/auth/");
    }

    #[test]
    fn what_is_no_address_says_how_to_write_it() {
        for (text, fault) in [
            ("", AddressFault::NotAnAddress),
            ("a.example", AddressFault::NotAnAddress),
            ("a.example:9000", AddressFault::NotAnAddress),
            ("https://", AddressFault::NotAnAddress),
            ("ftp://a.example", AddressFault::Scheme("ftp".to_owned())),
            ("wss://a.example", AddressFault::Scheme("wss".to_owned())),
            ("https://user:secret@a.example", AddressFault::Credentials),
            ("https://user@a.example", AddressFault::Credentials),
            ("https://a.example/#x", AddressFault::Fragment),
        ] {
            assert!(!fault.to_string().contains("secret"));
            assert_eq!(ServerAddress::parse(text).err().as_ref(), Some(&fault), "{text}");
            assert_eq!(BrowserAddress::parse(text).err(), Some(fault), "{text}");
        }
    }
}
