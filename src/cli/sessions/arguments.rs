//! What may be written behind `gatepost sessions`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::duration;

/// Certificates, where the admin port takes TLS.
#[derive(Args, Clone, Debug)]
#[group(requires_all = ["ca_file", "certificate_file", "private_key_file"])]
pub struct TlsFiles {
    /// CA certificates (PEM) for the certificate of Gatepost. The three options of this kind turn on TLS, and are used
    /// together.
    #[arg(long, value_name = "FILE", required = false)]
    pub ca_file: PathBuf,
    /// Client certificate (PEM), signed by a CA of `admin.client_ca_file`.
    #[arg(long, value_name = "FILE", required = false)]
    pub certificate_file: PathBuf,
    /// Private key of the client certificate (PEM).
    #[arg(long, value_name = "FILE", required = false)]
    pub private_key_file: PathBuf,
    /// Host name or IP address in the certificate of Gatepost, if it differs from the one in --address.
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
}

/// The sessions to list: those that match every condition.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Name or subject (`sub`) of the user.
    #[arg(long, value_name = "NAME|SUBJECT")]
    pub user: Option<String>,
    /// Slug of the application.
    #[arg(long, value_name = "SLUG")]
    pub app: Option<String>,
    /// Issuer of the user's ID Token.
    #[arg(long, value_name = "ISSUER")]
    pub issuer: Option<String>,
    /// Minimum time since the sign-in, such as `2h`.
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub older_than: Option<Duration>,
    /// Minimum time since the last use, such as `30m`.
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub idle_for: Option<Duration>,
    /// Prints one JSON object with all fields per session, instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// The sessions to end: those named by their handles, or all of a user.
#[derive(Args, Clone, Debug)]
pub struct EndArgs {
    /// Handles of sessions, as `gatepost sessions list` prints them.
    #[arg(value_name = "HANDLE", required_unless_present_any = ["user", "subject"], conflicts_with_all = ["user", "subject", "issuer"])]
    pub handles: Vec<String>,
    /// Ends all sessions of the user with this name or subject. If several users match, no session ends, and the users are
    /// listed.
    #[arg(long, value_name = "NAME|SUBJECT", conflicts_with = "subject")]
    pub user: Option<String>,
    /// Ends all sessions of the user with this subject (`sub`).
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Option<String>,
    /// Issuer of the user's ID Token.
    #[arg(long, value_name = "ISSUER")]
    pub issuer: Option<String>,
}

fn span(text: &str) -> Result<Duration, &'static str> {
    duration::parse(text).ok_or("write numbers with units, such as 30m, 2h or 1d12h")
}
