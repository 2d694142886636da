//! Where the audit stream goes.

use std::path::PathBuf;

/// Where the audit stream goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditSettings {
    /// A file to which lines are appended.
    File(PathBuf),
    /// A Unix stream socket on which a collector listens.
    Socket(PathBuf),
}
