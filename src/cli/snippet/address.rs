//! The address at which a front proxy reaches Gatepost.

use std::fmt;
use std::net::SocketAddr;

use thiserror::Error;

use crate::domain::http::{Authority, Host, Scheme};

/// Host and port of one of Gatepost's listeners, as a front proxy uses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerAddress {
    host: String,
    port: u16,
}

/// The text is not an address.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not an address of Gatepost; write it like http://gatepost.internal:9000")]
pub struct BadListenerAddress(String);

impl ListenerAddress {
    /// Parses `http://host[:port]`.
    ///
    /// # Errors
    /// When the text has any other form.
    pub fn parse(text: &str) -> Result<Self, BadListenerAddress> {
        let bad = || BadListenerAddress(text.to_owned());
        let authority = text.strip_prefix("http://").ok_or_else(bad)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let authority = Authority::parse(authority).map_err(|_| bad())?;
        let port = authority.port_or_default(Scheme::Http);
        Ok(Self { host: authority.host().as_str().to_owned(), port })
    }

    /// The address of a listener; when it listens on every address of this machine, the loopback address.
    #[must_use]
    pub fn of_listener(listener: SocketAddr) -> Self {
        let host = match listener {
            listener if listener.ip().is_unspecified() => "127.0.0.1".to_owned(),
            SocketAddr::V4(listener) => listener.ip().to_string(),
            SocketAddr::V6(listener) => format!("[{}]", listener.ip()),
        };
        Self { host, port: listener.port() }
    }

    /// The same host with another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port }
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host as it is written outside of URLs: IPv6 without brackets.
    pub(super) fn bare_host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// Whether the host is a name that has to be resolved.
    pub(super) fn is_name(&self) -> bool {
        Host::parse(&self.host).is_ok_and(|host| !host.is_address())
    }
}

impl fmt::Display for ListenerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_over_http_is_an_address() {
        for (text, expected) in [
            ("http://gatepost:9000", Some("gatepost:9000")),
            ("http://gatepost.internal/", Some("gatepost.internal:80")),
            ("http://[::1]:9000", Some("[::1]:9000")),
            ("https://gatepost:9443", None),
            ("gatepost:9000", None),
            ("http://gatepost:9000/x", None),
            ("http://u@gatepost", None),
            ("http://a;b", None),
            ("http://a\"b", None),
            ("http://", None),
        ] {
            assert_eq!(
                ListenerAddress::parse(text).ok().map(|address| address.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_listener_on_every_address_is_reached_on_this_machine() {
        for (listener, expected) in
            [("0.0.0.0:9000", "127.0.0.1:9000"), ("[::]:9000", "127.0.0.1:9000"), ("[::1]:1", "[::1]:1")]
        {
            let listener = listener.parse().expect("is an address");
            assert_eq!(ListenerAddress::of_listener(listener).to_string(), expected);
        }
    }
}
