//! Keys of the port on which operators list and end sessions.
#![expect(clippy::struct_field_names, reason = "every one of them is a file")]

use std::path::PathBuf;

use crate::config::section::section;

section! {
    /// Certificates of the admin port.
    struct Admin {
        /// Gatepost's own certificate chain as PEM.
        certificate_file: optional PathBuf,
        /// Its private key as PEM.
        private_key_file: optional PathBuf,
        /// Certificates (PEM) of the authorities that sign operators' certificates. Whoever shows none of theirs is refused.
        client_ca_file: optional PathBuf,
    }
}
