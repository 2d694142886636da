//! Peers that sent a forward-auth request without being a front proxy of the operator's: each address is logged once a minute, or
//! they could fill the log.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::warn;

use super::dialect::Dialect;
use crate::telemetry::Stopwatch;

/// How long an address is not logged again.
const PERIOD: Duration = Duration::from_secs(60);
/// How many addresses are logged in one period.
const MOST: usize = 32;

/// The addresses that were logged recently.
pub(super) struct UntrustedPeersLog(Mutex<Recent>);

struct Recent {
    since: Stopwatch,
    reported: HashSet<IpAddr>,
}

impl UntrustedPeersLog {
    pub(super) fn none() -> Self {
        Self(Mutex::new(Recent { since: Stopwatch::start(), reported: HashSet::new() }))
    }

    /// Logs that `peer` was refused as untrusted, unless it was logged in the current period.
    pub(super) fn turned_away(&self, peer: IpAddr, dialect: Dialect) {
        let peer = peer.to_canonical();
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.since.elapsed() >= PERIOD {
            *recent = Recent { since: Stopwatch::start(), reported: HashSet::new() };
        }
        if recent.is_news(peer) {
            let help = "if it is a front proxy of yours, add it to forward_auth.trusted_proxies";
            warn!(%peer, %dialect, help, "a forward-auth request from an untrusted address was refused");
        }
    }
}

impl Recent {
    fn is_news(&mut self, peer: IpAddr) -> bool {
        self.reported.len() < MOST && self.reported.insert(peer)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_address_is_news_once_and_so_many_addresses_at_most() {
        let mut recent = Recent { since: Stopwatch::start(), reported: HashSet::new() };
        let address = |last: u8| IpAddr::from(Ipv4Addr::new(192, 0, 2, last));
        assert!(recent.is_news(address(0)));
        assert!(!recent.is_news(address(0)));
        let news = (0..=255).filter(|last| recent.is_news(address(*last))).count();
        assert_eq!(news, MOST - 1);
    }
}
