//! Where the servers are and how they are spoken to.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::tls::TlsSettings;

/// A Redis or Valkey to keep sessions in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// Which servers, and how they belong together.
    pub topology: Topology,
    /// The number of the database; 0 in a cluster.
    pub database: u32,
    /// What the servers ask for.
    pub credentials: Credentials,
    /// What the sentinels ask for.
    pub sentinel_credentials: Credentials,
    /// Whom to trust, and who we are; `None`: no TLS.
    pub tls: Option<TlsSettings>,
    /// What every key begins with.
    pub key_prefix: String,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub command_timeout: Duration,
    /// What sessions read lately may take in memory, in bytes.
    pub cache_bytes: u64,
    /// For how long sessions in memory may be served when no server answers.
    pub outage_grace: Duration,
}

/// Which servers, and how they belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One server.
    Single(Address),
    /// One of several servers, at any time the one that the sentinels name.
    Sentinel {
        /// The sentinels.
        sentinels: Vec<Address>,
        /// The name under which they know the servers.
        master: String,
    },
    /// A cluster.
    Cluster {
        /// Servers to ask for the others.
        seeds: Vec<Address>,
    },
}

/// Host and port of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// A name or an IP address, the latter without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Who we are.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// A user of the server's access control list; `None`: the default one.
    pub username: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        let password = |of: &Self| of.password.as_ref().map(|password| password.expose_secret().to_owned());
        self.username == other.username && password(self) == password(other)
    }
}

impl Eq for Credentials {}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |addresses: &[Address]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match self {
            Self::Single(address) => write!(f, "{address}"),
            Self::Sentinel { sentinels, master } => write!(f, "{master} at sentinels {}", list(sentinels)),
            Self::Cluster { seeds } => write!(f, "cluster {}", list(seeds)),
        }
    }
}

impl fmt::Display for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.tls.is_some() { " over TLS" } else { "" };
        write!(f, "redis {}{tls}", self.topology)
    }
}
