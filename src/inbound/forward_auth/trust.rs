//! The peers whose `X-Forwarded-*` headers are trusted: front proxies at addresses that the operator named.

use std::net::IpAddr;

use ipnet::IpNet;

/// The addresses of the operator's front proxies. No other peer is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Front proxies at these addresses or in these networks.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// The networks from which front proxies connect.
    #[must_use]
    pub fn networks(&self) -> &[IpNet] {
        &self.0
    }

    /// Whether `address` is a front proxy's; an IPv4-mapped IPv6 address counts as its IPv4 address.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address according to the values of `X-Forwarded-For`, in order. Each proxy appends the address of its
    /// peer, so the rightmost entry that is not a front proxy of the operator's is the last one that a trusted proxy
    /// reported. `None` when that entry is not an address, or when all entries are front proxies.
    pub(super) fn client<'a>(&self, values: impl DoubleEndedIterator<Item = &'a [u8]>) -> Option<IpAddr> {
        let mut entries = values.rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
        let last = entries.find_map(|entry| match address(entry) {
            Some(address) if self.contain(address) => None,
            other => Some(other),
        });
        last.flatten()
    }
}

fn address(entry: &[u8]) -> Option<IpAddr> {
    let address: IpAddr = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']).parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> TrustedProxies {
        let networks = ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"];
        TrustedProxies::new(networks.map(|text| text.parse().expect("is a network")).to_vec())
    }

    #[test]
    fn h5_a_14_only_listed_addresses_are_front_proxies() {
        for (address, expected) in [
            ("10.1.2.3", true),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:10.1.2.3", true),
            ("::ffff:11.1.2.3", false),
            ("fd00::1", true),
            ("::1", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(proxies().contain(address.parse().expect("is an address")), expected, "{address}");
        }
    }

    #[test]
    fn h5_a_15_the_client_is_the_rightmost_entry_that_is_no_front_proxy() {
        let rows: [(&[&str], Option<&str>); 10] = [
            (&["203.0.113.9"], Some("203.0.113.9")),
            (&["1.1.1.1, 203.0.113.9"], Some("203.0.113.9")),
            (&["1.1.1.1, 203.0.113.9, 10.0.0.1"], Some("203.0.113.9")),
            (&["1.1.1.1", "203.0.113.9,10.0.0.1\t"], Some("203.0.113.9")),
            (&["203.0.113.9, ::ffff:10.0.0.1"], Some("203.0.113.9")),
            (&["::ffff:203.0.113.9"], Some("203.0.113.9")),
            (&["203.0.113.9, unknown, 10.0.0.1"], None),
            (&["203.0.113.9,"], None),
            (&["10.0.0.1"], None),
            (&[], None),
        ];
        for (values, expected) in rows {
            let client = proxies().client(values.iter().map(|value| value.as_bytes()));
            assert_eq!(client, expected.map(|text| text.parse().expect("is an address")), "{values:?}");
        }
    }
}
