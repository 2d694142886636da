//! The Gatepost to which the command connects.

use super::{address::AdminAddress, arguments::TlsFiles};

/// A running Gatepost and how to reach it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its admin port.
    pub address: AdminAddress,
    /// The certificate files, when that port uses TLS.
    pub tls: Option<TlsFiles>,
}
