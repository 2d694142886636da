//! oauth2-proxy, with its sessions in cookies or in Redis; otherwise with its defaults.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::path::Path;

use crate::addresses::Addresses;
use crate::machine::Cores;
use crate::plan::{OTHER_CLIENT_ID, SECRET};
use crate::servers::Server;

/// Starts it in this folder, and waits until it listens.
///
/// # Errors
/// When it does not.
pub(crate) fn start(
    folder: &Path,
    addresses: &Addresses,
    redis: Option<SocketAddr>,
    cores: Cores,
) -> Result<Server, Box<dyn Error>> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/interop/bin/oauth2-proxy");
    if !program.exists() {
        return Err(format!("{} is missing: `make bench-peers` installs it", program.display()).into());
    }
    let [cookies, on_redis] = addresses.oauth2_proxy;
    let address = if redis.is_some() { on_redis } else { cookies };
    let (config, log) = (folder.join("oauth2-proxy.cfg"), folder.join("log"));
    fs::write(&config, configuration(address, &addresses.issuer, redis))?;
    let output = OpenOptions::new().create(true).append(true).open(&log)?;
    let mut command = cores.on_server(&program.to_string_lossy());
    command.arg("--config").arg(&config).stdout(output.try_clone()?).stderr(output);
    let mut server = Server::start(&mut command)?;
    let log = || fs::read_to_string(&log).unwrap_or_default();
    server.wait_for(address).map_err(|fault| format!("oauth2-proxy: {fault}\n{}", log()))?;
    Ok(server)
}

/// Envoy sends the request itself, which the upstream `static://200` answers for a user who is signed in; nginx asks
/// `/oauth2/auth`. `cookie_secure` is off because the browser uses no TLS.
fn configuration(address: SocketAddr, issuer: &str, redis: Option<SocketAddr>) -> String {
    let store =
        redis.map(|address| format!("session_store_type = \"redis\"\nredis_connection_url = \"redis://{address}\"\n"));
    format!(
        "http_address = \"{address}\"\n\
         reverse_proxy = true\n\
         upstreams = [ \"static://200\" ]\n\
         provider = \"oidc\"\n\
         oidc_issuer_url = \"{issuer}\"\n\
         client_id = \"{OTHER_CLIENT_ID}\"\n\
         client_secret = \"{SECRET}\"\n\
         code_challenge_method = \"S256\"\n\
         scope = \"openid profile email groups\"\n\
         email_domains = [ \"*\" ]\n\
         skip_provider_button = true\n\
         set_xauthrequest = true\n\
         cookie_secret = \"{SECRET}\"\n\
         cookie_secure = false\n{}",
        store.unwrap_or_default()
    )
}
