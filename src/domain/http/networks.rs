//! Networks of client addresses.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// Networks; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// These networks.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a client is in one of the networks. A client whose address is not known is in none; an IPv4-mapped IPv6 address counts
    /// as its IPv4 address.
    #[must_use]
    pub fn contain(&self, client: Option<IpAddr>) -> bool {
        let Some(client) = client.map(|client| client.to_canonical()) else { return false };
        self.0.iter().any(|network| network.contains(&client))
    }
}

/// Formatted as in `10.0.0.0/8 or fd00::/8`.
impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&networks.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h5_only_a_known_address_is_in_a_network() {
        let networks = ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"];
        let networks = Networks::new(networks.map(|text| text.parse().expect("is a network")).to_vec());
        for (client, expected) in [
            (Some("10.1.2.3"), true),
            (Some("::ffff:10.1.2.3"), true),
            (Some("::ffff:11.1.2.3"), false),
            (Some("::10.1.2.3"), false),
            (Some("192.0.2.7"), true),
            (Some("192.0.2.8"), false),
            (Some("fd00::1"), true),
            (Some("fe80::1"), false),
            (None, false),
        ] {
            let address = client.map(|text| text.parse().expect("is an address"));
            assert_eq!(networks.contain(address), expected, "{client:?}");
        }
        assert!(!Networks::default().contain(Some("10.1.2.3".parse().expect("is an address"))));
    }
}
