//! Failures between Gatepost and the servers, in texts that contain no part of a command: servers repeat arguments in
//! their errors, and a password is such an argument.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use thiserror::Error;

use crate::ports::StoreFault;

/// Why there is no usable answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum Fault {
    /// No connection to the servers at present.
    #[error("{0}")]
    Down(String),
    /// The answer did not come in time.
    #[error("no answer in time")]
    TimeOut,
    /// The connection broke while the answer was awaited.
    #[error("the connection broke")]
    Broken,
    /// The server does not know a script yet; nothing was executed.
    #[error("a script is unknown to the server")]
    UnknownScript,
    /// The server is not a master any more.
    #[error("the server does not accept writes ({0})")]
    NoMaster(String),
    /// The server refused the command.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The limit for concurrent loads is reached.
    #[error("too many reads are in progress")]
    AtCapacity,
    /// The load was cancelled before its answer arrived.
    #[error("a read was aborted")]
    GivenUp,
    /// The answer has an unexpected form.
    #[error("the reply is not valid")]
    Unreadable,
}

impl From<Fault> for StoreFault {
    fn from(fault: Fault) -> Self {
        Self(format!("redis: {fault}"))
    }
}

impl From<RedisError> for Fault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library may add kinds, and does not let us name all of them"
    )]
    fn from(error: RedisError) -> Self {
        let code = || error.code().unwrap_or("no code").to_owned();
        if error.is_timeout() {
            return Self::TimeOut;
        }
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoScript) => Self::UnknownScript,
            ErrorKind::Server(
                ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::BusyLoading,
            ) => Self::NoMaster(code()),
            ErrorKind::Server(_) | ErrorKind::Extension => Self::Refused(match error.code() {
                Some("WRONGPASS") => "it rejects user name and password".to_owned(),
                Some("NOAUTH") => "it requires a password (NOAUTH)".to_owned(),
                Some("NOPERM") => "the user lacks a permission (NOPERM)".to_owned(),
                _ => code(),
            }),
            ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => Self::Broken,
            ErrorKind::AuthenticationFailed => Self::Refused("it rejects user name and password".to_owned()),
            ErrorKind::RESP3NotSupported => Self::Refused("it does not speak RESP3; Redis 7 or newer does".to_owned()),
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Unreadable,
            _ => Self::Refused(error.category().to_owned()),
        }
    }
}

/// Why connecting failed, with a hint on what to do about it.
pub(super) fn described(error: &RedisError) -> String {
    match Fault::from(error.clone()) {
        // What the operating system or TLS reports about a connection contains nothing of what was sent.
        Fault::Broken if error.is_io_error() => {
            let text = error.to_string();
            let tls = text.contains("certificate") || text.contains("corrupt message");
            let help = if tls {
                "; do scheme and `ca_file` fit the server?"
            } else if error.is_connection_dropped() && !error.is_connection_refusal() {
                "; does the scheme fit the server (redis or rediss)?"
            } else {
                ""
            };
            format!("{text}{help}")
        }
        fault @ (Fault::TimeOut | Fault::Broken | Fault::Unreadable) => {
            format!("{fault}; does the scheme fit the server (redis or rediss)?")
        }
        fault @ (Fault::Down(_)
        | Fault::UnknownScript
        | Fault::NoMaster(_)
        | Fault::Refused(_)
        | Fault::AtCapacity
        | Fault::GivenUp) => fault.to_string(),
    }
}
