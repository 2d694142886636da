//! What may be written behind `gatepost sessions`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::duration;

/// Certificates, where the admin port takes TLS.
#[derive(Args, Clone, Debug)]
#[group(requires_all = ["ca_file", "certificate_file", "private_key_file"])]
pub struct TlsFiles {
    /// Certificates (PEM) of the authority that signed Gatepost's. With this and the next two the connection is encrypted.
    #[arg(long, value_name = "FILE", required = false)]
    pub ca_file: PathBuf,
    /// Your own certificate (PEM), signed by an authority of `admin.client_ca_file`.
    #[arg(long, value_name = "FILE", required = false)]
    pub certificate_file: PathBuf,
    /// Its private key (PEM).
    #[arg(long, value_name = "FILE", required = false)]
    pub private_key_file: PathBuf,
    /// The name or address in Gatepost's certificate, where that is not the one that is connected to.
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
}

/// The sessions to list: those that every condition fits.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// The user's name or subject.
    #[arg(long, value_name = "NAME|SUBJECT")]
    pub user: Option<String>,
    /// The application's slug.
    #[arg(long, value_name = "SLUG")]
    pub app: Option<String>,
    /// The issuer that vouched for the user.
    #[arg(long, value_name = "ISSUER")]
    pub issuer: Option<String>,
    /// How long ago the sign-in is at least, such as `2h`.
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub older_than: Option<Duration>,
    /// How long ago the last use is at least, such as `30m`.
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub idle_for: Option<Duration>,
    /// Prints one JSON object per session, with everything that is known, instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// The sessions to end: those named by their handles, or all of a user.
#[derive(Args, Clone, Debug)]
pub struct EndArgs {
    /// Handles, as `gatepost sessions list` prints them.
    #[arg(value_name = "HANDLE", required_unless_present_any = ["user", "subject"], conflicts_with_all = ["user", "subject", "issuer"])]
    pub handles: Vec<String>,
    /// All sessions of the user of this name or subject. When several users fit, nothing ends and they are listed.
    #[arg(long, value_name = "NAME|SUBJECT", conflicts_with = "subject")]
    pub user: Option<String>,
    /// All sessions of the user with this subject.
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Option<String>,
    /// The issuer that vouched for the user.
    #[arg(long, value_name = "ISSUER")]
    pub issuer: Option<String>,
}

fn span(text: &str) -> Result<Duration, &'static str> {
    duration::parse(text).ok_or("write numbers with units, such as 30m, 2h or 1d12h")
}
