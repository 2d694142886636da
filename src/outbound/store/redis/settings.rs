//! The servers, and the parameters of the connections to them.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::tls::TlsSettings;

/// Settings of a Redis or Valkey session store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// The servers, and how they are organised.
    pub topology: Topology,
    /// The database number; 0 in a cluster.
    pub database: u32,
    /// The credentials for the servers.
    pub credentials: Credentials,
    /// The credentials for the sentinels.
    pub sentinel_credentials: Credentials,
    /// Trusted authorities and client certificate; `None`: no TLS.
    pub tls: Option<TlsSettings>,
    /// The prefix of every key.
    pub key_prefix: String,
    /// The time limit of connecting.
    pub connect_timeout: Duration,
    /// The time limit of an answer.
    pub command_timeout: Duration,
    /// The memory limit of the client-side cache, in bytes.
    pub cache_bytes: u64,
    /// How long cached sessions may be served while no server answers.
    pub outage_grace: Duration,
}

/// The servers, and how they are organised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One server.
    Single(Address),
    /// One of several servers: the one that the sentinels currently name as master.
    Sentinel {
        /// The sentinels.
        sentinels: Vec<Address>,
        /// The name under which the sentinels know the master.
        master: String,
    },
    /// A cluster.
    Cluster {
        /// Servers from which the others are discovered.
        seeds: Vec<Address>,
    },
}

/// Host and port of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// A host name or an IP address, the latter without brackets.
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

/// Credentials for a server.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// A user of the server's access control list; `None`: the default user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
}

/// What a connection needs to be admitted; it can be replaced while the store is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The credentials for the servers.
    pub credentials: Credentials,
    /// The credentials for the sentinels.
    pub sentinel_credentials: Credentials,
    /// Trusted authorities and client certificate; `None`: no TLS.
    pub tls: Option<TlsSettings>,
}

impl Access {
    /// The access that these settings have.
    #[must_use]
    pub fn of(settings: &RedisSettings) -> Self {
        let RedisSettings { credentials, sentinel_credentials, tls, .. } = settings.clone();
        Self { credentials, sentinel_credentials, tls }
    }
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
