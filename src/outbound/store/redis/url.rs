//! The address as operators write it: one URL for a server, sentinels or a cluster.

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use thiserror::Error;

use super::settings::{Address, Credentials, Topology};

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// A parsed URL.
#[derive(Debug, PartialEq, Eq)]
pub struct RedisUrl {
    /// The servers.
    pub topology: Topology,
    /// The database number.
    pub database: u32,
    /// User name and password, where the URL contains them.
    pub credentials: Credentials,
    /// Whether the connections use TLS.
    pub tls: bool,
}

/// What is wrong with a URL; never repeats the URL, because it may contain a password.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum UrlFault {
    /// The scheme is unknown.
    #[error("the URL scheme is not supported")]
    Scheme,
    /// A percent sign without two hexadecimal digits, or an encoding of invalid UTF-8.
    #[error("user name or password contains an invalid percent escape")]
    Encoding,
    /// A host is missing, or a host or port is invalid.
    #[error("it contains an invalid host or port")]
    Host,
    /// Several servers where only one is allowed.
    #[error("it lists several servers, but neither sentinels nor a cluster")]
    Several,
    /// The path is not a database number.
    #[error("the path is not a database number")]
    Database,
    /// A database number for a cluster, which has only one database.
    #[error("a cluster has only one database")]
    ClusterDatabase,
    /// The master name is missing; sentinels know the servers by that name.
    #[error("the master name after the sentinels is missing")]
    Master,
    /// A query or fragment; settings have their own configuration keys.
    #[error("it contains `?` or `#`")]
    Extras,
}

impl UrlFault {
    /// How to correct it.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::Scheme => "write redis://host:6379, or rediss://, redis+sentinel://, redis+cluster://",
            Self::Encoding => "write a percent sign as %25, or use `username` and `password_file`",
            Self::Host => "write host or host:port, IPv6 addresses in brackets",
            Self::Several => "write redis+cluster:// or redis+sentinel://, or name one server",
            Self::Database => "write a number, as in redis://host/1",
            Self::ClusterDatabase => "remove the path, and use `key_prefix` to share a cluster",
            Self::Master => "write redis+sentinel://host:26379/master-name",
            Self::Extras => "use the keys beside `url`; in a password write %3F and %23",
        }
    }
}

#[derive(Clone, Copy)]
enum TopologyKind {
    Single,
    Sentinel,
    Cluster,
}

impl RedisUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`UrlFault`], with its correction.
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlFault::Scheme)?;
        let (kind, tls) = kind(scheme)?;
        if rest.contains(['?', '#']) {
            return Err(UrlFault::Extras);
        }
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (credentials(user)?, rest),
            None => (Credentials::default(), rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (topology, database) = match kind {
            TopologyKind::Single => {
                let mut servers = addresses(hosts, REDIS_PORT)?;
                let server = servers.pop().filter(|_| servers.is_empty()).ok_or(UrlFault::Several)?;
                (Topology::Single(server), number(path)?)
            }
            TopologyKind::Sentinel => {
                let (name, path) = path.split_once('/').unwrap_or((path, ""));
                if name.is_empty() {
                    return Err(UrlFault::Master);
                }
                let sentinels = addresses(hosts, SENTINEL_PORT)?;
                (Topology::Sentinel { sentinels, master: decoded(name)? }, number(path)?)
            }
            TopologyKind::Cluster if path.is_empty() => (Topology::Cluster { seeds: addresses(hosts, REDIS_PORT)? }, 0),
            TopologyKind::Cluster => return Err(UrlFault::ClusterDatabase),
        };
        Ok(Self { topology, database, credentials, tls })
    }
}

fn kind(scheme: &str) -> Result<(TopologyKind, bool), UrlFault> {
    let (server, kind) = match scheme.split_once('+') {
        None => (scheme, TopologyKind::Single),
        Some((server, "sentinel")) => (server, TopologyKind::Sentinel),
        Some((server, "cluster")) => (server, TopologyKind::Cluster),
        Some(_) => return Err(UrlFault::Scheme),
    };
    match server {
        "redis" | "valkey" => Ok((kind, false)),
        "rediss" | "valkeys" => Ok((kind, true)),
        _ => Err(UrlFault::Scheme),
    }
}

fn credentials(text: &str) -> Result<Credentials, UrlFault> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(SecretString::from(decoded(password)?))),
        None => (text, None),
    };
    Ok(Credentials { username: (!user.is_empty()).then(|| decoded(user)).transpose()?, password })
}

/// Percent-decodes; every percent sign must begin a valid escape.
fn decoded(text: &str) -> Result<String, UrlFault> {
    let digits = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(digits) {
        return Err(UrlFault::Encoding);
    }
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| UrlFault::Encoding)
}

fn addresses(text: &str, port: u16) -> Result<Vec<Address>, UrlFault> {
    text.split(',').map(|text| address(text, port)).collect()
}

fn address(text: &str, default: u16) -> Result<Address, UrlFault> {
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((host, ""))) => (host, None),
        Some(Some((host, rest))) => (host, Some(rest.strip_prefix(':').ok_or(UrlFault::Host)?)),
        Some(None) => return Err(UrlFault::Host),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_v6 = text.starts_with('[');
    let sound = if is_v6 {
        host.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    let port = port.map_or(Some(default), |port| port.parse().ok().filter(|port| *port > 0));
    match (sound, port) {
        (true, Some(port)) => Ok(Address { host: host.to_owned(), port }),
        _ => Err(UrlFault::Host),
    }
}

fn number(path: &str) -> Result<u32, UrlFault> {
    if path.is_empty() { Ok(0) } else { path.parse().map_err(|_| UrlFault::Database) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn parsed(text: &str) -> String {
        match RedisUrl::parse(text) {
            Ok(RedisUrl { topology, database, credentials, tls }) => {
                let password = credentials.password.as_ref().map_or("-", |password| password.expose_secret());
                let user = credentials.username.as_deref().unwrap_or("-");
                format!("{topology} db={database} user={user} password={password} tls={tls}")
            }
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[test]
    fn urls_say_what_they_say() {
        for (text, expected) in [
            ("redis://localhost", "localhost:6379 db=0 user=- password=- tls=false"),
            ("redis://h:7/", "h:7 db=0 user=- password=- tls=false"),
            ("valkey://:p%40ss@h/3", "h:6379 db=3 user=- password=p@ss tls=false"),
            ("rediss://u:p@[::1]:7", "[::1]:7 db=0 user=u password=p tls=true"),
            ("valkeys://[::1]", "[::1]:6379 db=0 user=- password=- tls=true"),
            ("redis+sentinel://a,b:7/main/2", "main at sentinels a:26379,b:7 db=2 user=- password=- tls=false"),
            ("rediss+sentinel://u:p@a/main", "main at sentinels a:26379 db=0 user=u password=p tls=true"),
            ("valkey+cluster://a,b:7,c", "cluster a:6379,b:7,c:6379 db=0 user=- password=- tls=false"),
            ("rediss+cluster://a", "cluster a:6379 db=0 user=- password=- tls=true"),
            ("http://h", "Scheme"),
            ("redis:h", "Scheme"),
            ("redis+unix://h", "Scheme"),
            ("REDIS://h", "Scheme"),
            ("redis://", "Host"),
            ("redis://h:", "Host"),
            ("redis://h:0", "Host"),
            ("redis://h:99999", "Host"),
            ("redis://h h", "Host"),
            ("redis://[::1", "Host"),
            ("redis://[h]", "Host"),
            ("redis://[::1]x", "Host"),
            ("redis://::1", "Host"),
            ("redis://a,b", "Several"),
            ("redis+cluster://a,,b", "Host"),
            ("redis://h/x", "Database"),
            ("redis://h/-1", "Database"),
            ("redis://h/1/2", "Database"),
            ("redis+cluster://a/1", "ClusterDatabase"),
            ("redis+sentinel://a", "Master"),
            ("redis+sentinel://a/", "Master"),
            ("redis+sentinel://a/main/x", "Database"),
            ("redis://u:%zz@h", "Encoding"),
            ("redis://u:%+1@h", "Encoding"),
            ("redis://u:%ff@h", "Encoding"),
            ("redis://u:p?@h", "Extras"),
            ("rediss://h#insecure", "Extras"),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let url = RedisUrl::parse("redis://u:hush-hush@h").unwrap();
        assert!(!format!("{url:?}").contains("hush"), "{url:?}");
    }
}
