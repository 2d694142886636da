//! Gatepost as it is shipped: its file store, its log, one user signed in.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use gatepost::domain::time::Timestamp;
use gatepost::ports::Clock;
use serde_json::Value;
use tonic::transport::Channel;

use super::{Server, on_first_core, request};
use crate::op::{CLIENT_ID, CLIENT_SECRET, HostileOp};

/// What Gatepost sets for the user of this benchmark, and the bare server for everybody.
pub(crate) const IDENTITY: [(&str, &str); 10] = [
    ("x-authentik-username", "alice"),
    ("x-authentik-groups", "admins|staff"),
    ("x-authentik-entitlements", "editor"),
    ("x-authentik-email", "alice@example.test"),
    ("x-authentik-name", "Alice Doe"),
    ("x-authentik-uid", "248289761001"),
    ("x-authentik-meta-outpost", "gatepost"),
    ("x-authentik-meta-provider", "Wiki"),
    ("x-authentik-meta-app", "wiki"),
    ("x-authentik-meta-version", concat!("goauthentik.io/outpost/", env!("CARGO_PKG_VERSION"))),
];

const HOST: &str = "wiki.example.com";
/// How long Gatepost may take to start, and how often to look.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the provider of this benchmark signs real tokens")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::from_unix(since.map_or(0, |since| since.as_secs()))
    }
}

/// Starts it in a folder of its own below `folder`, signs a user in through Checks, and writes the signed-in question.
pub(crate) async fn start(folder: &Path, log_level: &str) -> Result<Server, Box<dyn Error>> {
    let folder = folder.join(log_level);
    fs::create_dir(&folder)?;
    let provider = HostileOp::start(Arc::new(SystemClock)).await;
    provider.behave(|behaviour| {
        behaviour.claims = serde_json::json!({
            "preferred_username": "alice", "groups": ["admins", "staff"], "entitlements": ["editor"],
            "email": "alice@example.test", "name": "Alice Doe",
        });
    });
    let settings = folder.join("gatepost.yaml");
    fs::write(&settings, configuration(provider.issuer(), log_level))?;
    let mut command = on_first_core(env!("CARGO_BIN_EXE_gatepost"));
    command.args(["serve", "--config"]).arg(&settings).current_dir(&folder);
    let log = folder.join("gatepost.log");
    let process = command.stderr(fs::File::create(&log)?).stdout(Stdio::null()).spawn()?;
    let mut server = Server { process, address: ([127, 0, 0, 1], 0).into(), question: folder.join("check.bin") };
    server.address = grpc_address(&log)?;
    let address = server.address;
    let mut client = AuthorizationClient::connect(format!("http://{address}")).await?;
    let cookie = sign_in(&mut client, &provider).await?;
    let question = request::check(HOST, "/projects/gatepost/issues?page=2", &format!("theme=dark; {cookie}"));
    verify(&client.check(question.clone()).await?.into_inner())?;
    fs::write(&server.question, request::frame(&question))?;
    Ok(server)
}

fn configuration(issuer: &str, log_level: &str) -> String {
    let secret = serde_json::Value::from(CLIENT_SECRET);
    format!(
        "applications:\n  - name: Wiki\n    external_host: https://{HOST}\n    issuer: {issuer}\n    client_id: \"{CLIENT_ID}\"\n    \
         client_secret: {secret}\nlisten: {{ grpc: \"127.0.0.1:0\", http: off, https: off, metrics: \"127.0.0.1:0\", admin: off }}\n\
         log: {{ level: \"{log_level},gatepost::app=info\" }}\n"
    )
}

/// The address in the log, once it says `ready`.
fn grpc_address(log: &Path) -> Result<SocketAddr, Box<dyn Error>> {
    for _ in 0..PATIENCE.as_millis() / POLL.as_millis() {
        let text = fs::read_to_string(log)?;
        let entries: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if entries.iter().any(|entry| entry["message"] == "ready") {
            let grpc = entries.iter().find(|entry| entry["message"] == "listening" && entry["listener"] == "grpc");
            let address = grpc.and_then(|entry| entry["address"].as_str()).ok_or("no gRPC address in the log")?;
            return Ok(address.parse()?);
        }
        std::thread::sleep(POLL);
    }
    Err(format!("Gatepost was not ready in time:\n{}", fs::read_to_string(log)?).into())
}

/// First visit, provider, callback: the session cookie.
async fn sign_in(client: &mut AuthorizationClient<Channel>, provider: &HostileOp) -> Result<String, Box<dyn Error>> {
    let first = client.check(request::check(HOST, "/", "")).await?.into_inner();
    let location = header(&first, "location").ok_or("no redirect to the provider")?;
    let binding = cookie(&first).ok_or("no binding cookie")?;
    let callback = provider.authorize(&url::Url::parse(&location)?);
    let path = format!("{}?{}", callback.path(), callback.query().unwrap_or_default());
    let back = client.check(request::check(HOST, &path, &binding)).await?.into_inner();
    cookie(&back).ok_or_else(|| format!("no session cookie: {back:?}").into())
}

fn headers(answer: &CheckResponse) -> impl Iterator<Item = (&str, &str)> {
    let headers = match &answer.http_response {
        Some(HttpResponse::OkResponse(ok)) => ok.headers.as_slice(),
        Some(HttpResponse::DeniedResponse(denied)) => denied.headers.as_slice(),
        _ => &[],
    };
    headers
        .iter()
        .filter_map(|option| option.header.as_ref())
        .map(|header| (header.key.as_str(), header.value.as_str()))
}

fn header(answer: &CheckResponse, name: &str) -> Option<String> {
    headers(answer).find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

fn cookie(answer: &CheckResponse) -> Option<String> {
    Some(header(answer, "set-cookie")?.split(';').next()?.to_owned())
}

/// The answer lets the request through with every identity header.
fn verify(answer: &CheckResponse) -> Result<(), Box<dyn Error>> {
    let set: HashMap<_, _> = headers(answer).collect();
    let all_there = IDENTITY.iter().all(|(name, value)| set.get(name) == Some(value));
    let allowed = answer.status.as_ref().is_some_and(|status| status.code == 0);
    if all_there && allowed { Ok(()) } else { Err(format!("not the answer for a signed-in user: {answer:?}").into()) }
}
