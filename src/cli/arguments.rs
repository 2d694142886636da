//! The command line.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use http::uri::Authority;

use super::import::Import;
use super::init::Init;
use super::metrics_address::parse_address;
use super::sessions::{self, EndArgs, ListArgs, TlsFiles};
use super::snippet::{FrontProxy, ListenerAddress};

/// Sign-in for anything behind Envoy: an `ext_authz` service that speaks OpenID Connect.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Runs the service until SIGTERM.
    Serve(Source),
    /// Lists all faults of a configuration, without starting the service.
    CheckConfig(CheckConfig),
    /// Shows the response to a request and the reasons for it, without a running service or a call to the provider.
    Explain(Request),
    /// Checks the setup as it is at this moment: the files, the providers, the session store, the front proxies and authentik.
    /// It changes nothing. Exit code 1 if a check fails.
    Doctor(Doctor),
    /// Writes a first configuration and the file of a front proxy, by the metadata of the provider, and says what to register
    /// there. On a terminal it asks for what the options do not say.
    Init(Init),
    /// Translates the configuration of another program. What does not translate is listed on stderr, and never opens anything.
    /// Exit code 3 if something is listed that has to be done by hand, 2 if nothing can be translated.
    #[command(subcommand)]
    Import(Import),
    /// Prints the configuration of a front proxy for the configured applications.
    Snippet(SnippetCommand),
    /// Lists or ends sessions of a running Gatepost.
    #[command(subcommand)]
    Sessions(Sessions),
    /// Asks a running Gatepost on this machine whether it answers: exit code 0, or 1. For the health check of a container.
    Healthcheck(HealthCheck),
    /// Prints the JSON Schema of the configuration file, for editors.
    Schema,
    /// Prints the reference of all configuration keys, as Markdown.
    ConfigReference,
    /// Prints the completion script of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Writes the manual pages into a folder.
    Man {
        /// The folder, which must exist.
        folder: PathBuf,
    },
}

/// Where the configuration is.
#[derive(Args)]
pub(super) struct Source {
    /// The configuration file (YAML). Without one, `GATEPOST_EXTERNAL_HOST`, `GATEPOST_ISSUER`, `GATEPOST_CLIENT_ID`
    /// and `GATEPOST_CLIENT_SECRET` or `GATEPOST_CLIENT_SECRET_FILE` describe a single application.
    // Text that may be empty, as `GATEPOST_CONFIG=` is no file.
    #[arg(long, short, value_name = "FILE", env = "GATEPOST_CONFIG")]
    pub(super) config: Option<OsString>,
}

/// The configuration to check.
#[derive(Args)]
pub(super) struct CheckConfig {
    #[command(flatten)]
    pub(super) source: Source,
    /// Compares the configuration with this file, such as a copy of the one that is in service, and lists the settings
    /// that differ: those that a reload applies, and those that need a restart.
    #[arg(long, value_name = "FILE")]
    pub(super) diff: Option<OsString>,
}

/// The request to explain.
#[derive(Args)]
pub(super) struct Request {
    #[command(flatten)]
    pub(super) source: Source,
    /// URL of the request, such as `https://wiki.example.com/page`.
    pub(super) url: String,
    /// Method of the request.
    #[arg(long, short, default_value = "GET")]
    pub(super) method: String,
    /// Header of the request; can be repeated. With `Accept: text/html` the request is treated as a browser's.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// Claims of the signed-in user: a JSON object, or `@` and the name of a file that holds one. Without this option the
    /// request has no session.
    #[arg(long, value_name = "JSON|@FILE")]
    pub(super) claims: Option<String>,
    /// Address of the client, for `networks` and `skip_networks`. Without this option it is not known.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) client: Option<IpAddr>,
    /// Prints the explanation as JSON: `decision` and `findings`.
    #[arg(long)]
    pub(super) json: bool,
}

/// The setup to check.
#[derive(Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    pub(super) source: Source,
    /// Prints the findings as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// The snippet to print.
#[derive(Args)]
pub(super) struct SnippetCommand {
    #[command(flatten)]
    pub(super) source: Source,
    /// The front proxy: nginx, traefik, caddy, haproxy, haproxy-script (the Lua script that haproxy loads), envoy, istio or
    /// envoy-gateway.
    #[arg(value_name = "FRONT-PROXY")]
    pub(super) front_proxy: FrontProxy,
    /// Slug of the application. Without this option the snippet covers all applications.
    #[arg(long, value_name = "SLUG")]
    pub(super) app: Option<String>,
    /// URL at which the front proxy reaches Gatepost, such as `http://gatepost.internal:9000`; over gRPC only its host is
    /// used, with the port of `listen.grpc`. Without this option: the addresses of `listen`.
    #[arg(long, value_name = "URL", value_parser = ListenerAddress::parse)]
    pub(super) gatepost: Option<ListenerAddress>,
}

/// What to do with sessions.
#[derive(Subcommand)]
pub(super) enum Sessions {
    /// Lists sessions; the output contains no token and no session ID.
    List {
        #[command(flatten)]
        args: ListArgs,
        #[command(flatten)]
        admin_port: AdminPort,
    },
    /// Ends sessions; their users have to sign in again.
    End {
        #[command(flatten)]
        args: EndArgs,
        #[command(flatten)]
        admin_port: AdminPort,
    },
}

/// Where the running Gatepost is.
#[derive(Args)]
pub(super) struct AdminPort {
    /// Address of the admin listener. Without this option: `listen.admin` of the configuration file, else 127.0.0.1:9302.
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) address: Option<sessions::AdminAddress>,
    /// The configuration file (YAML).
    #[arg(long, short, value_name = "FILE", env = "GATEPOST_CONFIG")]
    pub(super) config: Option<OsString>,
    #[command(flatten)]
    pub(super) tls: Option<TlsFiles>,
}

/// Where the metrics listener of the running Gatepost is.
#[derive(Args)]
pub(super) struct HealthCheck {
    /// Address of the metrics listener. Without this option: `listen.metrics` of the configuration file, else the first
    /// address in `AUTHENTIK_LISTEN__METRICS`, else 127.0.0.1:9300.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_address)]
    pub(super) address: Option<Authority>,
    /// The configuration file (YAML).
    #[arg(long, short, value_name = "FILE", env = "GATEPOST_CONFIG")]
    pub(super) config: Option<OsString>,
    /// The type of the outpost, which authentik adds to the command. It has no effect.
    #[arg(hide = true, value_parser = ["proxy"])]
    outpost_type: Option<String>,
}
