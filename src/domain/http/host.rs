//! Hosts and ports: lower-case names of letters, digits and hyphens, or addresses (RFC 1123 section 2.1).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;
use url::Url;

/// The scheme with which the browser reached the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// Parses exactly `http` or `https`; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    /// Parses the scheme that proxies forward: a single value, or the same value from each of them (`https, https`).
    /// Values that contradict one another give `None`.
    #[must_use]
    pub fn parse_forwarded(text: &str) -> Option<Self> {
        if text.trim() != text {
            return None;
        }
        let mut schemes = text.split(',').map(|one| Self::parse(one.trim_matches([' ', '\t'])));
        let first = schemes.next().flatten()?;
        schemes.all(|other| other == Some(first)).then_some(first)
    }

    /// `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The default port of the scheme.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A host as browsers write it in `Host`: a lower-case name without a final dot, or an address in the form of the URL
/// standard (IPv6 in brackets).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(String);

/// Why a host or authority was refused.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum HostFault {
    /// The text is empty.
    #[error("the host is empty")]
    Empty,
    /// More than 253 bytes.
    #[error("the host is longer than 253 bytes")]
    TooLong,
    /// Not labels of letters, digits and inner hyphens, and not an address. A name that ends in a number is an address, or
    /// nothing (URL standard, section 3.5).
    #[error("the host is neither a name of letters, digits and hyphens nor an address")]
    NotAName,
    /// A port that is not a number from 1 to 65535 in its shortest form.
    #[error("the port is not a number from 1 to 65535")]
    BadPort,
}

impl Host {
    /// Parses a name or an address and makes it canonical.
    ///
    /// # Errors
    /// For anything that is not one plain host: joined values, user information, a final dot, an underscore.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        if text.is_empty() {
            return Err(HostFault::Empty);
        }
        if text.len() > 253 {
            return Err(HostFault::TooLong);
        }
        let is_name = text.split('.').all(is_label);
        if is_name && !ends_in_a_number(text) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        if !is_name && !text.starts_with('[') {
            return Err(HostFault::NotAName);
        }
        match url::Host::parse(text) {
            Ok(address @ (url::Host::Ipv4(_) | url::Host::Ipv6(_))) => Ok(Self(address.to_string())),
            _ => Err(HostFault::NotAName),
        }
    }

    /// The host as text, as it is written in a URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this host is this machine, for browsers and for Gatepost: `localhost`, a name below it (RFC 6761 section
    /// 6.3), or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0 == "localhost"
            || self.0.ends_with(".localhost")
            || self.0.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || ipv6(&self.0).is_some_and(|address| address.is_loopback())
    }

    /// Whether this is an IP address and not a name.
    #[must_use]
    pub fn is_address(&self) -> bool {
        self.0.parse::<Ipv4Addr>().is_ok() || self.0.starts_with('[')
    }
}

/// Whether a URL names this machine, as [`Host::is_loopback`] tells it of a host.
#[must_use]
pub fn is_loopback_url(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn ipv6(text: &str) -> Option<Ipv6Addr> {
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// The "ends in a number checker" of the URL standard, section 3.5.
fn ends_in_a_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Host and port, as in `Host` or `:authority`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    host: Host,
    port: Option<u16>,
}

impl Authority {
    /// Parses `host` or `host:port`.
    ///
    /// # Errors
    /// As [`Host::parse`]; a port must be a number in its shortest form, so `:0443` is refused.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(parse_port(port)?)),
            _ => (text, None),
        };
        Ok(Self { host: Host::parse(host)?, port })
    }

    /// An authority from its parts.
    #[must_use]
    pub const fn new(host: Host, port: Option<u16>) -> Self {
        Self { host, port }
    }

    /// The host without the port.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The port; the scheme's default port if none is given.
    #[must_use]
    pub fn port_or_default(&self, scheme: Scheme) -> u16 {
        self.port.unwrap_or(scheme.default_port())
    }

    /// `host` or `host:port`, without the scheme's default port.
    #[must_use]
    pub fn to_text(&self, scheme: Scheme) -> String {
        match self.port {
            Some(port) if port != scheme.default_port() => format!("{}:{port}", self.host),
            _ => self.host.to_string(),
        }
    }
}

/// Parses a port: a number from 1 to 65535 in its shortest form.
pub(in crate::domain) fn parse_port(text: &str) -> Result<u16, HostFault> {
    let shortest = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if shortest { text.parse().map_err(|_| HostFault::BadPort) } else { Err(HostFault::BadPort) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h1_h2_hosts_are_canonical_or_refused() {
        let accepted = [
            ("app.example.com", "app.example.com"),
            ("APP.example.COM", "app.example.com"),
            ("app.example.com:443", "app.example.com"),
            ("app.example.com:8443", "app.example.com:8443"),
            ("[::1]:9000", "[::1]:9000"),
            ("[::1]", "[::1]"),
            ("127.0.0.1", "127.0.0.1"),
            ("1.example.com", "1.example.com"),
            ("0x7f.example.com", "0x7f.example.com"),
            ("app.0xyz", "app.0xyz"),
        ];
        for (text, expected) in accepted {
            assert_eq!(Authority::parse(text).map(|a| a.to_text(Scheme::Https)), Ok(expected.into()), "{text}");
        }
        let refused = [
            "",
            "app.example.com.",
            "app.example.com@evil.test",
            "app.example.com/evil",
            "app.example.com,evil.test",
            "app.example.com\tx",
            "app.example.com:0443",
            "app.example.com:",
            "app.example.com:99999",
            "app.example.com:0",
            "a_b.example.com",
            "-a.example.com",
            "a..b",
            ".example.com",
            "[::1",
            "::1",
            "[fe80::1%25eth0]",
            "app.example.com:80:80",
            "аpp.example.com",
            "[::1]x",
            "[]",
            "[1.2.3.4]",
        ];
        for text in refused {
            assert!(Authority::parse(text).is_err(), "{text}");
        }
        assert!(Host::parse(&format!("{}.com", "a".repeat(64))).is_err());
        assert!(Host::parse(&"a.".repeat(126)).is_err());
    }

    /// What browsers send in `Host` for each spelling: `new URL(…).host`.
    #[test]
    fn h1_addresses_have_the_form_of_the_url_standard() {
        for (text, expected) in [
            ("[0:0:0:0:0:0:0:1]", Some("[::1]")),
            ("[::0001]", Some("[::1]")),
            ("[2001:DB8:0:0:1:0:0:1]", Some("[2001:db8::1:0:0:1]")),
            ("[2001:db8:0:1:1:1:1:1]", Some("[2001:db8:0:1:1:1:1:1]")),
            ("[::ffff:192.0.2.1]", Some("[::ffff:c000:201]")),
            ("[::ffff:c000:201]", Some("[::ffff:c000:201]")),
            ("1.2.3.4", Some("1.2.3.4")),
            ("127.1", Some("127.0.0.1")),
            ("2130706433", Some("127.0.0.1")),
            ("0x7f.0.0.1", Some("127.0.0.1")),
            ("0X7F000001", Some("127.0.0.1")),
            ("0177.0.0.01", Some("127.0.0.1")),
            ("1.2.3.0x", Some("1.2.3.0")),
            ("1.2.3.256", None),
            ("1.2.3.4.5", None),
            ("1.2.3.08", None),
            ("4294967296", None),
            ("foo.1", None),
            ("foo.0x1", None),
            ("foo.0x", None),
            ("app.example.09", None),
        ] {
            let host = Host::parse(text);
            assert_eq!(host.as_ref().map(Host::as_str).ok(), expected, "{text}");
            assert!(host.is_ok_and(|host| host.is_address()) == expected.is_some(), "{text}");
        }
    }

    #[test]
    fn h6_a_forwarded_scheme_is_one_or_the_same_from_every_proxy() {
        use Scheme::{Http, Https};
        for (text, expected) in [
            ("https", Some(Https)),
            ("http", Some(Http)),
            ("https, https", Some(Https)),
            ("https,https,\thttps", Some(Https)),
            ("http,http", Some(Http)),
            ("https, http", None),
            ("http, https", None),
            ("https,", None),
            (",https", None),
            ("", None),
            (" https", None),
            ("https ", None),
            ("HTTPS", None),
            ("wss", None),
            ("https https", None),
        ] {
            assert_eq!(Scheme::parse_forwarded(text), expected, "{text:?}");
        }
    }

    #[test]
    fn loopback_is_this_machine_only() {
        for (text, expected) in [
            ("localhost", true),
            ("wiki.demo.localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("localhost.evil.test", false),
            ("10.0.0.1", false),
            ("notlocalhost", false),
        ] {
            assert_eq!(Host::parse(text).map(|h| h.is_loopback()), Ok(expected), "{text}");
        }
    }
}
