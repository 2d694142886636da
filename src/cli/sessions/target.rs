//! Which Gatepost is asked.

use super::{address::Address, arguments::TlsFiles};

/// A running Gatepost, as it is reached.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its admin port.
    pub address: Address,
    /// Certificates, where that port takes TLS.
    pub tls: Option<TlsFiles>,
}
