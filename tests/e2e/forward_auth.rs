//! Forward auth over HTTP: the same scenarios behind the real nginx, Caddy, HAProxy and Envoy, with the shipped files.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use url::Url;

use crate::support::application::Seen;
use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::front_proxy::{FrontProxy, FrontSite, LonelyFront};
use crate::support::raw;
use crate::support::settings::Mode;

/// Identity headers in every spelling that some backend takes for the real one.
pub(crate) const SPOOFED: [(&str, &str); 11] = [
    ("X-authentik-username", "eve"),
    ("x-authentik-username", "eve-again"),
    ("X-AUTHENTIK-USERNAME", "eve"),
    ("X_authentik_username", "eve"),
    ("x_authentik-username", "eve"),
    ("X.authentik.username", "eve"),
    ("X-authentik_groups", "admins"),
    ("X-authentik-groups", "admins|root"),
    ("X-authentik-entitlements", "everything"),
    ("X-authentik-jwt", "e.y.e"),
    ("X_AUTHENTIK_META_APP", "other"),
];

/// Headers in which a client may claim another target of its request.
const INJECTED: [(&str, &str); 11] = [
    ("X-Original-URI", "/public/a"),
    ("X-Original-URL", "http://wiki.demo.localhost/public/a"),
    ("X_Original_URL", "http://wiki.demo.localhost/public/a"),
    ("X-Forwarded-Uri", "/public/a"),
    ("X_Forwarded_Uri", "/public/a"),
    ("X-Forwarded-Method", "OPTIONS"),
    ("X-Forwarded-Host", "board.demo.localhost"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Rewrite-Url", "/public/a"),
    ("Forwarded", "for=127.0.0.1;host=wiki.demo.localhost;proto=https"),
];

pub(crate) async fn ask_raw(site: &FrontSite, path: &str, headers: &[(&str, &str)]) -> Seen {
    let answer = raw::get_with(site.front, &site.host("wiki"), path, headers).await;
    Seen::from_body(raw::body(&answer)).unwrap_or_else(|| panic!("not the application's answer:\n{answer}"))
}

async fn signs_in_and_keeps_the_whole_address(front_proxy: FrontProxy) {
    let mut site = FrontSite::start(front_proxy).await;
    let browser = Browser::new(Protocol::Http1);
    let page = browser.sign_in(&site.wiki("/page?a=1&b=two%26three&rd=/elsewhere"), "alice").await;
    let seen = page.seen();
    assert_eq!(seen.path, "/page?a=1&b=two%26three&rd=/elsewhere", "nothing of the query is lost");
    assert_eq!(seen.header("x-authentik-username"), Some("alice"));
    assert_eq!(seen.header("x-authentik-groups"), Some("admins|staff"));
    assert_eq!(seen.header("x-authentik-meta-app"), Some("wiki"));
    assert_eq!(seen.header("cookie").unwrap_or_default(), "", "ours stay with us");

    let posted = browser.ask(Ask::script(Method::POST, &site.wiki("/api")).json(&serde_json::json!({"x": 1}))).await;
    assert_eq!(posted.seen().method, "POST");
    // The board is another application: it needs its own sign-in, which the provider answers without a form.
    let board = browser.visit(&site.at("board", "/b?c=d")).await;
    assert_eq!(board.seen().header("x-authentik-meta-app"), Some("board"));
    assert_eq!(board.url.as_str(), site.at("board", "/b?c=d"));

    site.gatepost.stop();
    let log = site.gatepost.log().text() + &site.said();
    for value in browser.all_cookie_values() {
        assert!(!log.contains(&value), "a cookie stands in a log");
    }
    assert!(!log.contains("code="), "a code stands in a log");
}

/// Longer than `state` can be, but within every front proxy's own limits: nginx takes 8 KiB of address, and of cookies.
async fn comes_back_to_a_long_address(front_proxy: FrontProxy) {
    let site = FrontSite::start(front_proxy).await;
    for bytes in [600, 2500, 7000] {
        let mut path = format!("/page?q={}", "a%2Fb|c%7e;d,e~f".repeat(bytes / 16 + 1));
        path.truncate(bytes);
        let page = Browser::new(Protocol::Http1).sign_in(&site.wiki(&path), "alice").await;
        assert_eq!(page.seen().path, path, "{bytes}: byte by byte");
    }
}

async fn one_sign_in_serves_a_whole_domain(front_proxy: FrontProxy) {
    let site = FrontSite::start_with(front_proxy, Mode::Domain, |_, _| {}).await;
    let browser = Browser::new(Protocol::Http1);
    let page = browser.sign_in(&site.wiki("/page?a=1&b=2"), "alice").await;
    assert_eq!((page.url.as_str(), page.seen().path.as_str()), (site.wiki("/page?a=1&b=2").as_str(), "/page?a=1&b=2"));
    let board = browser.open(&site.at("board", "/b")).await.seen();
    assert_eq!(board.header("x-authentik-username"), Some("alice"), "without another sign-in");
    let public = ask_raw(&site, "/public/page", &[]).await;
    assert_eq!(public.header("x-authentik-username").unwrap_or_default(), "");
}

async fn nobody_else_names_the_user(front_proxy: FrontProxy) {
    let site = FrontSite::start(front_proxy).await;
    let blank = |seen: &Seen| seen.identity().into_iter().filter(|(_, value)| !value.is_empty()).count() == 0;
    let public = ask_raw(&site, "/public/page", &SPOOFED).await;
    assert!(blank(&public), "nobody is signed in: {public:?}");

    let browser = site.signed_in().await;
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");
    let cookies = format!("first=1; {cookies}; last=2");
    let mut headers = SPOOFED.to_vec();
    headers.extend([("Cookie", cookies.as_str()), ("Authorization", "Token abc"), ("X-Custom", "stays")]);
    for path in ["/private", "/public/page"] {
        let seen = ask_raw(&site, path, &headers).await;
        assert_eq!(seen.header("x-authentik-username"), Some("alice"));
        assert_eq!(seen.header("x-authentik-groups"), Some("admins|staff"));
        for absent in ["entitlements", "jwt", "meta-jwks"] {
            assert_eq!(seen.header(&format!("x-authentik-{absent}")).unwrap_or_default(), "", "{absent}");
        }
        let odd = |name: &&str| name.contains(['_', '.']);
        assert_eq!(seen.identity().into_iter().map(|(name, _)| name).find(odd), None, "{seen:?}");
        assert_eq!(seen.header("cookie"), Some("first=1; last=2"));
        assert_eq!(seen.header("authorization"), Some("Token abc"));
        assert_eq!(seen.header("x-custom"), Some("stays"));
    }
    if front_proxy == FrontProxy::Envoy {
        return;
    }
    // An empty header must not arrive as an empty line.
    let alone: Vec<_> = headers.iter().copied().filter(|(name, _)| *name == "X-Custom").collect();
    let seen = ask_raw(&site, "/public/page", &alone).await;
    assert_eq!((seen.header("cookie"), seen.header("authorization")), (None, None), "{seen:?}");
}

/// Names under our prefix that no file lists one by one, and separators that none names. nginx cannot remove the first, so
/// Gatepost refuses the request.
async fn no_name_of_ours_passes_unlisted(front_proxy: FrontProxy) {
    let site = FrontSite::start(front_proxy).await;
    let browser = site.signed_in().await;
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");
    for name in ["X-authentik-anything", "X~authentik~email", "x!authentik|uid"] {
        for path in ["/public/page", "/private"] {
            let lines = [(name, "eve-was-here"), ("Cookie", cookies.as_str())];
            let answer = raw::get_with(site.front, &site.host("wiki"), path, &lines).await;
            assert!(!answer.contains("eve-was-here"), "{name} {path}: {answer}");
            let is_refused = front_proxy == FrontProxy::Nginx && name == "X-authentik-anything";
            let status = if is_refused { "HTTP/1.1 403 " } else { "HTTP/1.1 200 " };
            assert!(answer.starts_with(status), "{name} {path}: {answer}");
        }
    }
}

async fn what_a_client_says_about_its_address_does_not_count(front_proxy: FrontProxy) {
    let site = FrontSite::start(front_proxy).await;
    for line in INJECTED {
        let answer = raw::get_with(site.front, &site.host("wiki"), "/private", &[line, ("Accept", "text/html")]).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["302", "400", "401", "403"].contains(&status), "{line:?}: {answer}");
        assert!(!answer.contains("board.demo"), "{line:?}: {answer}");
    }
    for path in
        ["/outpost.goauthentik.io/auth/nginx", "/outpost.goauthentik.io/auth/caddy", "/outpost.goauthentik.io/auth"]
    {
        let own = [
            ("X-Original-URL", "http://wiki.demo.localhost/public/a"),
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Uri", "/public/a"),
        ];
        let answer = raw::get_with(site.front, &site.host("wiki"), path, &own).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "questions are the front proxy's to ask: {path}: {answer}");
    }
    for host in [format!("evil.test,{}", site.host("wiki")), format!("{},evil.test", site.host("wiki"))] {
        let answer = raw::get_with(site.front, &host, "/public/a", &[]).await;
        assert!(Seen::from_body(raw::body(&answer)).is_none(), "{host} passed: {answer}");
    }
    assert!(site.application.seen().is_empty(), "nothing reached the application");
    for path in ["/public/../private", "/public/%2e%2e/private", "/public/..%2fprivate", "/%zz", "/public;/../x"] {
        let answer = raw::get_with(site.front, &site.host("wiki"), path, &[("Accept", "text/html")]).await;
        assert!(Seen::from_body(raw::body(&answer)).is_none(), "{path} passed: {answer}");
    }
}

async fn who_cannot_follow_a_redirect_gets_401(front_proxy: FrontProxy) {
    let site = FrontSite::start(front_proxy).await;
    let browser = Browser::new(Protocol::Http1);
    let address = site.wiki("/api?page=2");
    for ask in [
        Ask::script(Method::GET, &address),
        Ask::script(Method::POST, &address).json(&serde_json::json!({"x": 1})),
        Ask::navigation(&address).with_method(Method::POST),
        Ask::plain(Method::GET, &address).header("accept", "text/html").header("x-requested-with", "XMLHttpRequest"),
    ] {
        let page = browser.ask(ask.clone()).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{ask:?}: {page:#?}");
        assert!(page.sets_cookies().is_empty(), "{page:#?}");
        assert!(page.body.contains("/outpost.goauthentik.io/start"), "says where to sign in: {page:#?}");
    }
    let call = Ask::plain(Method::POST, &address).header("content-type", "application/grpc");
    let page = browser.ask(call).await;
    // Envoy sends the status of a gRPC call as UNAUTHENTICATED.
    let told = page.status == StatusCode::UNAUTHORIZED || page.header("grpc-status") == Some("16");
    assert!(told, "{page:#?}");
    let (refused, _) = raw::open_websocket(site.front, &site.host("wiki"), None).await;
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    assert!(site.application.seen().is_empty());

    let browser = site.signed_in().await;
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address"));
    let (accepted, mut socket) = raw::open_websocket(site.front, &site.host("wiki"), cookies.as_deref()).await;
    assert!(accepted.starts_with("HTTP/1.1 101 "), "{accepted}");
    raw::expect_echo(&mut socket).await;
    let seen = site.application.seen().pop().expect("the handshake");
    assert_eq!(seen.header("x-authentik-username"), Some("alice"));
}

async fn rules_and_credentials_count(front_proxy: FrontProxy) {
    let site = FrontSite::start_with(front_proxy, Mode::Single, |settings, provider| {
        settings.for_entries = "    basic: {}\n    allow: [{ groups: [admins] }]\n";
        provider.app_passwords = vec![("alice", "an-app-password-of-alice")];
    })
    .await;
    let call = |password: &str| {
        let basic = format!("Basic {}", STANDARD.encode(format!("alice:{password}")));
        Ask::script(Method::GET, &site.wiki("/api")).header("authorization", &basic)
    };
    let program = Browser::new(Protocol::Http1);
    let seen = program.ask(call("an-app-password-of-alice")).await.seen();
    assert_eq!(seen.header("x-authentik-username"), Some("alice"));
    assert_eq!(seen.header("authorization").unwrap_or_default(), "", "it has done its work");
    assert_eq!(program.ask(call("another")).await.status, StatusCode::UNAUTHORIZED);

    let forbidden = Browser::new(Protocol::Http1).sign_in(&site.wiki("/"), "bob").await;
    assert_eq!(forbidden.status, StatusCode::FORBIDDEN, "{forbidden:#?}");
    let says_who = forbidden.body.contains("bob");
    assert_eq!(says_who, front_proxy != FrontProxy::Nginx, "nginx has a page of its own: {forbidden:#?}");
}

async fn signs_out(front_proxy: FrontProxy) {
    let site = FrontSite::start(front_proxy).await;
    for path in ["/outpost.goauthentik.io/sign_out", "/page?X-authentik-logout=true"] {
        let browser = site.signed_in().await;
        let left = browser.ask(Ask::navigation(&site.wiki(path)).header("sec-fetch-site", "same-origin")).await;
        let in_nginx = front_proxy == FrontProxy::Nginx && path.contains("logout");
        assert_eq!(left.status, StatusCode::FOUND, "{left:#?}");
        let asked = browser.ask(Ask::script(Method::GET, &site.wiki("/api"))).await;
        let expected = if in_nginx { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(asked.status, expected, "nginx cannot answer a sign-out within its question: {path}");
    }
}

async fn no_answer_is_never_a_pass(front_proxy: FrontProxy) {
    let lonely = LonelyFront::start(front_proxy, |_| ()).await;
    for path in ["/private", "/public/a", "/outpost.goauthentik.io/start"] {
        let answer = raw::get_with(lonely.front, "wiki.demo.localhost", path, &[("Accept", "text/html")]).await;
        assert!(answer.starts_with("HTTP/1.1 50"), "{path}: {answer}");
    }
    assert!(lonely.application.seen().is_empty());
}

/// HAProxy continues after an error in a script.
#[tokio::test(flavor = "multi_thread")]
async fn haproxy_lets_nothing_pass_when_its_script_fails() {
    let broken = |folder: &Path| {
        let script = folder.join("gatepost.lua");
        let text = std::fs::read_to_string(&script).expect("the script");
        let broken = text.replace("function(txn, address, names)", "function(txn, address, names) error('broken')");
        assert_ne!(text, broken);
        std::fs::write(&script, broken).expect("a script");
    };
    let lonely = LonelyFront::start(FrontProxy::Haproxy, broken).await;
    let answer = raw::get_with(lonely.front, "wiki.demo.localhost", "/private", &[]).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(lonely.application.seen().is_empty());
}

/// Back-channel logout: the provider's own post passes through the front proxy, with its body.
async fn the_provider_signs_out(front_proxy: FrontProxy) {
    let site = FrontSite::start_with(front_proxy, Mode::Single, |settings, provider| {
        settings.backchannel_logout = true;
        provider.end_session = true;
    })
    .await;
    let browser = site.signed_in().await;
    let question = browser.visit(&site.end_session()).await;
    browser.confirm_sign_out(&question).await;
    assert_eq!(browser.open(&site.wiki("/x")).await.status, StatusCode::FOUND, "signed in anew");
    assert!(site.gatepost.log().says("a back-channel logout ended sessions"));
    let junk = Ask::plain(Method::POST, &site.wiki("/outpost.goauthentik.io/backchannel_logout"));
    assert_eq!(browser.ask(junk.form(&[("logout_token", "x.y.z")])).await.status, StatusCode::BAD_REQUEST);
}

/// Over HTTP a `Cookie` line is passed on with every byte.
async fn odd_bytes_of_cookies_stay(front_proxy: FrontProxy) {
    let site = FrontSite::start(front_proxy).await;
    let browser = site.signed_in().await;
    let session = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");
    let head = format!("GET /private HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: ", site.host("wiki"));
    let request = [head.as_bytes(), session.as_bytes(), b"; app=1; n=caf\xe9; z=2\r\n\r\n"].concat();
    let answer = raw::exchange(site.front, &request).await.expect("an answer");
    let seen = Seen::from_body(raw::body(&answer)).unwrap_or_else(|| panic!("not the application's answer: {answer}"));
    assert_eq!(seen.header("cookie"), Some("app=1; n=caf\u{fffd}; z=2"));
}

/// More than nginx takes by itself: its subrequest must not have a limit of its own.
async fn big_uploads_arrive(front_proxy: FrontProxy) {
    let site = FrontSite::start(front_proxy).await;
    let upload = Ask::script(Method::POST, &site.wiki("/upload")).json(&"x".repeat(8 << 20).into());
    let page = site.signed_in().await.ask(upload).await;
    assert_eq!(page.body, ((8 << 20) + 2).to_string(), "with the quotation marks: {:?}", page.status);
}

/// The file leads the address of the metadata to Gatepost, and passes the challenge on that names it.
async fn programs_find_the_metadata(front_proxy: FrontProxy) {
    let bearer = "    bearer: { verify: introspection, resource_metadata: {} }\n";
    let site = FrontSite::start_with(front_proxy, Mode::Single, |settings, _| settings.for_entries = bearer).await;
    let program = Browser::new(Protocol::Http1);
    let address = site.wiki("/.well-known/oauth-protected-resource");
    let refused = program.ask(Ask::plain(Method::GET, &site.wiki("/api")).header("accept", "application/json")).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:#?}");
    let challenge = refused.header("www-authenticate").unwrap_or_default();
    assert!(challenge.contains(&format!("resource_metadata=\"{address}\"")), "{refused:#?}");
    let metadata = program.ask(Ask::plain(Method::GET, &address)).await;
    assert_eq!(metadata.status, StatusCode::OK, "{metadata:#?}");
    assert_eq!(metadata.json().text("resource"), Some(site.wiki("").as_str()));
    assert_eq!(metadata.header("access-control-allow-origin"), Some("*"));
}

/// Envoy's HTTP service treats every 5xx as a failure of the service: it would answer with a page of its own, and with
/// `failure_mode_allow` allow every request.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_shows_the_page_when_no_decision_is_possible() {
    let site = FrontSite::start_with(FrontProxy::Envoy, Mode::Single, |_, provider| provider.is_up = false).await;
    let page = Browser::new(Protocol::Http1).open(&site.wiki("/private")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{page:#?}");
    assert_eq!(page.header("retry-after"), Some("5"), "{page:#?}");
    assert!(page.body.contains("<h1>Temporarily unavailable</h1>") && page.body.contains("Try again"), "{page:#?}");
}

macro_rules! behind_each {
    ($($walk:ident: $nginx:ident, $caddy:ident, $haproxy:ident, $envoy:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $nginx() {
            $walk(FrontProxy::Nginx).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $caddy() {
            $walk(FrontProxy::Caddy).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $haproxy() {
            $walk(FrontProxy::Haproxy).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $envoy() {
            $walk(FrontProxy::Envoy).await;
        }
    )+};
}

behind_each! {
    signs_in_and_keeps_the_whole_address: nginx_signs_in, caddy_signs_in, haproxy_signs_in, envoy_signs_in;
    comes_back_to_a_long_address: nginx_long_address, caddy_long_address, haproxy_long_address, envoy_long_address;
    one_sign_in_serves_a_whole_domain: nginx_domain, caddy_domain, haproxy_domain, envoy_domain;
    nobody_else_names_the_user: nginx_spoofed_headers, caddy_spoofed_headers, haproxy_spoofed_headers, envoy_spoofed_headers;
    what_a_client_says_about_its_address_does_not_count: nginx_injected_addresses, caddy_injected_addresses, haproxy_injected_addresses, envoy_injected_addresses;
    no_name_of_ours_passes_unlisted: nginx_unlisted_names, caddy_unlisted_names, haproxy_unlisted_names, envoy_unlisted_names;
    who_cannot_follow_a_redirect_gets_401: nginx_other_clients, caddy_other_clients, haproxy_other_clients, envoy_other_clients;
    rules_and_credentials_count: nginx_rules, caddy_rules, haproxy_rules, envoy_rules;
    no_answer_is_never_a_pass: nginx_alone, caddy_alone, haproxy_alone, envoy_alone;
    the_provider_signs_out: nginx_provider_signs_out, caddy_provider_signs_out, haproxy_provider_signs_out, envoy_provider_signs_out;
    odd_bytes_of_cookies_stay: nginx_odd_cookies, caddy_odd_cookies, haproxy_odd_cookies, envoy_odd_cookies;
    big_uploads_arrive: nginx_uploads, caddy_uploads, haproxy_uploads, envoy_uploads;
    programs_find_the_metadata: nginx_metadata, caddy_metadata, haproxy_metadata, envoy_metadata;
    signs_out: nginx_signs_out, caddy_signs_out, haproxy_signs_out, envoy_signs_out;
}
