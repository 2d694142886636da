//! What has to hold behind every gateway, each as a check that panics where it does not.

use http::{Method, StatusCode};
use serde_json::Value;

use super::site::Site;
use super::translate::Translated;
use crate::support::application::Seen;
use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::raw;

const SIGN_OUT: &str = "/outpost.goauthentik.io/sign_out";

/// Headers that only Gatepost may set, in spellings that a backend could take for them.
const SPOOFED: [(&str, &str); 4] = [
    ("X-authentik-username", "eve"),
    ("X-AUTHENTIK-USERNAME", "eve"),
    ("X-authentik-groups", "admins|root"),
    ("X-authentik-jwt", "e.y.e"),
];
/// Spellings with characters that a gateway may refuse altogether.
const SPOOFED_ODDLY: [(&str, &str); 2] = [("X_authentik_username", "eve"), ("X.authentik.groups", "root")];

/// What the gateway's Check has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intended {
    /// The longest wait for Gatepost, as protobuf writes it in JSON.
    pub(crate) timeout: &'static str,
    /// The status without an answer; 403 where none is set.
    pub(crate) status_on_error: Option<&'static str>,
}

/// Every listener asks Gatepost over gRPC for each request, with these settings and without its body.
pub(crate) fn asks_as_intended(translated: &Translated, intended: Intended) {
    let checks: Vec<&Value> = translated.listeners.iter().flat_map(checks).collect();
    assert!(!checks.is_empty(), "no listener has the filter ext_authz");
    for check in checks {
        let config = &check["typedConfig"];
        let grpc = &config["grpcService"];
        let name = grpc["envoyGrpc"]["clusterName"].as_str().unwrap_or_else(|| panic!("no cluster: {check:#}"));
        let cluster = translated.clusters.iter().find(|cluster| cluster["name"] == name);
        let cluster = cluster.unwrap_or_else(|| panic!("no cluster {name}"));
        assert!(cluster.to_string().contains("http2ProtocolOptions"), "gRPC needs HTTP/2: {cluster:#}");
        assert_eq!(grpc["timeout"], intended.timeout, "{check:#}");
        for absent in
            ["failureModeAllow", "failureModeAllowHeaderAdd", "allowedHeaders", "disallowedHeaders", "withRequestBody"]
        {
            assert_eq!(config[absent], Value::Null, "{absent}: {check:#}");
        }
        assert_eq!(config["statusOnError"]["code"].as_str(), intended.status_on_error, "{check:#}");
    }
}

/// The filters `ext_authz` inside of a listener.
fn checks(value: &Value) -> Vec<&Value> {
    const TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
    match value {
        Value::Object(members) if members.get("typedConfig").is_some_and(|config| config["@type"] == TYPE) => {
            vec![value]
        }
        Value::Object(members) => members.values().flat_map(checks).collect(),
        Value::Array(items) => items.iter().flat_map(checks).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// A user signs in and arrives at the page that was opened; a script gets 401.
pub(crate) async fn signs_in(site: &Site) {
    for protocol in Protocol::BOTH {
        site.signed_in(protocol).await;
    }
    let asked = Browser::new(Protocol::Http1).ask(Ask::script(Method::GET, &site.wiki("/api"))).await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{asked:#?}");
}

/// The same host with another port is guarded, too.
pub(crate) async fn guards_every_port(site: &Site) {
    for host in
        [super::cluster::host("wiki"), format!("{}:1234", super::cluster::host("wiki")), "WIKI.demo.localhost".into()]
    {
        let answer = raw::get_with(site.front, &host, "/private", &[("Accept", "text/html")]).await;
        assert_eq!(Seen::from_body(raw::body(&answer)).map(|seen| seen.path), None, "{host} reached the application");
    }
}

/// A public path passes without a session; its neighbours do not.
pub(crate) async fn passes_public_paths(site: &Site) {
    let ask = async |path: &str| raw::get_with(site.front, &site.host(), path, &[("Accept", "text/html")]).await;
    let answer = ask("/public/page").await;
    let seen = Seen::from_body(raw::body(&answer)).unwrap_or_else(|| panic!("not the application's answer: {answer}"));
    assert_eq!(seen.identity(), []);
    for path in ["/", "/publicity", "/public/../admin", "/public/%2e%2e/admin", "/public/%2E%2E%2Fadmin", "/x?/public/"]
    {
        let answer = ask(path).await;
        assert_eq!(Seen::from_body(raw::body(&answer)).map(|seen| seen.path), None, "{path} reached the application");
    }
}

/// Headers that a client made up do not reach the application.
pub(crate) async fn removes_spoofed_headers(site: &Site) {
    let browser = site.signed_in(Protocol::Http1).await;
    let cookies = site.cookies(&browser);
    let ask = async |path: &str, headers: &[(&str, &str)]| raw::get_with(site.front, &site.host(), path, headers).await;
    let seen = |answer: &str| Seen::from_body(raw::body(answer));

    let public = ask("/public/page", &SPOOFED).await;
    assert_eq!(seen(&public).expect("a public page").identity(), [], "no user is known");
    let with_cookies = [&SPOOFED[..], &[("Cookie", cookies.as_str())]].concat();
    let private = seen(&ask("/private", &with_cookies).await).expect("alice's page");
    assert_eq!(private.header("x-authentik-username"), Some("alice"));
    assert_eq!(private.header("x-authentik-groups"), Some("admins|staff"));
    assert_eq!(private.header("x-authentik-jwt").unwrap_or_default(), "");
    assert_eq!(private.header("cookie"), None, "the session is Gatepost's");

    let oddly = [&SPOOFED_ODDLY[..], &[("Cookie", cookies.as_str())]].concat();
    let answer = ask("/private", &oddly).await;
    match seen(&answer) {
        Some(seen) => {
            let odd = |(name, _): &(&str, &str)| name.contains(['_', '.']);
            assert_eq!(seen.identity().into_iter().find(odd), None);
        }
        None => assert!(answer.starts_with("HTTP/1.1 400"), "{answer}"),
    }
}

/// The user signs out here and at the provider.
pub(crate) async fn signs_out(site: &Site) {
    let (here, elsewhere) = (site.signed_in(Protocol::Http1).await, site.signed_in(Protocol::Http2).await);
    let left = here.ask(Ask::navigation(&site.wiki(SIGN_OUT)).header("sec-fetch-site", "same-origin")).await;
    assert!(!site.is_signed_in(&here).await && !site.is_signed_in(&elsewhere).await, "{left:#?}");
    let question = here.follow(left).await;
    let goodbye = here.confirm_sign_out(&question).await;
    assert_eq!(goodbye.status, StatusCode::OK, "{goodbye:#?}");
    assert!(goodbye.url.path().ends_with(SIGN_OUT), "back from the provider: {goodbye:#?}");
}

/// The provider's end of a session ends ours: its call reaches Gatepost, not the application.
pub(crate) async fn follows_the_providers_logout(site: &Site) {
    let (here, elsewhere) = (site.signed_in(Protocol::Http1).await, site.signed_in(Protocol::Http2).await);
    let question = here.visit(&format!("{}/session/end", site.issuer)).await;
    here.confirm_sign_out(&question).await;
    assert!(!site.is_signed_in(&here).await, "{}", site.gatepost.log().text());
    assert!(site.is_signed_in(&elsewhere).await, "another of the provider's sessions goes on");
    let reached = site.application.seen().into_iter().find(|seen| seen.path.contains("logout"));
    assert!(reached.is_none(), "{reached:?}");
}

/// Without Gatepost no request passes. Gatepost does not run afterwards.
pub(crate) async fn denies_without_gatepost(site: &Site, intended: Intended) {
    let browser = site.signed_in(Protocol::Http1).await;
    let cookies = site.cookies(&browser);
    let before = site.application.seen().len();
    site.gatepost.signal(9);
    let status = if intended.status_on_error.is_some() { "503" } else { "403" };
    for path in ["/private", "/public/page", "/outpost.goauthentik.io/start"] {
        let answer = raw::get_with(site.front, &site.host(), path, &[("Cookie", cookies.as_str())]).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
    }
    assert_eq!(site.application.seen().len(), before, "a request reached the application");
}
