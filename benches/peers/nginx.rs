//! nginx with one worker and a server for each case, which asks the check by `auth_request` as the check's documents say.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::addresses::Addresses;
use crate::case::SEEN;
use crate::check::Check;
use crate::machine::Cores;
use crate::plan::{Front, Plan};
use crate::servers::Server;

/// Starts it in this folder, and waits until it listens. It serves the file `page`.
///
/// # Errors
/// When it does not.
pub(crate) fn start(
    folder: &Path,
    plans: &[Plan],
    addresses: &Addresses,
    page: &Path,
    cores: Cores,
) -> Result<Server, Box<dyn Error>> {
    let plans: Vec<&Plan> = plans.iter().filter(|plan| plan.front == Front::Nginx).collect();
    let servers: String = plans.iter().map(|plan| server(plan, addresses, page)).collect();
    let text = format!(
        "worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  access_log off;
  keepalive_requests 1000000000;
  large_client_header_buffers 4 32k;
  proxy_buffer_size 32k; proxy_buffers 8 32k; proxy_busy_buffers_size 64k;
  proxy_http_version 1.1;
  default_type text/plain;
{servers}}}
"
    );
    fs::write(folder.join("nginx.conf"), text)?;
    let log = folder.join("error.log");
    let mut command = cores.on_server("nginx");
    command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    let mut server = Server::start(command.stdout(Stdio::null()).stderr(fs::File::create(&log)?))?;
    let log = || fs::read_to_string(&log).unwrap_or_default();
    for plan in plans {
        server.wait_for(plan.address()).map_err(|fault| format!("nginx: {fault}\n{}", log()))?;
    }
    Ok(server)
}

fn server(plan: &Plan, addresses: &Addresses, page: &Path) -> String {
    let (address, root) = (plan.address(), page.parent().unwrap_or(page).display());
    let page = page.file_name().unwrap_or_default().display();
    let Some(check) = addresses.for_nginx(plan.check) else {
        return format!("  server {{ listen {address}; root {root}; location / {{ try_files /{page} =404; }} }}\n");
    };
    let Endpoints { question, headers, sign_in, own } = Endpoints::of(plan.check);
    let (label, user) = (plan.label, plan.check.user_header().replace('-', "_"));
    format!(
        "  upstream {label} {{ server {check}; keepalive 32; keepalive_requests 1000000000; }}
  server {{
    listen {address};
    root {root};
    location / {{
      auth_request /_check;
      error_page 401 = @sign_in;
      auth_request_set $user $upstream_http_{user};
      add_header {SEEN} $user;
      try_files /{page} =404;
    }}
    location = /_check {{
      internal;
      proxy_pass http://{label}{question};
      proxy_pass_request_body off;
      proxy_set_header Content-Length \"\";
      proxy_set_header Connection \"\";
{headers}    }}
    location @sign_in {{
{}    }}
    location {own} {{
      proxy_pass http://{label};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Connection \"\";
    }}
  }}
",
        sign_in.replace("CHECK", label).replace("ISSUER", &addresses.issuer)
    )
}

/// How the check is asked.
struct Endpoints {
    /// The path of the subrequest, and its headers.
    question: &'static str,
    headers: &'static str,
    /// What happens after a 401; `CHECK` stands for the check, `ISSUER` for the provider.
    sign_in: &'static str,
    /// The paths that belong to the check.
    own: &'static str,
}

impl Endpoints {
    fn of(check: Check) -> Self {
        if check.is_gatepost() {
            Self {
                question: "/outpost.goauthentik.io/auth/nginx",
                headers: "      proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Forwarded-For $remote_addr;
",
                sign_in: "      rewrite ^ /outpost.goauthentik.io/start? break;
      proxy_pass http://CHECK;
      proxy_set_header Host $http_host;
      proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
      proxy_set_header Connection \"\";
",
                own: "/outpost.goauthentik.io/",
            }
        } else if check.is_oauth2_proxy() {
            Self {
                question: "/oauth2/auth",
                headers: "      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Uri $request_uri;
",
                sign_in: "      return 302 /oauth2/start?rd=$request_uri;\n",
                own: "/oauth2/",
            }
        } else {
            Self {
                question: "/check",
                headers: "      proxy_set_header Host $http_host;\n",
                sign_in: "      return 302 /oidc/callback?iss=ISSUER&target_link_uri=$scheme://$http_host$request_uri;\n",
                own: "/oidc/",
            }
        }
    }
}
