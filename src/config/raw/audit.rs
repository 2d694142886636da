//! Keys of the audit stream.

use std::path::PathBuf;

use crate::config::section::section;

section! {
    /// The audit stream.
    struct Audit {
        /// A file to which the events are appended, relative to the working directory; it is made with mode 0600. SIGHUP opens it
        /// again, so that it can be rotated.
        file: optional PathBuf,
        /// A Unix stream socket on which a collector listens. Gatepost connects to it again when the connection ends.
        socket: optional PathBuf,
    }
}
