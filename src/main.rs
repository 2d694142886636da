//! Command line to exit code: 0 for a clean stop, 2 for a configuration that cannot be used, 1 for everything else.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use gatepost::app;
use gatepost::config::{self, Complaint, Complaints, Loaded};
use gatepost::domain::time::Timestamp;
use gatepost::explain::{self, BadQuestion, NoExplanation, Question};
use gatepost::sessions::{self, EndWish, ListWish, Reach, TlsFiles};
use gatepost::snippet::{Address, FrontProxy, NoSnippet, Wanted};
use tikv_jemallocator::Jemalloc;

/// With glibc's, the memory of sessions that went is found again slowly, and little of it is given back.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Sign-in for anything behind Envoy: an `ext_authz` service that speaks OpenID Connect.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers Envoy's checks and signs users in, until SIGTERM.
    Serve(Source),
    /// Lists everything that is wrong with a configuration, without starting.
    CheckConfig(Source),
    /// Tells what would be answered to a request, and why, without a server and without asking anybody.
    Explain(Request),
    /// Prints a front proxy's configuration for these applications.
    Snippet(Wish),
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
struct Source {
    /// The configuration file (YAML). Without one, `GATEPOST_EXTERNAL_HOST`, `GATEPOST_ISSUER`, `GATEPOST_CLIENT_ID`
    /// and `GATEPOST_CLIENT_SECRET` or `GATEPOST_CLIENT_SECRET_FILE` describe a single application.
    // Text that may be empty, as `GATEPOST_CONFIG=` is no file.
    #[arg(long, short, value_name = "FILE", env = "GATEPOST_CONFIG")]
    config: Option<OsString>,
}

/// The request to explain.
#[derive(Args)]
struct Request {
    #[command(flatten)]
    source: Source,
    /// Its address, such as `https://wiki.example.com/page`.
    url: String,
    /// Its method.
    #[arg(long, short, default_value = "GET")]
    method: String,
    /// A header of the request, such as `Accept: text/html`, which makes it a browser's; may be given several times.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Claims of the signed-in user, as a JSON object or as `@` and the name of a file that holds one. Without them nobody
    /// is signed in.
    #[arg(long, value_name = "JSON|@FILE")]
    claims: Option<String>,
}

/// The snippet to print.
#[derive(Args)]
struct Wish {
    #[command(flatten)]
    source: Source,
    /// nginx, traefik, caddy, haproxy (and haproxy-script, which it loads), envoy, istio or envoy-gateway.
    #[arg(value_name = "FRONT-PROXY")]
    front_proxy: FrontProxy,
    /// The slug of the only application that is meant; otherwise all of them.
    #[arg(long, value_name = "SLUG")]
    app: Option<String>,
    /// Where the front proxy reaches Gatepost over HTTP, such as `http://gatepost.internal:9000`; where it asks over gRPC, its
    /// host. Otherwise the addresses of `listen`.
    #[arg(long, value_name = "URL", value_parser = Address::parse)]
    gatepost: Option<Address>,
}

/// What to do with sessions.
#[derive(Subcommand)]
enum Sessions {
    /// Lists sessions; no token and no session id is ever shown.
    List {
        #[command(flatten)]
        wish: ListWish,
        #[command(flatten)]
        admin_port: AdminPort,
    },
    /// Ends sessions: whoever uses one of them next has to sign in.
    End {
        #[command(flatten)]
        wish: EndWish,
        #[command(flatten)]
        admin_port: AdminPort,
    },
}

/// Where the running Gatepost is.
#[derive(Args)]
struct AdminPort {
    /// Its admin port. Unless given: `listen.admin` of the configuration file, else 127.0.0.1:9302.
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<sessions::Address>,
    /// The configuration file (YAML).
    #[arg(long, short, value_name = "FILE", env = "GATEPOST_CONFIG")]
    config: Option<OsString>,
    #[command(flatten)]
    tls: Option<TlsFiles>,
}

/// Why the process ends with something else than 0.
enum Fault {
    Unreadable(PathBuf, io::Error),
    Configuration(Complaints),
    Service(app::Fault),
    Explanation(NoExplanation),
    Snippet(NoSnippet),
    Sessions(sessions::Fault),
    Output(io::Error),
}

fn main() -> ExitCode {
    match run(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let (lines, code) = fault.explain();
            // When stderr is gone, the exit code still tells.
            let _ = tell(&lines);
            ExitCode::from(code)
        }
    }
}

fn run(command: Command) -> Result<(), Fault> {
    match command {
        Command::Serve(source) => {
            let Loaded { config, warnings } = load(source)?;
            tell(&warnings_of(&warnings)).map_err(Fault::Output)?;
            app::run(config).map_err(Fault::Service)
        }
        Command::CheckConfig(source) => {
            let Loaded { warnings, .. } = load(source)?;
            tell(&warnings_of(&warnings)).and_then(|()| print("ok\n")).map_err(Fault::Output)
        }
        Command::Explain(request) => explain(request),
        Command::Snippet(wish) => snippet(wish),
        Command::Sessions(wish) => of_sessions(wish),
        Command::Schema => print(&config::schema()).map_err(Fault::Output),
        Command::ConfigReference => print(&config::reference()).map_err(Fault::Output),
    }
}

fn explain(request: Request) -> Result<(), Fault> {
    let Request { source, url, method, headers, claims } = request;
    let claims = claims.map(claims_text).transpose()?;
    let bad = |fault: BadQuestion| Fault::Explanation(fault.into());
    let question = Question::parse(&url, &method, &headers, claims.as_deref()).map_err(bad)?;
    let Loaded { config, .. } = load(source)?;
    let explained = explain::explain(&config.applications, &config.outpost_name, config.limits.requests, &question);
    explained.map_err(Fault::Explanation).and_then(|text| print(&text).map_err(Fault::Output))
}

fn snippet(wish: Wish) -> Result<(), Fault> {
    let Wish { source, front_proxy, app, gatepost } = wish;
    let Loaded { config, .. } = load(source)?;
    let grpc = Address::of_listener(config.listen.grpc);
    let http = config.listen.http.map_or_else(|| grpc.with_port(9000), Address::of_listener);
    let dialects = config.forward_auth.iter().flat_map(|settings| &settings.dialects);
    let wanted = Wanted {
        front_proxy,
        applications: &config.applications,
        only: app.as_deref(),
        grpc: gatepost.as_ref().map_or(grpc.clone(), |gatepost| gatepost.with_port(grpc.port())),
        http: gatepost.unwrap_or(http),
        dialects: dialects.map(|dialect| dialect.as_str()).collect(),
    };
    let text = gatepost::snippet::snippet(&wanted).map_err(Fault::Snippet)?;
    print(&text).map_err(Fault::Output)
}

fn of_sessions(command: Sessions) -> Result<(), Fault> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = match command {
        Sessions::List { wish, admin_port } => sessions::list(&reach(admin_port)?, wish, now(), &mut out),
        Sessions::End { wish, admin_port } => sessions::end(&reach(admin_port)?, wish, &mut out),
    };
    // What was done before a fault is told, too.
    let told = out.flush();
    done.map_err(Fault::Sessions).and(told.map_err(Fault::Output))
}

/// The configuration is asked for the address alone, and only when nobody names one.
fn reach(AdminPort { address, config, tls }: AdminPort) -> Result<Reach, Fault> {
    let address = match (address, config.filter(|path| !path.is_empty())) {
        (Some(address), _) => address,
        (None, None) => sessions::Address::default(),
        (None, Some(path)) => {
            let listener = load(Source { config: Some(path) })?.config.listen.admin;
            sessions::Address::of_listener(listener.ok_or(Fault::Sessions(sessions::Fault::SwitchedOff))?)
        }
    };
    Ok(Reach { address, tls })
}

#[expect(clippy::disallowed_methods, reason = "ages of sessions are told in a process of their own")]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_unix(since.unwrap_or_default().as_secs())
}

/// The claims themselves, or those of a file.
fn claims_text(given: String) -> Result<String, Fault> {
    let Some(path) = given.strip_prefix('@').map(PathBuf::from) else { return Ok(given) };
    std::fs::read_to_string(&path).map_err(|error| Fault::Unreadable(path, error))
}

fn load(source: Source) -> Result<Loaded, Fault> {
    let Some(path) = source.config.filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return config::load_environment(&environment).map_err(Fault::Configuration);
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => config::load(&text, &path, &environment).map_err(Fault::Configuration),
        Err(error) => Err(Fault::Unreadable(path, error)),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment; everybody else is told")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Fault {
    /// What to say, and the exit code.
    fn explain(self) -> (Vec<String>, u8) {
        match self {
            Self::Unreadable(path, error) => {
                (vec![format!("{}: the file cannot be read ({error}); name another", path.display())], 2)
            }
            Self::Configuration(Complaints { faults, warnings }) => {
                let faults = faults.iter().map(Complaint::to_string);
                (faults.chain(warnings_of(&warnings)).collect(), 2)
            }
            Self::Explanation(NoExplanation::Question(fault)) => (vec![format!("gatepost: {fault}")], 2),
            Self::Snippet(fault) => (vec![format!("gatepost: {fault}")], 2),
            Self::Explanation(fault @ NoExplanation::Conductor) => (vec![format!("gatepost: {fault}")], 1),
            Self::Sessions(fault) => (vec![format!("gatepost: {fault}")], fault.exit_code()),
            Self::Service(fault) => (vec![format!("gatepost: {fault}")], 1),
            Self::Output(error) => (vec![format!("gatepost: {error}")], 1),
        }
    }
}

fn warnings_of(complaints: &[Complaint]) -> Vec<String> {
    complaints.iter().map(|complaint| format!("{complaint} (warning)")).collect()
}

/// Lines for the operator, on stderr.
fn tell(lines: &[String]) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    lines.iter().try_for_each(|line| writeln!(stderr, "{line}"))
}

/// What was asked for, on stdout; a reader that has read enough may go.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
