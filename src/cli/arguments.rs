//! The command line.

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};

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
    /// Answers Envoy's checks and signs users in, until SIGTERM.
    Serve(Source),
    /// Lists everything that is wrong with a configuration, without starting.
    CheckConfig(Source),
    /// Tells what would be answered to a request, and why, without a server and without asking anybody.
    Explain(Request),
    /// Prints a front proxy's configuration for these applications.
    Snippet(SnippetCommand),
    /// Lists and ends the sessions of a running Gatepost.
    #[command(subcommand)]
    Sessions(Sessions),
    /// Prints the JSON Schema of the configuration file, for editors.
    Schema,
    /// Prints the reference of all configuration keys, as Markdown.
    ConfigReference,
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

/// The request to explain.
#[derive(Args)]
pub(super) struct Request {
    #[command(flatten)]
    pub(super) source: Source,
    /// Its address, such as `https://wiki.example.com/page`.
    pub(super) url: String,
    /// Its method.
    #[arg(long, short, default_value = "GET")]
    pub(super) method: String,
    /// A header of the request, such as `Accept: text/html`, which makes it a browser's; may be given several times.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// Claims of the signed-in user, as a JSON object or as `@` and the name of a file that holds one. Without them nobody
    /// is signed in.
    #[arg(long, value_name = "JSON|@FILE")]
    pub(super) claims: Option<String>,
}

/// The snippet to print.
#[derive(Args)]
pub(super) struct SnippetCommand {
    #[command(flatten)]
    pub(super) source: Source,
    /// nginx, traefik, caddy, haproxy (and haproxy-script, which it loads), envoy, istio or envoy-gateway.
    #[arg(value_name = "FRONT-PROXY")]
    pub(super) front_proxy: FrontProxy,
    /// The slug of the only application that is meant; otherwise all of them.
    #[arg(long, value_name = "SLUG")]
    pub(super) app: Option<String>,
    /// Where the front proxy reaches Gatepost over HTTP, such as `http://gatepost.internal:9000`; where it asks over gRPC, its
    /// host. Otherwise the addresses of `listen`.
    #[arg(long, value_name = "URL", value_parser = ListenerAddress::parse)]
    pub(super) gatepost: Option<ListenerAddress>,
}

/// What to do with sessions.
#[derive(Subcommand)]
pub(super) enum Sessions {
    /// Lists sessions; no token and no session id is ever shown.
    List {
        #[command(flatten)]
        args: ListArgs,
        #[command(flatten)]
        admin_port: AdminPort,
    },
    /// Ends sessions: whoever uses one of them next has to sign in.
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
    /// Its admin port. Unless given: `listen.admin` of the configuration file, else 127.0.0.1:9302.
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) address: Option<sessions::AdminAddress>,
    /// The configuration file (YAML).
    #[arg(long, short, value_name = "FILE", env = "GATEPOST_CONFIG")]
    pub(super) config: Option<OsString>,
    #[command(flatten)]
    pub(super) tls: Option<TlsFiles>,
}
