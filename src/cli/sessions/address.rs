//! The address of an admin port.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use http::uri::Authority;
use thiserror::Error;

/// Host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminAddress(Authority);

/// The text is not an address.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("it is not an address; write a host and a port, such as 127.0.0.1:9302")]
pub struct BadAdminAddress;

impl AdminAddress {
    /// The address of a listener; when it listens on every address of this machine, the loopback address.
    #[must_use]
    pub fn of_listener(listener: SocketAddr) -> Self {
        let host = match listener {
            listener if listener.ip().is_unspecified() => "127.0.0.1".to_owned(),
            SocketAddr::V4(listener) => listener.ip().to_string(),
            SocketAddr::V6(listener) => format!("[{}]", listener.ip()),
        };
        // A host and a port always form a valid authority.
        format!("{host}:{}", listener.port()).parse().unwrap_or_default()
    }

    /// The host; IPv6 without brackets.
    pub(super) fn host(&self) -> &str {
        self.0.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or_default()
    }

    /// Host and port as they are written in a URL.
    pub(super) const fn authority(&self) -> &Authority {
        &self.0
    }
}

/// The default address of Gatepost's admin listener.
impl Default for AdminAddress {
    fn default() -> Self {
        Self(Authority::from_static("127.0.0.1:9302"))
    }
}

impl FromStr for AdminAddress {
    type Err = BadAdminAddress;

    fn from_str(text: &str) -> Result<Self, BadAdminAddress> {
        let authority: Authority = text.parse().map_err(|_| BadAdminAddress)?;
        let is_whole = !authority.host().is_empty() && authority.port_u16().is_some() && !text.contains('@');
        is_whole.then_some(Self(authority)).ok_or(BadAdminAddress)
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (text, host, port) in
            [("127.0.0.1:9302", "127.0.0.1", 9302), ("[::1]:9302", "::1", 9302), ("gatepost:1", "gatepost", 1)]
        {
            let address: AdminAddress = text.parse().expect("is an address");
            assert_eq!((address.host(), address.port(), address.to_string()), (host, port, text.to_owned()));
        }
        for text in ["", "gatepost", ":9302", "gatepost:", "gatepost:x", "gatepost:70000", "http://gatepost:1", "a@b:1"]
        {
            assert_eq!(text.parse::<AdminAddress>(), Err(BadAdminAddress), "{text}");
        }
    }

    #[test]
    fn a_listener_is_reached_from_this_machine() {
        for (listener, expected) in
            [("0.0.0.0:9302", "127.0.0.1:9302"), ("[::]:1", "127.0.0.1:1"), ("[fd00::1]:9302", "[fd00::1]:9302")]
        {
            let listener = listener.parse().expect("is an address");
            assert_eq!(AdminAddress::of_listener(listener).to_string(), expected);
        }
        assert_eq!(AdminAddress::default().to_string(), "127.0.0.1:9302");
    }
}
