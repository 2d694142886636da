//! Gatepost as it is shipped: its file store, its log, one user signed in.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;

use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use gatepost::domain::time::Timestamp;
use gatepost::ports::Clock;
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

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the provider of this benchmark signs real tokens")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::from_unix(since.map_or(0, |since| since.as_secs()))
    }
}

/// Starts it, signs a user in through Checks, and writes the signed-in question to `body`.
pub(crate) async fn start(folder: &Path, body: &Path) -> Result<Server, Box<dyn Error>> {
    let provider = HostileOp::start(Arc::new(SystemClock)).await;
    provider.behave(|behaviour| {
        behaviour.claims = serde_json::json!({
            "preferred_username": "alice", "groups": ["admins", "staff"], "entitlements": ["editor"],
            "email": "alice@example.test", "name": "Alice Doe",
        });
    });
    let settings = folder.join("gatepost.yaml");
    fs::write(&settings, configuration(provider.issuer()))?;
    let mut command = on_first_core(env!("CARGO_BIN_EXE_gatepost"));
    command.args(["serve", "--config"]).arg(&settings).current_dir(folder);
    let mut process = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let address = grpc_address(&mut process)?;
    let server = Server { process, address };
    let mut client = AuthorizationClient::connect(format!("http://{address}")).await?;
    let cookie = sign_in(&mut client, &provider).await?;
    let question = request::check(HOST, "/projects/gatepost/issues?page=2", &format!("theme=dark; {cookie}"));
    verify(&client.check(question.clone()).await?.into_inner())?;
    fs::write(body, request::frame(&question))?;
    Ok(server)
}

fn configuration(issuer: &str) -> String {
    let secret = serde_json::Value::from(CLIENT_SECRET);
    format!(
        "applications:\n  - name: Wiki\n    external_host: https://{HOST}\n    issuer: {issuer}\n    client_id: \"{CLIENT_ID}\"\n    \
         client_secret: {secret}\nlisten: {{ grpc: \"127.0.0.1:0\", http: off, https: off, metrics: \"127.0.0.1:0\" }}\n"
    )
}

/// Reads the log up to `ready`, then lets it flow on to nowhere.
fn grpc_address(process: &mut Child) -> Result<SocketAddr, Box<dyn Error>> {
    let mut lines = BufReader::new(process.stderr.take().ok_or("no log")?).lines();
    let mut address = None;
    for line in lines.by_ref() {
        let line = line?;
        let entry: serde_json::Value = serde_json::from_str(&line).map_err(|_| line.clone())?;
        let fields = entry.get("fields").unwrap_or(&entry);
        let text = |name: &str| fields.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        match (text("message"), text("listener")) {
            ("listening", "grpc") => address = Some(text("address").parse()?),
            ("ready", _) => break,
            _ => {}
        }
    }
    std::thread::spawn(move || lines.for_each(drop));
    address.ok_or_else(|| "Gatepost ended before it was ready".into())
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
