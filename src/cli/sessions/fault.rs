//! Why `gatepost sessions` failed.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use thiserror::Error;
use tonic::{Code, Status};

use super::address::AdminAddress;
use super::plain::plain;
use super::target::Target;
use crate::admin_api::User;

/// Why the command failed.
#[derive(Debug, Error)]
pub enum Fault {
    /// A file named on the command line cannot be used.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and how to fix it.
        problem: String,
    },
    /// Certificates and names on the command line do not fit together.
    #[error("{0}")]
    Tls(String),
    /// The admin listener is off in the configuration.
    #[error("`listen.admin` is off in this configuration; name the port of a running Gatepost with --address")]
    SwitchedOff,
    /// No connection can be made.
    #[error("cannot reach Gatepost at {address}: {cause}; is it running, and is this its `listen.admin`?")]
    Unreachable {
        /// The address that was tried.
        address: AdminAddress,
        /// The cause.
        cause: String,
    },
    /// The connection broke, most often because only one side speaks TLS, or one shows the wrong certificate.
    #[error("{address} ended the connection: {cause}{}", if *.tls { "" } else { NO_TLS })]
    Broken {
        /// The address of Gatepost.
        address: AdminAddress,
        /// The cause.
        cause: String,
        /// Whether this side used TLS.
        tls: bool,
    },
    /// Gatepost refused the call.
    #[error("{0}")]
    Refused(String),
    /// No session matches.
    #[error("no user matches; no session ended")]
    NoSuchUser,
    /// Several users match.
    #[error("more than one user matches, so no session ended; repeat the command for one of them:{}", each(.0))]
    Ambiguous(Vec<User>),
    /// Several faults.
    #[error("{}", lines(.0))]
    Several(Vec<Self>),
    /// The runtime could not be started.
    #[error("cannot start: {0}")]
    System(io::Error),
    /// The result cannot be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

const NO_TLS: &str = "; if it requires TLS, give --ca-file, --certificate-file and --private-key-file";

impl Fault {
    /// The fault that an error status means.
    pub(super) fn of(status: &Status, reach: &Target) -> Self {
        let address = reach.address.clone();
        match (status.source(), status.code()) {
            (Some(cause), _) => Self::Broken { address, cause: causes(cause), tls: reach.tls.is_some() },
            (None, Code::Unimplemented) => Self::Refused(format!("{address} is not the port of `listen.admin`")),
            (None, _) => Self::Refused(plain(status.message())),
        }
    }

    /// The fault that an error status means, for a call about one handle.
    pub(super) fn of_handle(handle: &str, status: &Status, reach: &Target) -> Self {
        let fault = Self::of(status, reach);
        let Self::Refused(text) = &fault else { return fault };
        Self::Refused(format!("{}: {text}", plain(handle)))
    }

    /// 2 for a fault in the command line or configuration, 1 for everything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        if matches!(self, Self::File { .. } | Self::Tls(_) | Self::SwitchedOff) { 2 } else { 1 }
    }
}

fn each(users: &[User]) -> String {
    users.iter().fold(String::new(), |mut text, User { issuer, subject, name }| {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {}: --subject {} --issuer {}", plain(name), plain(subject), plain(issuer));
        text
    })
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\ngatepost: ")
}

/// The innermost cause of an error: the outer ones only say that there was one.
pub(super) fn causes(fault: &(dyn Error + 'static)) -> String {
    let mut innermost = fault;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
