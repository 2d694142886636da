//! Keys of the store `redis`.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::config::section::section;
use crate::config::value::{DurationField, DurationOrZero, Size};

section! {
    /// Redis or Valkey.
    struct Redis {
        /// One server: `redis://host:6379`, or `redis://host/1` for database 1. Sentinel:
        /// `redis+sentinel://host:26379,host2:26379/master-name`. Cluster: `redis+cluster://host:6379,host2:6379`.
        /// `rediss` in place of `redis` means TLS; `valkey` and `valkeys` mean the same as `redis` and `rediss`.
        url: required String,
        /// User name at the servers (ACL).
        username: optional String,
        /// Password at the servers.
        password: optional SecretString,
        /// A file that holds the password.
        password_file: optional PathBuf,
        /// User name at the sentinels.
        sentinel_username: optional String,
        /// Password at the sentinels.
        sentinel_password: optional SecretString,
        /// A file that holds the password at the sentinels.
        sentinel_password_file: optional PathBuf,
        /// Prefix of every key, so that several installations can share a server.
        key_prefix: String = "'gatepost:'",
        /// CA certificates (PEM) that are trusted in place of the system's.
        ca_file: optional PathBuf,
        /// Client certificate (PEM), if the servers require one.
        client_certificate_file: optional PathBuf,
        /// Private key of the client certificate (PEM).
        client_key_file: optional PathBuf,
        /// Timeout of connecting.
        connect_timeout: DurationField = "1s",
        /// Timeout of a command; less than 1s.
        command_timeout: DurationField = "100ms",
        /// Memory for the cache of recently read sessions. The server announces changes, so a session that ends at
        /// another replica is removed at once.
        cache_size: Size = "64 MiB",
        /// Time for which cached sessions are still used while no server answers. During this time, sessions that end
        /// at other replicas remain valid at this one. `0s`: requests get 503 at once.
        outage_grace: DurationOrZero = "0s",
    }
}
