//! Why `gatepost sessions` did not do what it was asked for.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use thiserror::Error;
use tonic::{Code, Status};

use super::address::Address;
use super::plain::plain;
use super::target::Target;
use crate::protocol::admin::User;

/// Why it did not.
#[derive(Debug, Error)]
pub enum Fault {
    /// A file of the command line cannot be used.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and how to correct it.
        problem: String,
    },
    /// Certificates and names of the command line do not go together.
    #[error("{0}")]
    Tls(String),
    /// The configuration has no such port.
    #[error("`listen.admin` is off in this configuration; name the port of a running Gatepost with --address")]
    SwitchedOff,
    /// Nobody answers there.
    #[error("cannot reach Gatepost at {address}: {cause}; does it run, and is this its `listen.admin`?")]
    Unreachable {
        /// Where it was sought.
        address: Address,
        /// What happened.
        cause: String,
    },
    /// The connection broke: most often because one side speaks TLS and the other does not, or shows the wrong certificate.
    #[error("{address} ended the connection: {cause}{}", if *.tls { "" } else { NO_TLS })]
    Broken {
        /// The other side.
        address: Address,
        /// What happened.
        cause: String,
        /// Whether this side spoke TLS.
        tls: bool,
    },
    /// Gatepost says no.
    #[error("{0}")]
    Refused(String),
    /// No session fits.
    #[error("there is no session of such a user; nothing ended")]
    NoSuchUser,
    /// Several users fit.
    #[error("more than one user fits, so nothing ended; ask again for one of them:{}", each(.0))]
    Ambiguous(Vec<User>),
    /// Several of these.
    #[error("{}", lines(.0))]
    Several(Vec<Self>),
    /// The system gave no threads.
    #[error("cannot start: {0}")]
    System(io::Error),
    /// What was asked for cannot be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

const NO_TLS: &str = "; if it takes TLS, give --ca-file, --certificate-file and --private-key-file";

impl Fault {
    /// What an answer without a result means.
    pub(super) fn of(status: &Status, reach: &Target) -> Self {
        let address = reach.address.clone();
        match (status.source(), status.code()) {
            (Some(cause), _) => Self::Broken { address, cause: causes(cause), tls: reach.tls.is_some() },
            (None, Code::Unimplemented) => Self::Refused(format!("{address} is not the port of `listen.admin`")),
            (None, _) => Self::Refused(plain(status.message())),
        }
    }

    /// The same about one handle.
    pub(super) fn of_handle(handle: &str, status: &Status, reach: &Target) -> Self {
        let fault = Self::of(status, reach);
        let Self::Refused(text) = &fault else { return fault };
        Self::Refused(format!("{}: {text}", plain(handle)))
    }

    /// 2 for what is wrong with the command line, 1 for everything else.
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

/// An error's innermost cause: what stands around it says only that there was one.
pub(super) fn causes(fault: &(dyn Error + 'static)) -> String {
    let mut innermost = fault;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
