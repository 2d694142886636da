//! Why the service did not start, or did not stop regularly.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::inbound::side_listener::TlsFault;
use crate::outbound::authentik::ConnectionFault;
use crate::outbound::otlp::OtlpFault;
use crate::outbound::{audit, provider, store};
use crate::ports::EntropyFault;
use crate::telemetry::BadLogLevel;

/// Why the service did not start, or did not stop regularly.
#[derive(Debug, Error)]
pub enum Fault {
    /// The log level is invalid.
    #[error(transparent)]
    LogLevel(#[from] BadLogLevel),
    /// Traces cannot be exported.
    #[error(transparent)]
    Traces(#[from] OtlpFault),
    /// The operating system provided no threads or signals.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
    /// No keys could be made for lack of randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyFault),
    /// The sealing key is unusable.
    #[error(transparent)]
    SealingKey(#[from] store::KeyFault),
    /// There is no sealing key for a shared store, whose replicas must read each other's records.
    #[error("a shared session store needs `session.sealing_key` or `session.sealing_key_file`")]
    NoSharedKey,
    /// The session store is unusable.
    #[error(transparent)]
    Store(#[from] store::OpenFault),
    /// The audit stream cannot be written.
    #[error("audit: {0}")]
    Audit(#[from] audit::OpenFault),
    /// The client of identity providers could not be started.
    #[error(transparent)]
    Provider(#[from] provider::StartFault),
    /// The client of authentik could not be made.
    #[error(transparent)]
    Authentik(#[from] ConnectionFault),
    /// The HTTPS listener has no usable certificate.
    #[error("listen.https: {0}")]
    Tls(#[from] TlsFault),
    /// The admin listener has no usable certificate.
    #[error("listen.admin: {0}")]
    AdminTls(TlsFault),
    /// An address cannot be bound.
    #[error("listen.{name}: cannot listen on {address}: {cause}{}", hint(.cause))]
    Bind {
        /// The name of the listener.
        name: &'static str,
        /// The configured address.
        address: SocketAddr,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The protocol descriptors for reflection are invalid.
    #[error("gRPC reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// A second signal stopped the service before it had drained.
    #[error("stopped at once by a second signal; requests may have been aborted")]
    StoppedAtOnce,
    /// A listener ended although nothing had asked it to.
    #[error("a listener ended unexpectedly; please report the lines before this one")]
    ListenerEnded,
}

/// The most likely cause.
fn hint(cause: &io::Error) -> &'static str {
    if cause.kind() == io::ErrorKind::AddrInUse {
        "; does another gatepost run already? Port 0 takes a free one"
    } else if cause.kind() == io::ErrorKind::PermissionDenied {
        "; ports below 1024 need a privilege"
    } else {
        ""
    }
}
