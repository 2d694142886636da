//! The settings that valid files result in.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use gatepost::config::load;
use gatepost::domain::application::Mode;
use gatepost::domain::application::endpoints::Prefixes;
use gatepost::domain::application::resource_metadata::Resource;
use gatepost::domain::decision::pages::Design;
use gatepost::domain::http::{CookieForm, HeaderLines};
use gatepost::domain::oidc::algorithm::SigningAlgorithm;
use gatepost::domain::oidc::authorization_settings::{AuthorizationSettings, ResponseMode};
use gatepost::domain::oidc::client_authentication::{AssertionAudience, ClientAssertion, ClientAuthentication};
use gatepost::domain::oidc::credentials::{BearerCheck, IntrospectionRules, KeySource, TokenType};
use gatepost::domain::oidc::relying_party::{LogoutTokenExp, RelyingParty};
use gatepost::domain::policy::identity_headers::HeaderPlan;
use gatepost::inbound::connections::FrontProxies;
use gatepost::inbound::forward_auth::Dialect;
use gatepost::outbound::store::{Address, StoreSettings, Topology};
use gatepost::outpost::{SignInLimits, WaitLimits};
use gatepost::server::{Config, Limits, Sealing};
use gatepost::telemetry::{LogFormat, LogSettings};
use secrecy::ExposeSecret;
use serde_json::json;
use url::Url;

use super::support::{FULL, Folder, SMALLEST};

fn smallest() -> Config {
    let loaded = Folder::new().load(SMALLEST).unwrap();
    assert_eq!(loaded.warnings, []);
    loaded.config
}

fn secret(party: &RelyingParty) -> Option<&str> {
    party.client_secret.as_ref().map(ExposeSecret::expose_secret)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn the_smallest_file_is_one_application() {
    let config = smallest();
    let applications: Vec<_> = config.applications.iter().collect();
    let [wiki] = applications.as_slice() else { panic!("not one application") };
    assert_eq!((wiki.name.as_str(), wiki.slug.as_str(), wiki.provider_name.as_str()), ("Wiki", "wiki", "Wiki"));
    assert_eq!(wiki.mode, Mode::ForwardSingle);
    assert_eq!(wiki.external.origin(), "https://wiki.example.com");
    assert_eq!((wiki.access_token_validity, wiki.jwt_headers, wiki.pass_preflight), (None, false, false));
    assert_eq!(wiki.rules.iter().count(), 0, "every signed-in user passes");
    let party = &wiki.relying_party;
    assert_eq!(party.issuer, "https://sso.example.com/application/o/wiki/");
    assert_eq!((party.client_id.as_str(), secret(party)), ("wiki", Some("x")));
    assert_eq!(party.token_endpoint_auth_method, ClientAuthentication::ClientSecretBasic);
    assert_eq!(party.id_token_signed_response_alg, SigningAlgorithm::RS256);
    assert_eq!(party.scopes, ["openid", "profile", "email"]);
    assert_eq!(party.authorization, AuthorizationSettings::default());
    let callback = "https://wiki.example.com/outpost.goauthentik.io/callback?X-authentik-auth-callback=true";
    assert_eq!(party.redirect_uri.as_str(), callback);
    let sign_out = "https://wiki.example.com/outpost.goauthentik.io/sign_out";
    assert_eq!(party.post_logout_redirect_uri.as_ref().map(Url::as_str), Some(sign_out));
}

#[test]
fn everything_else_has_its_default() {
    let config = smallest();
    assert_eq!(config.listen.grpc, address("0.0.0.0:9001"));
    assert_eq!(config.listen.http, Some(address("0.0.0.0:9000")));
    assert_eq!(config.listen.https, Some(address("0.0.0.0:9443")));
    assert_eq!(config.listen.metrics, address("0.0.0.0:9300"));
    assert_eq!(config.listen.admin, Some(address("127.0.0.1:9302")), "operators of this machine");
    assert!(config.admin_tls.is_none());
    assert!(config.tls.is_empty());
    assert_eq!(config.store, StoreSettings::File { path: PathBuf::from("gatepost-sessions.db") });
    assert!(matches!(config.sealing, Sealing::BesideStore));
    assert_eq!(config.lifetimes.absolute, Duration::from_hours(24));
    assert_eq!(config.lifetimes.idle, Duration::from_hours(4));
    assert_eq!(config.outpost_name, "gatepost");
    assert_eq!(config.pages, Design::default());
    assert_eq!(config.log, LogSettings { level: "info".to_owned(), format: LogFormat::Json });
    assert!(config.provider.ca_certificates.is_empty());
    assert_eq!(config.provider.timeout, Duration::from_secs(5));
    assert_eq!(config.provider.connect_timeout, Duration::from_secs(2));
    assert!(config.provider.refreshes_sessions);
    assert_eq!(config.provider.refresh_interval, Duration::from_mins(5));
    assert_eq!(config.limits, Limits::default(), "the file's defaults and the modules' own are the same");
    assert_eq!((config.shutdown.delay, config.shutdown.grace), (Duration::from_secs(5), Duration::from_secs(25)));
}

#[test]
fn gn_10_every_limit_can_be_set() {
    let limits = Folder::new().load(FULL).unwrap().config.limits;
    assert_eq!(limits.grpc.max_concurrent_streams, Some(100));
    assert_eq!(limits.grpc.max_header_list_bytes, 8 * 1024);
    assert_eq!(limits.grpc.stream_window_bytes, 32 * 1024);
    assert_eq!(limits.grpc.connection_window_bytes, 2 * 1024 * 1024);
    assert_eq!(limits.grpc.max_message_bytes, 65536);
    assert_eq!(limits.grpc.call_deadline, Duration::from_millis(500));
    assert_eq!(limits.http.max_head_bytes, 16 * 1024);
    assert_eq!((limits.connections.total, limits.connections.per_source), (512, 32));
    assert_eq!((limits.requests.target_bytes, limits.requests.header_lines), (16 * 1024, 200));
    assert_eq!(limits.front_proxies, FrontProxies(vec!["10.3.0.0/16".parse().unwrap()]));
    assert_eq!(limits.http.max_waiting_bodies, 64);
    assert_eq!(limits.waits, WaitLimits { total: 256, per_issuer: 64, per_client: 16, redemptions: 8 });
    let (sessions_per_user, starts_per_client) = (NonZeroU32::new(5), NonZeroU32::new(30));
    assert_eq!(limits.sign_ins, SignInLimits { sessions_per_user, starts_per_client });
    assert_eq!(smallest().limits.sign_ins, SignInLimits::default(), "no limit unless given");
}

#[test]
fn front_proxies_are_believed_where_the_file_names_them() {
    assert!(smallest().forward_auth.is_none(), "nobody by default");
    let config = Folder::new().load(FULL).unwrap().config;
    assert_eq!(config.applications.prefixes(), Prefixes::new(true));
    let settings = config.forward_auth.unwrap();
    assert_eq!(settings.dialects, [Dialect::Nginx, Dialect::Envoy]);
    for (address, expected) in
        [("192.0.2.7", true), ("192.0.2.8", false), ("10.1.255.1", true), ("10.2.0.1", false), ("fd12::1", true)]
    {
        assert_eq!(settings.trusted.contain(address.parse().unwrap()), expected, "{address}");
    }
}

#[test]
fn a_callback_under_the_older_prefix_is_one_where_that_prefix_is_in_use() {
    let uri = "https://wiki.example.com/akprox/callback";
    let text = |legacy: bool| {
        let section = format!("{{ dialects: [nginx], trusted_proxies: [10.0.0.5], legacy_prefix: {legacy} }}");
        format!("{SMALLEST}    redirect_uri: {uri}\nforward_auth: {section}\n")
    };
    let config = Folder::new().load(&text(true)).unwrap().config;
    let party = config.applications.iter().next().map(|wiki| wiki.relying_party.redirect_uri.as_str());
    assert_eq!(party, Some(uri));
    assert!(Folder::new().load(&text(false)).is_err());
}

#[test]
fn a_full_file_has_no_warning_and_shows_no_secret() {
    let loaded = Folder::new().load(FULL).unwrap();
    assert_eq!(loaded.warnings, []);
    let config = loaded.config;
    let wiki = config.applications.iter().next().unwrap();
    assert!(matches!(&wiki.mode, Mode::ForwardDomain(domain) if domain.as_str() == "example.com"));
    assert_eq!(wiki.access_token_validity, Some(Duration::from_mins(510)));
    let authorization = &wiki.relying_party.authorization;
    let added = authorization.parameters.iter().map(|it| (it.name.as_str(), it.value.as_str()));
    assert_eq!(added.collect::<Vec<_>>(), [("prompt", "consent"), ("acr_values", "mfa")]);
    assert_eq!(authorization.response_mode, ResponseMode::FormPost);
    let docs = config.applications.iter().nth(1).unwrap();
    assert_eq!(secret(&docs.relying_party), Some("file secret"), "final line ends are cut off");
    assert_eq!(docs.relying_party.client_id, "12345");
    let Mode::Proxy(backends) = &docs.mode else { panic!("not in mode proxy") };
    assert_eq!((backends.own().authority(), backends.own().checks_certificate()), ("docs.internal:8443", false));
    let bearer = docs.credentials.bearer.as_ref().map(|bearer| &bearer.verify);
    let Some(BearerCheck::Introspection(IntrospectionRules::Clients(clients))) = bearer else { panic!("{bearer:?}") };
    assert_eq!(clients, &["docs", "robots"]);
    let shown = format!("{config:?}");
    for secret in ["a secret of at least", "file secret", "ssphrase", "PRIVATE KEY", "AQEBAQ"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}

#[test]
fn a_client_authenticates_as_it_is_registered() {
    let config = Folder::new().load(FULL).unwrap().config;
    let methods: Vec<_> =
        config.applications.iter().map(|application| &application.relying_party.token_endpoint_auth_method).collect();
    let [post, basic, _, signed, file, certificate] = methods.as_slice() else { panic!("{methods:?}") };
    assert_eq!((*post, *basic), (&ClientAuthentication::ClientSecretPost, &ClientAuthentication::ClientSecretBasic));
    let ClientAuthentication::PrivateKeyJwt(ClientAssertion::Signed(key)) = signed else { panic!("{signed:?}") };
    assert_eq!((key.algorithm, key.audience), (SigningAlgorithm::ES256, AssertionAudience::TokenEndpoint));
    assert_eq!(key.key_id.as_deref(), Some("2026-11"));
    let ClientAuthentication::PrivateKeyJwt(ClientAssertion::File(path)) = file else { panic!("{file:?}") };
    assert!(
        path.is_absolute() && path.ends_with("assertion.jwt"),
        "{path:?}: as other files, beside the configuration"
    );
    assert!(certificate.certificate().is_some(), "{certificate:?}");
    let public = SMALLEST.replace("client_secret: ${WIKI_CLIENT_SECRET}", "token_endpoint_auth_method: none");
    let config = Folder::new().load(&public).unwrap().config;
    let party = &config.applications.iter().next().unwrap().relying_party;
    assert_eq!((&party.token_endpoint_auth_method, secret(party)), (&ClientAuthentication::None, None));
}

#[test]
fn tokens_are_trusted_as_far_as_the_file_says() {
    let config = Folder::new().load(FULL).unwrap().config;
    let applications: Vec<_> = config.applications.iter().collect();
    let party = |number: usize| &applications[number].relying_party;
    assert_eq!(party(3).trusted_audiences, ["project", "4711"]);
    assert_eq!(party(5).allowed_tenants, ["72f988bf-86f1-41af-91ab-2d7cd011db47", "other"]);
    assert_eq!(
        [3, 0].map(|number| party(number).logout_token_exp),
        [LogoutTokenExp::Optional, LogoutTokenExp::Required]
    );
    assert!(party(0).trusted_audiences.is_empty() && party(0).allowed_tenants.is_empty());
}

#[test]
fn clients_of_some_networks_need_no_sign_in() {
    let config = Folder::new().load(FULL).unwrap().config;
    let skipped: Vec<String> =
        config.applications.iter().map(|application| application.skip_networks.to_string()).collect();
    assert_eq!(skipped, ["", "10.9.0.0/16 or 192.0.2.7/32", "", "", "", ""]);
}

#[test]
fn the_proxy_of_the_environment_counts_where_the_file_says_so() {
    let proxy = |setting: &str, variables: &[(&str, &str)]| {
        let section = if setting.is_empty() { String::new() } else { format!("provider: {{ proxy: {setting} }}\n") };
        let variables = |name: &str| {
            let set = variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
            set.or_else(|| super::support::variables(name))
        };
        let loaded = load(&format!("{SMALLEST}{section}"), "gatepost.yaml".as_ref(), &variables);
        loaded.map(|loaded| {
            let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
            (loaded.config.provider.proxy.map(|proxy| format!("{proxy:?}")), warnings.concat())
        })
    };
    let set = [("HTTPS_PROXY", "http://u:hush@proxy:3128"), ("NO_PROXY", ".internal,10.0.0.0/8")];
    let with_environment = "ProviderProxy(http://proxy:3128, except \".internal,10.0.0.0/8\")";
    for (setting, variables, expected) in [
        ("", &[][..], None),
        ("none", &set, None),
        ("environment", &[], None),
        ("environment", &set, Some(with_environment)),
        ("environment", &[("https_proxy", "proxy:3128")], Some("ProviderProxy(http://proxy:3128, except \"\")")),
        ("environment", &[("HTTPS_PROXY", " ")], None),
        ("'https://other:3129'", &set, Some("ProviderProxy(https://other:3129, except \"\")")),
    ] {
        let (proxy, warnings) = proxy(setting, variables).unwrap();
        assert_eq!((proxy.as_deref(), warnings.as_str()), (expected, ""), "{setting} {variables:?}");
    }
    let (unused, warning) = proxy("", &set).unwrap();
    assert!(unused.is_none() && warning.contains("HTTPS_PROXY is set") && !warning.contains("hush"), "{warning}");
    let fault = proxy("environment", &[("HTTPS_PROXY", "socks5://hush:1080")]).unwrap_err().to_string();
    assert!(fault.contains("HTTPS_PROXY") && !fault.contains("hush"), "{fault}");
}

#[test]
fn addresses_beside_the_issuers_are_as_written() {
    let config = Folder::new().load(FULL).unwrap().config;
    let board = &config.applications.iter().nth(3).unwrap().relying_party;
    assert_eq!(board.discovery_url.as_ref().map(Url::as_str), Some("https://cdn.example.org/board.json"));
    assert_eq!(board.backchannel_base.as_ref().map(Url::as_str), Some("https://sso.internal:8443/"));
}

#[test]
fn key_files_are_watched_and_assertion_files_are_not() {
    let folder = Folder::new();
    let read = folder.load(FULL).unwrap().files;
    let is_watched = |name: &str| read.iter().any(|file| file.ends_with(name));
    assert!(is_watched("private-key.pem") && is_watched("certificate.pem"));
    assert!(!is_watched("assertion.jwt"), "it is read for each request");
    let before = folder.load(FULL).unwrap().digests;
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    std::fs::write(folder.0.path().join("other.pem"), key).unwrap();
    let text = FULL.replacen("\"client_key_file\": \"private-key.pem\"", "\"client_key_file\": \"other.pem\"", 1);
    let changed = folder.load(&text).unwrap().digests.changed_since(&before);
    let key = "applications[Board].client_key_file".to_owned();
    assert_eq!(changed.reloaded, [key.clone(), format!("{key} (content)")]);
    std::fs::remove_file(folder.0.path().join("assertion.jwt")).unwrap();
    let warnings: Vec<String> = folder.load(FULL).unwrap().warnings.iter().map(ToString::to_string).collect();
    assert!(
        matches!(warnings.as_slice(), [only] if only.contains("applications[4].client_assertion_file")),
        "{warnings:?}"
    );
}

#[test]
fn the_admin_port_opens_to_the_network_with_certificates_alone() {
    let folder = Folder::new();
    let files = "certificate_file: certificate.pem, private_key_file: private-key.pem, client_ca_file: certificate.pem";
    for (address, tls, accepted) in [
        ("127.0.0.1:9302", false, true),
        ("127.0.0.1:9302", true, true),
        ("\"[::1]:9302\"", false, true),
        ("off", false, true),
        ("off", true, false),
        ("9302", false, false),
        ("\"[::]:9302\"", false, false),
        ("192.0.2.1:9302", false, false),
        ("192.0.2.1:9302", true, true),
        ("9302", true, true),
    ] {
        let section = if tls { format!("admin: {{ {files} }}\n") } else { String::new() };
        let loaded = folder.load(&format!("{SMALLEST}listen: {{ admin: {address} }}\n{section}"));
        assert_eq!(loaded.is_ok(), accepted, "{address} {tls}: {loaded:?}");
    }
}

#[test]
fn access_rules_mean_what_is_written() {
    let config = Folder::new().load(FULL).unwrap().config;
    let rules: Vec<Vec<String>> = config
        .applications
        .iter()
        .map(|application| application.rules.iter().map(|(_, rule)| rule.to_string()).collect())
        .collect();
    let first = "paths /admin or /.well-known/x, methods GET or QUERY, networks 10.0.0.0/8 or 2001:db8::/32: groups staff or guests, emails alice@example.com, \
                 email_domains example.com, email_verified assumed, claim team.level 3 or 4 or true, acr mfa or urn:example:hwk, max_age 15m";
    assert_eq!(
        rules,
        [
            vec![
                first,
                "groups staff",
                "tokens of https://kubernetes.default.svc: claim /kubernetes.io/namespace wiki"
            ],
            vec![
                "paths /docs/edit: groups editors",
                "tokens of https://ci.example.org or spiffe.example.org: anyone",
                "anyone",
            ],
            vec![],
            vec![],
            vec![],
            vec![]
        ]
    );
    let asked: Vec<_> =
        config.applications.iter().map(|application| application.relying_party.claims.join(" ")).collect();
    let read = [
        "attributes email email_verified groups https://example.com/roles team",
        "email groups",
        "",
        "realm_access",
        "",
        "",
    ];
    assert_eq!(asked, read, "UserInfo is asked for what rules for its users and headers read");
    let judged_by: Vec<_> =
        config.applications.iter().map(|application| application.relying_party.claims_of_rules.join(" ")).collect();
    assert_eq!(judged_by, ["team groups email email_verified groups", "groups", "", "", "", ""]);
}

#[test]
fn addresses_that_are_assumed_to_be_verified_without_a_rule_on_addresses_are_warned_of() {
    for (allow, warned) in [
        ("", true),
        ("    allow: [{ groups: [staff] }]\n", true),
        ("    allow: [{ email_domains: [example.com] }]\n", false),
        ("    allow: [{ groups: [staff] }, { emails: [alice@example.com] }]\n", false),
    ] {
        let loaded = Folder::new().load(&format!("{SMALLEST}    email_verified: assumed\n{allow}")).unwrap();
        let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.len(), usize::from(warned), "{allow}: {warnings:?}");
        assert!(warnings.iter().all(|told| told.contains(".email_verified: no rule names `emails`")), "{warnings:?}");
        assert!(
            Folder::new()
                .load(&format!("{SMALLEST}    email_verified: required\n{allow}"))
                .unwrap()
                .warnings
                .is_empty()
        );
    }
    assert!(Folder::new().load(&format!("{SMALLEST}    email_verified: true\n")).is_err());
}

#[test]
fn rules_that_leave_paths_to_nobody_are_warned_of() {
    let text = format!("{SMALLEST}    allow: [{{ paths: [/admin], groups: [admins] }}]\n");
    let warnings: Vec<String> = Folder::new().load(&text).unwrap().warnings.iter().map(ToString::to_string).collect();
    let expected = ":7:12: applications[0].allow: no rule covers the other paths, so they are denied to every user; add a rule without `paths`, unless this is intended";
    assert!(matches!(warnings.as_slice(), [only] if only.ends_with(expected)), "{warnings:?}");
}

#[test]
fn a_secret_that_reads_like_a_variable_without_braces_is_warned_of() {
    for (secret, is_warned_of) in [
        ("$WIKI_CLIENT_SECRET", true),
        ("\"$wiki\"", true),
        ("${WIKI_CLIENT_SECRET}", false),
        ("$9wiki", false),
        ("$wiki-secret", false),
        ("a$WIKI", false),
        ("$", false),
    ] {
        let text = SMALLEST.replace("${WIKI_CLIENT_SECRET}", secret);
        let warnings: Vec<String> =
            Folder::new().load(&text).unwrap().warnings.iter().map(ToString::to_string).collect();
        let expected = "applications[0].client_secret: it reads like a variable without braces, and is taken for the secret itself; write ${NAME}, unless the secret really begins with `$`";
        assert_eq!(warnings.iter().any(|warning| warning.ends_with(expected)), is_warned_of, "{secret}: {warnings:?}");
        assert!(warnings.iter().all(|warning| !warning.to_lowercase().contains("wiki_client_secret")), "{warnings:?}");
    }
}

#[test]
fn unanchored_patterns_and_idle_lifetimes_without_effect_are_warned_of() {
    let text = format!(
        "{SMALLEST}    skip_path_regex: |\n      ^/public/\n      /static/\n      ^/a/|/health\n      ^(/b/|/ok$)\nsession: {{ absolute_lifetime: 1h, idle_lifetime: 2h }}\n"
    );
    let warnings: Vec<String> = Folder::new().load(&text).unwrap().warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "9:7: applications[0].skip_path_regex[1]: the pattern `/static/` matches anywhere; begin it with `^`, and each alternative after a `|`, too, or write `^(/a|/b)`, unless this is intended",
        "10:7: applications[0].skip_path_regex[2]: the pattern `^/a/|/health` matches anywhere; begin it with `^`, and each alternative after a `|`, too, or write `^(/a|/b)`, unless this is intended",
        "12:50: session.idle_lifetime: the idle lifetime is longer than the absolute one and has no effect; shorten it, or lengthen `absolute_lifetime`",
    ];
    assert_eq!(warnings.len(), expected.len(), "{warnings:#?}");
    for (warning, expected) in warnings.iter().zip(expected) {
        assert!(warning.ends_with(expected), "{warning}");
    }
}

#[test]
fn credentials_that_are_switched_off_are_warned_of() {
    let text = format!(
        "{SMALLEST}    intercept_header_auth: false\n    bearer: {{ verify: introspection }}\n    basic: {{}}\n"
    );
    let loaded = Folder::new().load(&text).unwrap();
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    let expected =
        "it has no effect with `intercept_header_auth: false`; remove one of the two, unless this is intended";
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    assert!(warnings.iter().all(|warning| warning.ends_with(expected)), "{warnings:#?}");
    let credentials = &loaded.config.applications.iter().next().unwrap().credentials;
    let sent = |value: &[u8]| HeaderLines::new([("authorization".to_owned(), value.to_vec())], CookieForm::Lines);
    assert!(!credentials.apply_to(&sent(b"Bearer x")) && !credentials.apply_to(&sent(b"Basic x")));
}

#[test]
fn a_foreign_issuer_has_strict_defaults() {
    let text = format!(
        "{SMALLEST}    bearer:\n      verify: jwt\n      audience: wiki\n      issuers: [{{ issuer: 'https://ci.example.com', audiences: [wiki] }}]\n    \
         allow: [{{ anyone: true }}, {{ issuers: ['https://ci.example.com'], anyone: true }}]\n"
    );
    let config = Folder::new().load(&text).unwrap().config;
    let wiki = config.applications.iter().next().unwrap();
    let foreign = wiki.foreign_issuers().next().unwrap();
    assert!(matches!(foreign.keys, KeySource::Discovery));
    let rules = (&foreign.rules.audiences[..], &foreign.rules.algorithms[..], foreign.rules.token_type);
    assert_eq!(rules, (&["wiki".to_owned()][..], &[SigningAlgorithm::RS256][..], TokenType::AccessToken));
    let mapping = (foreign.mapping.username.as_str(), foreign.mapping.prefix.as_str());
    assert_eq!(mapping, ("sub", "https://ci.example.com#"));
    assert!(foreign.scopes.is_empty() && foreign.mapping.trusted.is_empty());
    let without_rule = text.replace(", { issuers: ['https://ci.example.com'], anyone: true }", "");
    assert!(Folder::new().load(&without_rule).is_err(), "no rule lets its tokens pass");
}

#[test]
fn metadata_of_a_resource_has_defaults_and_addresses_of_its_own() {
    let load = |more: &str| {
        let text =
            format!("{SMALLEST}    bearer: {{ verify: introspection, scopes: [read], resource_metadata: {more} }}\n");
        let config = Folder::new().load(&text).unwrap().config;
        let wiki = config.applications.iter().next().unwrap().clone();
        let metadata = wiki.resource_metadata.clone().unwrap();
        let Resource::At(identifier) = metadata.resource.clone() else { panic!("{metadata:?}") };
        (metadata.document(&identifier), identifier.metadata_address())
    };
    let (document, address) = load("{}");
    assert_eq!(address, "https://wiki.example.com/.well-known/oauth-protected-resource");
    assert_eq!(
        document,
        json!({
            "resource": "https://wiki.example.com", "resource_name": "Wiki", "bearer_methods_supported": ["header"],
            "authorization_servers": ["https://sso.example.com/application/o/wiki/"], "scopes_supported": ["read"],
        })
    );
    let (document, address) = load("{ resource: 'https://wiki.example.com/mcp', scopes_supported: [] }");
    assert_eq!(address, "https://wiki.example.com/.well-known/oauth-protected-resource/mcp");
    assert_eq!(
        (document["resource"].as_str(), document.get("scopes_supported")),
        (Some("https://wiki.example.com/mcp"), None)
    );
    let off = format!(
        "{SMALLEST}    intercept_header_auth: false\n    bearer: {{ verify: introspection, resource_metadata: {{}} }}\n"
    );
    let config = Folder::new().load(&off).unwrap().config;
    assert!(config.applications.iter().all(|application| application.resource_metadata.is_none()));
}

#[test]
fn credentials_have_strict_defaults() {
    let text = format!("{SMALLEST}    bearer: {{ verify: jwt, audience: wiki }}\n    basic: {{}}\n");
    let config = Folder::new().load(&text).unwrap().config;
    let wiki = config.applications.iter().next().unwrap();
    let (bearer, basic) = (wiki.credentials.bearer.as_ref().unwrap(), wiki.credentials.basic.as_ref().unwrap());
    let BearerCheck::Jwt(rules) = &bearer.verify else { panic!("{bearer:?}") };
    assert_eq!((&rules.algorithms[..], rules.token_type), (&[SigningAlgorithm::RS256][..], TokenType::AccessToken));
    assert!(bearer.scopes.is_empty() && !bearer.pass_on && !basic.pass_on);
    assert!(bearer.issuers.is_empty() && wiki.resource_metadata.is_none());
    assert_eq!(basic.scopes, wiki.relying_party.scopes);
    let config = Folder::new().load(&format!("{SMALLEST}    bearer: {{ verify: introspection }}\n")).unwrap().config;
    let bearer = config.applications.iter().next().unwrap().credentials.bearer.clone().unwrap();
    let BearerCheck::Introspection(IntrospectionRules::Clients(own)) = bearer.verify else { panic!("{bearer:?}") };
    assert_eq!(own, [wiki.relying_party.client_id.as_str()]);
    assert!(smallest().applications.iter().all(|it| it.credentials.bearer.is_none() && it.credentials.basic.is_none()));
}

#[test]
fn redis_is_what_the_file_says() {
    let StoreSettings::Redis(redis) = Folder::new().load(FULL).unwrap().config.store else { panic!("not Redis") };
    let address = |host: &str, port| Address { host: host.to_owned(), port };
    let sentinels = vec![address("one.example.com", 26379), address("::1", 26380)];
    assert_eq!(redis.topology, Topology::Sentinel { sentinels, master: "main".to_owned() });
    assert_eq!((redis.database, redis.tls.is_some(), redis.key_prefix.as_str()), (2, true, "edge:"));
    for (credentials, username) in [(&redis.credentials, "gatepost"), (&redis.sentinel_credentials, "watcher")] {
        assert_eq!(credentials.username.as_deref(), Some(username));
        assert_eq!(credentials.password.as_ref().map(ExposeSecret::expose_secret), Some("file secret"));
    }
    assert_eq!((redis.connect_timeout, redis.command_timeout), (Duration::from_millis(500), Duration::from_millis(50)));
    assert_eq!((redis.cache_bytes, redis.outage_grace), (16 * 1024 * 1024, Duration::from_secs(10)));
}

#[test]
fn redis_needs_little() {
    let key = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    let text = format!(
        "{SMALLEST}session: {{ store: redis, sealing_key: {key}, redis: {{ url: 'valkey://u:hush%2Fhush@cache' }} }}\n"
    );
    let loaded = Folder::new().load(&text).unwrap();
    assert_eq!(loaded.warnings, []);
    let shown = format!("{:?} {}", loaded.config.store, loaded.config.store);
    assert!(!shown.contains("hush"), "{shown}");
    let StoreSettings::Redis(redis) = loaded.config.store else { panic!("not Redis") };
    assert_eq!(redis.topology, Topology::Single(Address { host: "cache".to_owned(), port: 6379 }));
    assert_eq!(redis.credentials.password.as_ref().map(ExposeSecret::expose_secret), Some("hush/hush"));
    assert_eq!((redis.tls.is_some(), redis.key_prefix.as_str()), (false, "gatepost:"));
    assert_eq!((redis.connect_timeout, redis.command_timeout), (Duration::from_secs(1), Duration::from_millis(100)));
    assert_eq!((redis.cache_bytes, redis.outage_grace), (64 * 1024 * 1024, Duration::ZERO));
}

#[test]
fn systemd_says_where_the_store_is() {
    for (folder, path) in [("/var/lib/gatepost", "/var/lib/gatepost/sessions.db"), ("/a:/b", "/a/sessions.db")] {
        let variables = |name: &str| match name {
            "STATE_DIRECTORY" => Some(folder.to_owned()),
            other => super::support::variables(other),
        };
        let loaded = load(SMALLEST, "gatepost.yaml".as_ref(), &variables).unwrap();
        assert_eq!(loaded.config.store, StoreSettings::File { path: PathBuf::from(path) });
    }
}

#[test]
fn anchors_of_single_values_are_kept() {
    let text = SMALLEST.replace("issuer: ", "issuer: &issuer ")
        + "  - { name: Docs, external_host: 'https://docs.example.com', issuer: *issuer, client_id: d, client_secret: x }\n";
    let config = Folder::new().load(&text).unwrap().config;
    let issuers: Vec<_> =
        config.applications.iter().map(|application| application.relying_party.issuer.clone()).collect();
    assert_eq!(issuers, vec!["https://sso.example.com/application/o/wiki/"; 2]);
}

#[test]
fn endpoints_that_are_given_replace_discovery() {
    let text = "
applications:
  - name: Wiki
    external_host: https://wiki.example.com
    issuer: https://sso.example.com/wiki/
    authorization_endpoint: https://public.example.com/auth?x=1
    token_endpoint: http://127.0.0.1:9000/token
    jwks_uri: http://localhost:9000/keys
    end_session_endpoint: https://public.example.com/end
    client_id: wiki
    client_secret: x
    post_logout_redirect_uri: none
";
    let config = Folder::new().load(text).unwrap().config;
    let party = config.applications.iter().next().unwrap().relying_party.clone();
    let endpoints = party.endpoints.unwrap();
    assert_eq!(endpoints.authorization_endpoint.as_str(), "https://public.example.com/auth?x=1");
    assert_eq!(endpoints.token_endpoint.as_str(), "http://127.0.0.1:9000/token");
    assert_eq!(endpoints.jwks_uri.as_str(), "http://localhost:9000/keys");
    assert_eq!(endpoints.end_session_endpoint.unwrap().as_str(), "https://public.example.com/end");
    assert_eq!((endpoints.userinfo_endpoint, endpoints.introspection_endpoint), (None, None));
    assert_eq!(party.post_logout_redirect_uri, None);
}

#[test]
fn what_is_needed_for_the_demo_is_allowed() {
    let text = "
applications:
  - name: Demo
    external_host: http://sign-in.demo.localhost:10000
    mode: forward_domain
    cookie_domain: .demo.localhost
    issuer: http://127.0.0.1:9090
    client_id: gatepost-demo
    client_secret: x
listen: { grpc: 0, http: 0, https: 0, metrics: 0, admin: 127.0.0.1:0 }
";
    assert_eq!(Folder::new().load(text).unwrap().warnings, []);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_harmless() {
    let text = format!("\u{feff}{}", SMALLEST.replace('\n', "\r\n"));
    assert!(Folder::new().load(&text).is_ok());
}

#[test]
fn the_headers_are_those_of_the_file() {
    let shown = |text: &str| {
        format!("{:?}", Folder::new().load(text).unwrap().config.applications.iter().next().unwrap().headers)
    };
    let by_default = shown(SMALLEST);
    assert_eq!(
        by_default,
        format!("{:?}", HeaderPlan::default()),
        "the file's defaults and the plan's own are the same"
    );
    let headers = |settings: &str| shown(&format!("{SMALLEST}    {settings}\n"));
    assert_eq!(headers("headers: authentik"), by_default);
    assert_eq!(headers("headers: [authentik]"), by_default);
    assert!(headers("headers: legacy").contains("x-forwarded-user"));
    assert!(!headers("headers: none").contains("preferred_username"));
    let own = "    claim_headers: [{ header: X-Team, claim: team.name }]\n    additional_headers: { claim: /more~1headers/x }\n";
    let config = Folder::new().load(&format!("{SMALLEST}{own}")).unwrap().config;
    let claims = &config.applications.iter().next().unwrap().relying_party.claims;
    assert_eq!(claims, &["more/headers", "team"], "UserInfo is asked for them");
    assert!(headers("claim_headers: [{ header: X-Team, claim: team.name }]").contains("team.name"));
}
