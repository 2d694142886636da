//! Keys of the admin listener, at which operators list and end sessions.
#![expect(clippy::struct_field_names, reason = "every one of them is a file")]

use std::path::PathBuf;

use crate::config::section::section;

section! {
    /// Certificates of the admin listener.
    struct Admin {
        /// Certificate chain of the listener (PEM).
        certificate_file: optional PathBuf,
        /// Private key of the certificate (PEM).
        private_key_file: optional PathBuf,
        /// CA certificates (PEM) for client certificates. A client without a certificate from one of these CAs is
        /// refused.
        client_ca_file: optional PathBuf,
    }
}
