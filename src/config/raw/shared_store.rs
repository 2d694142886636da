//! Keys of the store `redis`.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::config::section::section;
use crate::config::value::{DurationField, DurationOrZero, Size};

section! {
    /// Redis or Valkey.
    struct Redis {
        /// One server: `redis://host:6379`, with a database as in `redis://host/1`. The one that sentinels name:
        /// `redis+sentinel://host:26379,host2:26379/master-name`. A cluster: `redis+cluster://host:6379,host2:6379`.
        /// `rediss` in place of `redis` is TLS; `valkey` and `valkeys` mean the same.
        url: required String,
        /// A user of the server's access control list.
        username: optional String,
        /// The password.
        password: optional SecretString,
        /// A file that holds the password.
        password_file: optional PathBuf,
        /// The same for the sentinels.
        sentinel_username: optional String,
        /// The sentinels' password.
        sentinel_password: optional SecretString,
        /// A file that holds the sentinels' password.
        sentinel_password_file: optional PathBuf,
        /// What every key begins with, so that several can share a server.
        key_prefix: String = "'gatepost:'",
        /// Certificates (PEM) of the authorities to trust, and no others. Unless given, the system's.
        ca_file: optional PathBuf,
        /// A certificate (PEM) to show to the servers.
        client_certificate_file: optional PathBuf,
        /// Its private key (PEM).
        client_key_file: optional PathBuf,
        /// How long connecting may take.
        connect_timeout: DurationField = "1s",
        /// How long an answer may take.
        command_timeout: DurationField = "100ms",
        /// What sessions read lately may take in memory. What ends elsewhere leaves it at once.
        cache_size: Size = "64 MiB",
        /// For how long sessions in memory may still be served when no server answers. What ends elsewhere meanwhile
        /// ends here only after that.
        outage_grace: DurationOrZero = "0s",
    }
}
