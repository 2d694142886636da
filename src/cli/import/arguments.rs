//! The arguments of `gatepost import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The program whose configuration is translated.
#[derive(Subcommand)]
pub(crate) enum Import {
    /// Translates a configuration of oauth2-proxy: its configuration file (TOML), its alpha configuration (`.yaml`, `.yml`) and
    /// variables `OAUTH2_PROXY_…` (`.env`, a line `NAME=value` for each); of several files, later ones take precedence.
    Oauth2Proxy {
        /// The files.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        given: Given,
    },
    /// Translates access control and session settings of Authelia (YAML). Users, passwords and second factors stay at a provider,
    /// which Authelia itself can be.
    Authelia {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        given: Given,
    },
    /// Translates Ingresses of ingress-nginx that ask an authentication service (YAML, with several documents), as
    /// `kubectl get ingress --all-namespaces --output yaml` prints them.
    IngressNginx {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// States that the authentication service lets every user pass who can sign in, apart from what `auth-url` asks for.
        /// Without this option the applications are closed until you write their rules.
        #[arg(long)]
        allow_anyone: bool,
        #[command(flatten)]
        given: Given,
    },
}

/// What the other program's files may not say.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Given {
    /// URL at which browsers reach the application, such as `https://wiki.example.com`, where the files do not name it; with
    /// authelia it can be repeated, for hosts that no rule names alone.
    #[arg(long = "host", value_name = "URL")]
    pub(super) hosts: Vec<String>,
    /// Issuer identifier of the OpenID Provider. Without this option: the one in the files, if there is one.
    #[arg(long, value_name = "URL")]
    pub(super) issuer: Option<String>,
    /// Client ID at the provider. Without this option: the one in the files, if there is one.
    #[arg(long, value_name = "ID")]
    pub(super) client_id: Option<String>,
    /// Writes the configuration to this file, which must not exist. Without this option: stdout.
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}
