//! The arguments of `gatepost init`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::snippet::{FrontProxy, ListenerAddress};

/// What the configuration is to say. On a terminal, `init` asks for what is required and not given.
#[derive(Args, Clone, Default)]
pub(crate) struct Init {
    /// The front proxy: envoy, nginx, traefik, caddy, haproxy, istio or envoy-gateway. Required.
    #[arg(long, value_name = "FRONT-PROXY")]
    pub(super) front_proxy: Option<FrontProxy>,
    /// URL at which browsers reach the application, such as `https://wiki.example.com` (`external_host`). Required.
    #[arg(long, value_name = "URL")]
    pub(super) host: Option<String>,
    /// Issuer identifier of the provider, as its metadata names it. Required.
    #[arg(long, value_name = "URL")]
    pub(super) issuer: Option<String>,
    /// Client ID at the provider. Required.
    #[arg(long, value_name = "ID")]
    pub(super) client_id: Option<String>,
    /// A file that holds the client secret, or will hold it. Without this option the configuration refers to the variable
    /// `GATEPOST_CLIENT_SECRET`.
    #[arg(long, value_name = "FILE")]
    pub(super) client_secret_file: Option<PathBuf>,
    /// Display name of the application. Without this option: the first label of its host.
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// URL at which the front proxy reaches Gatepost, such as `http://gatepost.internal:9000`. Without this option Gatepost
    /// listens on this machine only, except for istio and envoy-gateway.
    #[arg(long, value_name = "URL", value_parser = ListenerAddress::parse)]
    pub(super) gatepost: Option<ListenerAddress>,
    /// Address or network of the front proxy; can be repeated. Without this option: 127.0.0.1.
    #[arg(long = "trusted-proxy", value_name = "ADDRESS")]
    pub(super) trusted_proxies: Vec<String>,
    /// CA certificates (PEM) that are trusted in addition to the system's, if the provider needs them.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// Does not ask the provider; then the configuration assumes what most providers support.
    #[arg(long)]
    pub(super) offline: bool,
    /// The folder for the files, which must exist. No file is overwritten.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(super) folder: PathBuf,
}
