//! `gatepost import oauth2-proxy`. A setting that is not known here could restrict access, so the application is closed then.

mod access;
mod headers;
mod provider;
mod sessions;
mod settings;
mod sources;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::application::ImportedApplication;
use super::arguments::Given;
use super::fault::ImportFault;
use super::report::{Place, Report};
use super::translation::{Translation, host_of, name_of, read};
use crate::cli::yaml::Section;
use settings::Settings;
use url::Url;

/// Settings without a counterpart: what they set up, Gatepost does in another way, or has no part in.
const DROPPED: [(&str, &[&str]); 8] = [
    (
        "Gatepost makes its own keys and cookies",
        &[
            "cookie_secret",
            "cookie_secret_file",
            "cookie_name",
            "cookie_secure",
            "cookie_httponly",
            "cookie_refresh",
            "cookie_csrf_expire",
            "cookie_csrf_per_request",
            "cookie_csrf_per_request_limit",
            "cookie_csrf_samesite",
            "session_cookie_minimal",
        ],
    ),
    (
        "Gatepost always uses PKCE (S256) and a nonce",
        &["code_challenge_method", "force_code_challenge_method", "insecure_oidc_skip_nonce"],
    ),
    (
        "the listeners of Gatepost are those of `listen`",
        &[
            "http_address",
            "https_address",
            "metrics_address",
            "metrics_secure_address",
            "metrics_tls_cert_file",
            "metrics_tls_key_file",
            "tls_cert_file",
            "tls_key_file",
            "tls_cipher_suites",
            "tls_min_version",
            "server",
            "metricsServer",
            "force_https",
            "ping_path",
            "ping_user_agent",
            "ready_path",
            "gcp_healthchecks",
            "silence_ping_logging",
        ],
    ),
    (
        "the front proxy passes requests on (`gatepost snippet`)",
        &[
            "flush_interval",
            "pass_host_header",
            "proxy_websockets",
            "disable_keep_alives",
            "upstream_timeout",
            "ssl_upstream_insecure_skip_verify",
            "reverse_proxy",
            "real_client_ip_header",
            "allow_query_semicolons",
            "proxy_prefix",
            "relative_redirect_url",
            "encode_state",
        ],
    ),
    (
        "Gatepost logs in its own format",
        &[
            "auth_logging",
            "auth_logging_format",
            "errors_to_info_log",
            "exclude_logging_paths",
            "logging_compress",
            "logging_filename",
            "logging_local_time",
            "logging_max_age",
            "logging_max_backups",
            "logging_max_size",
            "request_id_header",
            "request_logging",
            "request_logging_format",
            "standard_logging",
            "standard_logging_format",
        ],
    ),
    (
        "Gatepost has pages of its own (docs/pages.md)",
        &[
            "banner",
            "footer",
            "custom_sign_in_logo",
            "custom_templates_dir",
            "display_htpasswd_form",
            "show_debug_on_error",
            "provider_display_name",
            "skip_provider_button",
        ],
    ),
    (
        "scripts get 401 and pages a redirect, by the headers of the request",
        &["api_routes", "force_json_errors", "bearer_token_login_fallback"],
    ),
    (
        "it has no effect here",
        &[
            "provider_id",
            "approval_prompt",
            "skip_auth_strip_headers",
            "validate_url",
            "skip_claims_from_profile_url",
            "use_system_trust_store",
            "redis_use_cluster",
            "redis_use_sentinel",
            "redis_sentinel_master_name",
            "redis_sentinel_password",
            "redis_sentinel_connection_urls",
            "redis_cluster_connection_urls",
            "redis_connection_idle_timeout",
            "htpasswd_user_groups",
        ],
    ),
];

/// Settings that open something, or that need a decision; without them less is allowed.
const BY_HAND: [(&str, &str, &str); 12] = [
    (
        "providers[0].loginURLParameters",
        "parameters of the authorization request are not taken over",
        "write `authorization_parameters` and `forward_parameters`",
    ),
    ("htpasswd_file", "there are no users beside the provider's", "create these users at the provider, or use `basic`"),
    ("skip_jwt_bearer_tokens", "ID Tokens are no credentials here", "write `bearer`, for access tokens"),
    (
        "extra_jwt_issuers",
        "tokens of other issuers need rules of their own",
        "write `bearer.issuers` and rules with `issuers`",
    ),
    (
        "insecure_oidc_skip_issuer_verification",
        "the issuer is always verified",
        "for several tenants write `issuer` with `{tenantid}`, and `allowed_tenants`",
    ),
    ("oidc_audience_claims", "the client ID has to be in `aud`", "let the provider write it there"),
    ("oidc_public_key_files", "keys come from `jwks_uri`", "let the provider publish its keys"),
    ("provider_ca_files", "the certificates are not taken over", "write `provider.ca_file`"),
    ("ssl_insecure_skip_verify", "certificates are always verified", "write `provider.ca_file`"),
    (
        "whitelist_domains",
        "a sign-in returns to the application only",
        "protect the other hosts by applications of their own",
    ),
    ("trusted_proxy_ips", "front proxies are those of `forward_auth`", "write `forward_auth.trusted_proxies`"),
    ("redis_insecure_skip_tls_verify", "certificates are always verified", "write `session.redis.ca_file`"),
];

/// Where requests go. An upstream with a path, or an answer of its own, keeps other paths from the application.
fn upstreams(settings: &mut Settings, report: &mut Report) {
    let is_whole = |address: &&str| Url::parse(address).is_ok_and(|url| url.scheme() != "static" && url.path() == "/");
    for name in ["upstreams", "upstreamConfig"] {
        let Some(setting) = settings.take(name) else { continue };
        if setting.texts().is_some_and(|addresses| addresses.iter().all(is_whole)) {
            report.dropped(&setting.place, "the front proxy passes requests on (`gatepost snippet`)");
        } else {
            let problem = "upstreams with a path, or with an answer of their own, keep requests from the application";
            report.remains(&setting.place, problem, "do the same at the front proxy, which passes every path on");
        }
    }
}

/// Translates the files into one application.
pub(super) fn translate(files: &[PathBuf], given: &Given) -> Result<Translation, ImportFault> {
    let mut settings = Settings::default();
    for path in files {
        read_source(path, &mut settings)?;
    }
    let first = files.first().map_or(Path::new(""), PathBuf::as_path);
    let folder = first.parent().unwrap_or(Path::new(""));
    let file: Arc<str> = first.display().to_string().into();
    let mut report = Report::default();
    let unusable = |cause: String| ImportFault::Unusable(vec![format!("{file}: {cause}")]);
    let redirect = settings.take("redirect_url");
    let host = given.hosts.first().cloned().or_else(|| origin(redirect.as_ref()?.text()?));
    let host = host.ok_or_else(|| unusable("no `redirect_url` names the host; name it with --host".to_owned()))?;
    let (issuer, client_id) = provider::identity(&mut settings, given).map_err(unusable)?;
    upstreams(&mut settings, &mut report);
    let mut application = ImportedApplication {
        place: Place::of_file(&file),
        name: name_of(&host),
        external_host: host,
        issuer,
        client_id,
        secret: provider::secret(&mut settings),
        cookie_domain: None,
        settings: Section::default(),
        public: Vec::new(),
        pass_preflight: false,
        rules: Vec::new(),
        closed: None,
    };
    mode(&mut settings, &mut application, &mut report);
    provider::translate(&mut settings, &mut application, &mut report);
    access::translate(&mut settings, folder, &mut application, &mut report);
    headers::translate(&mut settings, &mut application, &mut report);
    let session = sessions::translate(&mut settings, &mut application, &mut report);
    rest(settings, &mut application, &mut report);
    let mut sections = Section::default();
    if !session.is_empty() {
        sections.set("session", session);
    }
    Ok(Translation { applications: vec![application], sections, report })
}

fn read_source(path: &Path, settings: &mut Settings) -> Result<(), ImportFault> {
    let text = read(path)?;
    let file: Arc<str> = path.display().to_string().into();
    let extension = path.extension().and_then(|extension| extension.to_str());
    let is_env = path.file_name().is_some_and(|name| name == ".env");
    let done = match extension {
        Some("yaml" | "yml") => sources::read_alpha(&file, &text, settings),
        Some("env") => sources::read_environment(&file, &text, settings),
        _ if is_env => sources::read_environment(&file, &text, settings),
        _ => sources::read_toml(&file, &text, settings),
    };
    done.map_err(|line| ImportFault::Unusable(vec![line]))
}

/// Scheme and host of a URL.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
    Some(format!("{scheme}://{host}"))
}

/// One sign-in for all hosts of a parent domain.
fn mode(settings: &mut Settings, application: &mut ImportedApplication, report: &mut Report) {
    let Some(setting) = settings.take("cookie_domains") else { return };
    let host = host_of(&application.external_host).to_owned();
    let domains = setting.texts().unwrap_or_default();
    let [domain] = &domains[..] else {
        let help = "write an application in mode `forward_domain` for each domain";
        return report.remains(&setting.place, "an application has one cookie domain here", help);
    };
    let domain = domain.trim_start_matches('.');
    if domain == host {
        return;
    }
    let reason =
        format!("one sign-in protects all hosts below {domain}; the provider returns to {}", application.external_host);
    report.dropped(&setting.place, reason);
    application.cookie_domain = Some(domain.to_owned());
}

/// What was not taken: settings without a counterpart, and those that are not known.
fn rest(settings: Settings, application: &mut ImportedApplication, report: &mut Report) {
    for (name, setting) in settings.rest() {
        let dropped = DROPPED.iter().find(|(_, names)| names.contains(&name.as_str()));
        let by_hand = BY_HAND.iter().find(|(known, ..)| *known == name);
        match (dropped, by_hand) {
            (Some((reason, _)), _) => report.dropped(&setting.place, *reason),
            (None, Some(_)) if setting.is_false() => {}
            (None, Some((_, problem, help))) => report.remains(&setting.place, *problem, *help),
            (None, None) => {
                application.close("a setting of oauth2-proxy is not known");
                let problem = "this setting is not known here and could restrict access, so the application is closed";
                report.remains(&setting.place, problem, "write `allow` rules that say the same");
            }
        }
    }
}
