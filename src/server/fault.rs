//! Why the service did not start, or did not stop as it should.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::inbound::side_listener::TlsFault;
use crate::outbound::{provider, store};
use crate::ports::EntropyFault;
use crate::telemetry::BadLogLevel;

/// Why the service did not start, or did not stop as it should.
#[derive(Debug, Error)]
pub enum Fault {
    /// The log level cannot be read.
    #[error(transparent)]
    LogLevel(#[from] BadLogLevel),
    /// The system gave no threads or signals.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
    /// No randomness, no keys.
    #[error(transparent)]
    Entropy(#[from] EntropyFault),
    /// The sealing key cannot be used.
    #[error(transparent)]
    SealingKey(#[from] store::KeyFault),
    /// Replicas that share a store read what the others sealed.
    #[error("a shared session store needs `session.sealing_key` or `session.sealing_key_file`")]
    NoSharedKey,
    /// The session store cannot be used.
    #[error(transparent)]
    Store(#[from] store::OpenFault),
    /// Identity providers cannot be asked at all.
    #[error(transparent)]
    Provider(#[from] provider::StartFault),
    /// The HTTPS listener has no certificate.
    #[error("listen.https: {0}")]
    Tls(#[from] TlsFault),
    /// The admin listener has no certificate.
    #[error("listen.admin: {0}")]
    AdminTls(TlsFault),
    /// An address is not to be had.
    #[error("listen.{name}: cannot listen on {address}: {cause}{}", hint(.cause))]
    Bind {
        /// Which listener.
        name: &'static str,
        /// The address it was to have.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The protocol descriptors for reflection are broken.
    #[error("gRPC reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// A second signal ended the service before it had finished.
    #[error("stopped at once by a second signal; requests may have been cut")]
    StoppedAtOnce,
}

/// What most likely is the matter.
fn hint(cause: &io::Error) -> &'static str {
    if cause.kind() == io::ErrorKind::AddrInUse {
        "; does another gatepost run already? Port 0 takes a free one"
    } else if cause.kind() == io::ErrorKind::PermissionDenied {
        "; ports below 1024 need a privilege"
    } else {
        ""
    }
}
