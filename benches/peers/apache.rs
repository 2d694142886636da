//! Apache with `mod_auth_openidc`: a front proxy of its own, with a host for each case, and two hosts that nginx asks.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use crate::addresses::Addresses;
use crate::case::SEEN;
use crate::check::Check;
use crate::machine::Cores;
use crate::plan::{Front, OTHER_CLIENT_ID, Plan, SECRET};
use crate::servers::Server;

/// Where Debian's packages put the modules.
const MODULES: &str = "/usr/lib/apache2/modules";

/// Starts it in this folder, and waits until it listens. It serves the file `page`.
///
/// # Errors
/// When it does not.
pub(crate) fn start(
    folder: &Path,
    plans: &[Plan],
    addresses: &Addresses,
    redis: SocketAddr,
    page: &Path,
    cores: Cores,
) -> Result<Server, Box<dyn Error>> {
    let fronts = plans.iter().filter(|plan| plan.front == Front::Apache);
    let mut hosts: Vec<_> = fronts.map(|plan| (plan.address(), front(plan.check, &addresses.issuer, redis))).collect();
    let checks = addresses.apache.into_iter().zip([Check::ModAuthOpenidc, Check::ModAuthOpenidcOnRedis]);
    hosts.extend(checks.map(|(address, check)| (address, asked_by_nginx(check, &addresses.issuer, redis))));
    let mut text = format!(
        "ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/error.log
LoadModule mpm_event_module {MODULES}/mod_mpm_event.so
LoadModule authn_core_module {MODULES}/mod_authn_core.so
LoadModule authz_core_module {MODULES}/mod_authz_core.so
LoadModule authz_user_module {MODULES}/mod_authz_user.so
LoadModule alias_module {MODULES}/mod_alias.so
LoadModule headers_module {MODULES}/mod_headers.so
LoadModule auth_openidc_module {MODULES}/mod_auth_openidc.so
User nobody
Group nogroup
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
MaxKeepAliveRequests 0
KeepAliveTimeout 60
LimitRequestFieldSize 32768
AliasMatch ^/ {page}
<Directory {root}>
  Require all granted
</Directory>
",
        folder = folder.display(),
        page = page.display(),
        root = page.parent().unwrap_or(page).display(),
    );
    for (address, lines) in &hosts {
        write!(text, "Listen {address}\n<VirtualHost {address}>\n{lines}</VirtualHost>\n")?;
    }
    let config = folder.join("apache.conf");
    fs::write(&config, text)?;
    let mut command = cores.on_server("apache2");
    command
        .arg("-f")
        .arg(&config)
        .arg("-DFOREGROUND")
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("log"))?);
    let mut server = Server::start(&mut command)?;
    let log = || ["log", "error.log"].map(|name| fs::read_to_string(folder.join(name)).unwrap_or_default()).concat();
    for (address, _) in hosts {
        server.wait_for(address).map_err(|fault| format!("Apache: {fault}\n{}", log()))?;
    }
    Ok(server)
}

/// A host that serves the page to users who are signed in.
fn front(check: Check, issuer: &str, redis: SocketAddr) -> String {
    if !check.is_mod_auth_openidc() {
        return String::new();
    }
    format!(
        "{}<Location />
  AuthType openid-connect
  Require valid-user
  Header set {SEEN} \"expr=%{{REMOTE_USER}}\"
</Location>
",
        settings(check, issuer, redis)
    )
}

/// A host that answers nginx' subrequests with 200 or 401, and signs users in.
fn asked_by_nginx(check: Check, issuer: &str, redis: SocketAddr) -> String {
    format!(
        "{}CustomLog access.log combined
LogFormat \"%h %l %u %t \\\"%r\\\" %>s %O \\\"%{{Referer}}i\\\" \\\"%{{User-Agent}}i\\\"\" combined
<Location /check>
  AuthType openid-connect
  Require valid-user
  OIDCUnAuthAction 401
  Header set {} \"expr=%{{REMOTE_USER}}\"
</Location>
<Location /oidc/>
  AuthType openid-connect
  Require valid-user
</Location>
",
        settings(check, issuer, redis),
        check.user_header()
    )
}

/// The inactivity timeout is longer than a run. The module sets the cookie anew when a minute has passed since the last time.
fn settings(check: Check, issuer: &str, redis: SocketAddr) -> String {
    let store = if check == Check::ModAuthOpenidcOnRedis {
        format!("OIDCSessionType server-cache\nOIDCCacheType redis\nOIDCRedisCacheServer {redis}\n")
    } else {
        "OIDCSessionType client-cookie\n".to_owned()
    };
    format!(
        "OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {OTHER_CLIENT_ID}
OIDCClientSecret {SECRET}
OIDCRedirectURI /oidc/callback
OIDCCryptoPassphrase {SECRET}
OIDCScope \"openid profile email groups\"
OIDCPKCEMethod S256
OIDCRemoteUserClaim preferred_username
OIDCSessionInactivityTimeout 7200
{store}"
    )
}
