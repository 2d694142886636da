//! The backends that claims may name: hosts, suffixes and networks of the operator's choice. Names are matched by name
//! entries and addresses by address entries, never across.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use thiserror::Error;

use super::host::{self, BackendHost};
use super::{Backend, HostFault};

/// The operator's list; if it is empty, claims cannot name a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendAllow {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// Exactly this host, on this port or on any.
    Host(BackendHost, Option<u16>),
    /// Every name that ends with this suffix; it begins with a dot.
    Suffix(String),
    /// Every address in this network.
    Network(IpNet),
}

/// Why an entry was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AllowFault {
    /// Not a host, with or without a port.
    #[error(transparent)]
    Host(#[from] HostFault),
    /// A dot or `*.` without a name after it.
    #[error("it is not a domain suffix")]
    Suffix,
    /// A suffix that ends in `localhost`.
    #[error("names of the local machine must be listed individually")]
    LocalSuffix,
    /// An address with a mask that is not a network.
    #[error("it is not a network")]
    Network,
    /// A network with bits set after its mask.
    #[error("the address has bits outside of its prefix; the network is {0}")]
    HostBits(IpNet),
    /// An IPv6 network of mapped IPv4 addresses.
    #[error("an IPv4-mapped IPv6 network never matches")]
    Mapped,
}

impl BackendAllow {
    /// Parses entries such as `wiki.internal`, `wiki.internal:8443`, `.apps.internal` or `*.apps.internal`,
    /// `10.0.0.0/8`, `fd00::/8`.
    ///
    /// # Errors
    /// Every entry that is invalid, by its index.
    pub fn parse(texts: &[&str]) -> Result<Self, Vec<(usize, AllowFault)>> {
        let (mut entries, mut faults) = (Vec::new(), Vec::new());
        for (index, text) in texts.iter().enumerate() {
            match Entry::parse(text) {
                Ok(entry) => entries.push(entry),
                Err(fault) => faults.push((index, fault)),
            }
        }
        if faults.is_empty() { Ok(Self { entries }) } else { Err(faults) }
    }

    /// Whether the list is empty, so that overrides are disabled.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether an entry lists this backend.
    #[must_use]
    pub fn permits(&self, backend: &Backend) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Host(host, port) => host == backend.host() && port.is_none_or(|port| port == backend.port()),
            Entry::Suffix(suffix) => matches!(backend.host(), BackendHost::Name(name) if is_below(name, suffix)),
            Entry::Network(network) => {
                matches!(backend.host(), BackendHost::Address(address) if opens(*network, *address))
            }
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, AllowFault> {
        if text.contains("://") {
            return Err(AllowFault::Host(HostFault::NotAName));
        }
        if text.contains('/') {
            return network(text).map(Self::Network);
        }
        let suffix = text.strip_prefix('*').unwrap_or(text);
        if let Some(name) = suffix.strip_prefix('.') {
            let name = name.to_ascii_lowercase();
            if host::is_localhost(&name) {
                return Err(AllowFault::LocalSuffix);
            }
            return if host::is_name(&name) { Ok(Self::Suffix(format!(".{name}"))) } else { Err(AllowFault::Suffix) };
        }
        let (host, port) = BackendHost::parse_with_port(text)?;
        Ok(Self::Host(host, port))
    }
}

fn network(text: &str) -> Result<IpNet, AllowFault> {
    let network: IpNet = text.parse().map_err(|_| AllowFault::Network)?;
    if network.trunc() != network {
        return Err(AllowFault::HostBits(network.trunc()));
    }
    if matches!(network, IpNet::V6(network) if network.network().to_ipv4_mapped().is_some()) {
        return Err(AllowFault::Mapped);
    }
    Ok(network)
}

/// Whether `name` has at least one label before `suffix`.
fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| !rest.is_empty()) && !host::is_localhost(name)
}

/// Whether a listed network permits `address`. Addresses of this machine or of its own link are permitted only by
/// networks that lie within those ranges: `0.0.0.0/0` does not permit loopback.
fn opens(network: IpNet, address: IpAddr) -> bool {
    let meant_for_it = close_by().iter().all(|range| !range.contains(&address) || range.contains(&network));
    network.contains(&address) && meant_for_it
}

/// The ranges of this machine, its link, multicast and reserved addresses (RFC 6890, RFC 4291 section 2.4).
fn close_by() -> [IpNet; 9] {
    let v4 = |a, b, length| IpNet::V4(Ipv4Net::new_assert([a, b, 0, 0].into(), length));
    let v6 =
        |first: u16, last: u16, length| IpNet::V6(Ipv6Net::new_assert([first, 0, 0, 0, 0, 0, 0, last].into(), length));
    [
        v4(0, 0, 8),
        v4(127, 0, 8),
        v4(169, 254, 16),
        v4(224, 0, 4),
        v4(240, 0, 4),
        v6(0, 0, 128),
        v6(0, 1, 128),
        v6(0xfe80, 0, 10),
        v6(0xff00, 0, 8),
    ]
}
