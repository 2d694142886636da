//! Limits on connections: a total, and the share of it that one source may take.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use crate::domain::http::client_network;

/// How many connections one listener accepts at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections in all.
    pub total: usize,
    /// Connections from one source: an IPv4 address, or a 64-bit network of IPv6.
    pub per_source: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { total: 1024, per_source: 64 }
    }
}

/// Networks from which front proxies connect. Each serves many clients, so a limit per source would let one client lock the
/// others out. Being listed here does not make a proxy's headers trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontProxies(pub Vec<IpNet>);

/// This machine, on which only the operator's own programs run.
impl Default for FrontProxies {
    fn default() -> Self {
        let loopback: [(IpAddr, u8); 2] = [(Ipv4Addr::new(127, 0, 0, 0).into(), 8), (Ipv6Addr::LOCALHOST.into(), 128)];
        Self(loopback.into_iter().filter_map(|(address, bits)| IpNet::new(address, bits).ok()).collect())
    }
}

/// The connection permits of one listener.
#[derive(Clone)]
pub(super) struct ConnectionPermits {
    limits: ConnectionLimits,
    /// Front proxies' networks: each proxy serves many clients, so it has no share and is limited by the total only.
    front_proxies: Arc<[IpNet]>,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// The limit that leaves no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Total,
    Source,
}

impl Full {
    pub(super) const ALL: [Self; 2] = [Self::Total, Self::Source];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Source => "source",
        }
    }
}

impl ConnectionPermits {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self { limits, front_proxies: Arc::default(), taken: Arc::default() }
    }

    pub(super) fn with_front_proxies(self, networks: &[IpNet]) -> Self {
        Self { front_proxies: networks.into(), ..self }
    }

    /// A permit for a connection from `source`, held until it is dropped.
    pub(super) fn take(&self, peer: IpAddr) -> Result<ConnectionPermit, Full> {
        let (peer, source) = (peer.to_canonical(), client_network(peer));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= self.limits.total {
            return Err(Full::Total);
        }
        let has_share = !self.front_proxies.iter().any(|network| network.contains(&peer));
        let of_source = taken.by_source.entry(source).or_default();
        if has_share && *of_source >= self.limits.per_source {
            return Err(Full::Source);
        }
        *of_source += 1;
        taken.total += 1;
        Ok(ConnectionPermit { permits: self.clone(), peer, source, has_share })
    }

    pub(super) fn count(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    fn release(&self, source: IpAddr) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        if let Some(of_source) = taken.by_source.get_mut(&source) {
            *of_source = of_source.saturating_sub(1);
            if *of_source == 0 {
                taken.by_source.remove(&source);
            }
        }
    }
}

/// One connection's permit.
pub(super) struct ConnectionPermit {
    permits: ConnectionPermits,
    peer: IpAddr,
    /// The network by which the peer is counted.
    source: IpAddr,
    has_share: bool,
}

impl ConnectionPermit {
    /// The one client whose connection it is; `None` where a front proxy sends requests of many clients.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.has_share.then_some(self.peer)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.permits.release(self.source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_gets_its_share_and_all_together_the_total() {
        let permits = ConnectionPermits::new(ConnectionLimits { total: 3, per_source: 2 });
        let [one, two]: [IpAddr; 2] = [Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::new(192, 0, 2, 2).into()];
        let first = permits.take(one).ok();
        let second = permits.take(one).ok();
        assert!(first.is_some() && second.is_some());
        let mapped: IpAddr = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().into();
        assert_eq!(permits.take(mapped).err(), Some(Full::Source), "a mapped address is the same source");
        let third = permits.take(two).ok();
        assert!(third.is_some());
        assert_eq!(permits.take(two).err(), Some(Full::Total));
        drop(first);
        assert_eq!(permits.count(), 2);
        assert!(permits.take(two).is_ok());
        drop((second, third));
        assert_eq!(permits.count(), 0);
        let taken = permits.taken.lock().expect("is not poisoned");
        assert!(taken.by_source.is_empty(), "sources that left take no memory");
    }

    #[test]
    fn a_client_with_many_addresses_has_one_share() {
        let permits = ConnectionPermits::new(ConnectionLimits { total: 9, per_source: 2 });
        let take = |address: &str| permits.take(address.parse().expect("is an address"));
        let taken = [take("2001:db8::1"), take("2001:db8::2")];
        let client = taken[1].as_ref().ok().and_then(ConnectionPermit::client);
        assert_eq!(client, "2001:db8::2".parse().ok(), "the client's own address");
        assert_eq!(take("2001:db8::3").err(), Some(Full::Source));
        assert!(take("2001:db8:0:1::1").is_ok(), "another network");
        drop(taken);
        assert!(take("2001:db8::3").is_ok());
    }

    #[test]
    fn this_machine_is_a_front_proxy_unless_it_is_said_otherwise() {
        let FrontProxies(networks) = FrontProxies::default();
        let is_one = |address: &str| {
            let address: IpAddr = address.parse().expect("is an address");
            networks.iter().any(|network| network.contains(&address))
        };
        assert!(is_one("127.0.0.1") && is_one("127.9.9.9") && is_one("::1"));
        assert!(!is_one("10.0.0.1") && !is_one("::2"));
    }

    #[test]
    fn a_front_proxy_has_the_total() {
        let network = "192.0.2.1/32".parse().expect("is a network");
        let permits =
            ConnectionPermits::new(ConnectionLimits { total: 3, per_source: 1 }).with_front_proxies(&[network]);
        let [proxy, other]: [IpAddr; 2] = [Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::new(192, 0, 2, 2).into()];
        let taken = [permits.take(proxy), permits.take(proxy), permits.take(other)];
        assert!(taken.iter().all(Result::is_ok));
        assert_eq!(permits.take(proxy).err(), Some(Full::Total));
        drop(taken);
        let _permit = permits.take(other).ok();
        assert_eq!(permits.take(other).err(), Some(Full::Source));
    }
}
