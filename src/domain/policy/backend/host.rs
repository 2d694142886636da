//! Hosts of backends: names as resolvers accept them, with the underscores of container names, or addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::domain::http::{HostFault, parse_port};

/// The host of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendHost {
    /// A name in lower case.
    Name(String),
    /// An address; an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is converted to the IPv4 address.
    Address(IpAddr),
}

impl BackendHost {
    /// Parses a name, an IPv4 address or an IPv6 address in brackets.
    ///
    /// # Errors
    /// Any other text, and names such as `127.1` or `0x7f.1`, which some resolvers read as addresses.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        if text.is_empty() {
            return Err(HostFault::Empty);
        }
        if text.len() > 253 {
            return Err(HostFault::TooLong);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: Ipv6Addr = inside.parse().map_err(|_| HostFault::NotAName)?;
            return Ok(Self::Address(IpAddr::from(address).to_canonical()));
        }
        if is_name(text) { Ok(Self::Name(text.to_ascii_lowercase())) } else { Err(HostFault::NotAName) }
    }

    /// Parses `host` or `host:port`.
    ///
    /// # Errors
    /// As [`BackendHost::parse`], and a port that is not a number from 1 to 65535 in its shortest form.
    pub fn parse_with_port(text: &str) -> Result<(Self, Option<u16>), HostFault> {
        match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => Ok((Self::parse(host)?, Some(parse_port(port)?))),
            _ => Ok((Self::parse(text)?, None)),
        }
    }
}

/// Formatted as in a URL: IPv6 in brackets.
impl fmt::Display for BackendHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Whether a name means this machine, whatever a resolver returns (RFC 6761 section 6.3).
pub(super) fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Labels of which the last is not a number: `inet_aton` and browsers read such names as addresses.
pub(super) fn is_name(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("0x"));
    !is_number && text.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}
