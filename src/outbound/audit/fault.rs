//! Why the audit stream cannot begin.

use std::path::PathBuf;

use thiserror::Error;

use crate::outbound::private_file::PrivacyFault;

/// Why the audit stream cannot begin.
#[derive(Debug, Error)]
pub enum OpenFault {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] PrivacyFault),
    /// Another process writes the file.
    #[error("{}: another process writes this file; each Gatepost needs a file of its own", .0.display())]
    InUse(PathBuf),
    /// The operating system refused a lock or a thread.
    #[error("{0}")]
    System(#[from] std::io::Error),
}
