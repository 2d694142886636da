//! The real Envoy with one worker and a listener for each case. It answers the requests that pass by itself, and returns
//! what the check has reported.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;

use crate::addresses::Addresses;
use crate::case::SEEN;
use crate::check::Check;
use crate::machine::Cores;
use crate::plan::{Front, OTHER_CLIENT_ID, Plan, SECRET, local};
use crate::programs::AUDIENCE;
use crate::servers::Server;
use crate::servers::envoy::{HTTP_1, HTTP_2, cluster, ext_authz, run, socket};
use crate::support::ports::free_port;

/// How long a check may take: a callback contains a request to the provider.
const TIMEOUT: &str = "15s";

/// Starts it in this folder, and waits until it is ready.
///
/// # Errors
/// When it does not get ready.
pub(crate) fn start(
    folder: &Path,
    plans: &[Plan],
    addresses: &Addresses,
    cores: Cores,
) -> Result<Server, Box<dyn Error>> {
    let admin = local(free_port());
    let plans: Vec<&Plan> = plans.iter().filter(|plan| plan.front == Front::Envoy).collect();
    let listeners: String = plans.iter().map(|plan| listener(plan, addresses)).collect();
    let checks = plans.iter().filter_map(|plan| {
        let protocol = if plan.check.is_gatepost() { HTTP_2 } else { HTTP_1 };
        Some(cluster(plan.label, addresses.for_envoy(plan.check)?, protocol))
    });
    let (checks, provider) = (checks.collect::<String>(), socket(address_of(&addresses.issuer_of_filters)?));
    let text = format!(
        "admin: {{ address: {} }}
static_resources:
  secrets:
  - {{ name: token, generic_secret: {{ secret: {{ inline_string: {SECRET} }} }} }}
  - {{ name: hmac, generic_secret: {{ secret: {{ inline_string: {SECRET} }} }} }}
  listeners:
{listeners}  clusters:
{checks}  - name: provider
    type: STATIC
    load_assignment:
      cluster_name: provider
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {provider} }} }}] }}]
",
        socket(admin)
    );
    run(folder, &text, admin, cores)
}

fn address_of(issuer: &str) -> Result<SocketAddr, Box<dyn Error>> {
    Ok(issuer.trim_start_matches("http://").parse()?)
}

fn listener(plan: &Plan, addresses: &Addresses) -> String {
    let Plan { label, check, .. } = plan;
    let (address, filters, user) = (socket(plan.address()), filters(plan, addresses), check.user_header());
    let seen = format!(
        "\n                response_headers_to_add:
                - header: {{ key: {SEEN}, value: \"%REQ({user})%\" }}"
    );
    let seen = if *check == Check::Nothing { String::new() } else { seen };
    format!(
        "  - name: {label}
    address: {address}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {label}
          use_remote_address: true
          normalize_path: true
          merge_slashes: true
          route_config:
            virtual_hosts:
            - name: all
              domains: [\"*\"]
              routes:
              - match: {{ prefix: / }}
                direct_response: {{ status: 200, body: {{ inline_string: hello }} }}{seen}
          http_filters:
{filters}          - name: envoy.filters.http.router
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"
    )
}

fn filters(plan: &Plan, addresses: &Addresses) -> String {
    let issuer = &addresses.issuer_of_filters;
    match plan.check {
        Check::Gatepost | Check::GatepostWithAllSessions | Check::GatepostOnRedis => ext_authz(plan.label, TIMEOUT),
        Check::Oauth2Proxy | Check::Oauth2ProxyOnRedis => over_http(plan.label),
        Check::Oauth2Filter => oauth2(issuer),
        Check::Oauth2AndJwtFilters => oauth2(issuer) + &jwt_authn(issuer),
        Check::Nothing | Check::ModAuthOpenidc | Check::ModAuthOpenidcOnRedis => String::new(),
    }
}

fn over_http(label: &str) -> String {
    format!(
        "          - name: envoy.filters.http.ext_authz
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              failure_mode_allow: false
              status_on_error: {{ code: 503 }}
              allowed_headers:
                patterns: [{{ exact: accept }}, {{ exact: cookie }}, {{ exact: user-agent }}, {{ prefix: x-forwarded- }}]
              http_service:
                server_uri: {{ uri: \"http://{label}\", cluster: {label}, timeout: {TIMEOUT} }}
                authorization_response:
                  allowed_upstream_headers: {{ patterns: [{{ prefix: x-auth-request- }}] }}
                  allowed_client_headers: {{ patterns: [{{ exact: content-type }}, {{ exact: location }}, {{ exact: set-cookie }}] }}
                  allowed_client_headers_on_success: {{ patterns: [{{ exact: set-cookie }}] }}
"
    )
}

fn oauth2(issuer: &str) -> String {
    format!(
        "          - name: envoy.filters.http.oauth2
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.oauth2.v3.OAuth2
              config:
                token_endpoint: {{ uri: {issuer}/token, cluster: provider, timeout: {TIMEOUT} }}
                authorization_endpoint: {issuer}/auth
                redirect_uri: \"%REQ(x-forwarded-proto)%://%REQ(:authority)%/callback\"
                redirect_path_matcher: {{ path: {{ exact: /callback }} }}
                signout_path: {{ path: {{ exact: /signout }} }}
                credentials:
                  client_id: {OTHER_CLIENT_ID}
                  token_secret: {{ name: token }}
                  hmac_secret: {{ name: hmac }}
                auth_type: BASIC_AUTH
                auth_scopes: [openid, profile, email, groups]
                forward_bearer_token: true
"
    )
}

/// Verifies the access token that the filter before it passes on.
fn jwt_authn(issuer: &str) -> String {
    format!(
        "          - name: envoy.filters.http.jwt_authn
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                provider:
                  issuer: {issuer}
                  audiences: [\"{AUDIENCE}\"]
                  remote_jwks: {{ http_uri: {{ uri: {issuer}/jwks, cluster: provider, timeout: {TIMEOUT} }} }}
                  claim_to_headers: [{{ header_name: x-jwt-sub, claim_name: sub }}]
              rules: [{{ match: {{ prefix: / }}, requires: {{ provider_name: provider }} }}]
"
    )
}
