//! Peers that sent a forward-auth request without being a front proxy of the operator's: each address is logged once a minute, or
//! they could fill the log.

use std::net::IpAddr;
use std::time::Duration;

use tracing::warn;

use super::dialect::Dialect;
use crate::telemetry::LogThrottle;

/// How long an address is not logged again.
const PERIOD: Duration = Duration::from_secs(60);
/// How many addresses are logged in one period.
const MOST: usize = 32;

/// Logs peers that were refused.
pub(super) struct UntrustedPeersLog(LogThrottle<IpAddr>);

impl UntrustedPeersLog {
    pub(super) fn none() -> Self {
        Self(LogThrottle::new(PERIOD, MOST))
    }

    /// Logs that `peer` was refused as untrusted, unless it was logged in the current period.
    pub(super) fn turned_away(&self, peer: IpAddr, dialect: Dialect) {
        let peer = peer.to_canonical();
        if self.0.admit(peer).is_some() {
            let help = "if it is a front proxy of yours, add it to forward_auth.trusted_proxies";
            warn!(%peer, %dialect, help, "a forward-auth request from an untrusted address was refused");
        }
    }
}
