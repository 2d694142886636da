//! Mode `proxy` with the shipped file: only Gatepost names the backend.

use http::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use crate::support::application::{Application, Seen};
use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::{Guards, Scenario};
use crate::support::gatepost::LogLine;
use crate::support::ports::free_port;
use crate::support::raw;
use crate::support::settings::{Entry, Mode};
use crate::support::site::{Plan, Site};

/// A plan with these applications.
fn plan(entries: Vec<Entry>) -> Plan {
    let mut plan = Plan::new(Scenario::ProxyMode, Mode::Single);
    plan.settings.entries = entries;
    plan
}

/// `wiki`, with this backend and further lines.
fn wiki(backend: &str, lines: &str) -> Entry {
    Entry::proxy("Wiki", "wiki", &format!("    internal_host: {backend}\n{lines}"))
}

async fn ask(site: &Site, path: &str, headers: &[(&str, &str)]) -> Seen {
    let answer = raw::get_with(site.front(), &site.host("wiki"), path, headers).await;
    Seen::from_body(raw::body(&answer)).unwrap_or_else(|| panic!("not a backend's answer:\n{answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_is_asked_by_its_own_name_and_told_the_browsers() {
    let backend = Application::start();
    let gone = format!("    internal_host: http://127.0.0.1:{}\n", free_port());
    let own = format!("backend.localhost:{}", backend.port);
    let cloud = Entry::proxy("Cloud", "cloud", "    internal_host: http://169.254.169.254\n");
    let site = plan(vec![wiki(&format!("http://{own}"), ""), Entry::proxy("Gone", "gone", &gone), cloud]).start().await;
    let browser = site.signed_in(Protocol::Http1).await;
    let signed_in = browser.visit(&site.wiki("/a%20b//c?x=%2F&y")).await.seen();
    assert_eq!(signed_in.header("x-authentik-username"), Some("alice"));
    assert_eq!(signed_in.path, "/a%20b/c?x=%2F&y", "merged by Envoy, else as it was sent");
    let public = ask(&site, "/public/page", &[]).await;
    assert_eq!(public.identity(), []);
    for seen in [signed_in, public] {
        assert_eq!(seen.header("host"), Some(own.as_str()));
        assert_eq!(seen.header("x-forwarded-host"), Some(site.host("wiki").as_str()));
        assert!(!seen.headers.iter().any(|(name, _)| name.contains("gatepost")), "{seen:?}");
    }
    // A backend that is down, and an address without any backend.
    for (application, path, cause) in
        [("gone", "/public/gone", "remote_connection_failure"), ("cloud", "/public/cloud", "dns_")]
    {
        let mark = site.envoy.log_mark();
        let answer = raw::get_with(site.front(), &site.host(application), path, &[]).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        let logged = site.envoy.logged(mark, path);
        assert_eq!(logged.text("host"), Some(site.host(application).as_str()));
        assert!(logged.text("details").is_some_and(|details| details.contains(cause)), "{logged:?}");
    }
}

/// Headers by which a client tries to select the backend, and those that backends could take for the requested host.
const STEERING: [&str; 16] = [
    "X-Gatepost-Backend-Host",
    "x_gatepost_backend_host",
    "x.gatepost.backend.host",
    "X-Gatepost_Backend-Host",
    "X-Gatepost-Cluster",
    "X-Gatepost-Backend-Protocol",
    "backend_host",
    "X-Envoy-Original-Dst-Host",
    "x_envoy_original_dst_host",
    "X-Forwarded-Host",
    "X_Forwarded_Host",
    "x.forwarded.host",
    "X-Forwarded_Host",
    "X-Host",
    "Forwarded",
    "X-Original-Host",
];

async fn nobody_else_names_the_backend(guards: Guards) {
    let (backend, other) = (Application::start(), Application::start());
    let mut plan = plan(vec![wiki(&format!("http://127.0.0.1:{}", backend.port), ""), Entry::single("Board", "board")]);
    plan.guards = guards;
    let site = plan.start().await;
    let elsewhere = format!("127.0.0.1:{}", other.port);
    let headers = STEERING.map(|name| (name, elsewhere.as_str()));
    let browser = site.signed_in(Protocol::Http1).await;
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");
    let signed_in: Vec<_> = headers.into_iter().chain([("Cookie", cookies.as_str())]).collect();
    for (path, headers) in [("/private", signed_in.as_slice()), ("/public/page", &headers)] {
        let seen = ask(&site, path, headers).await;
        assert_eq!(seen.header("host"), Some(format!("127.0.0.1:{}", backend.port).as_str()));
        assert_eq!(seen.header("x-forwarded-host"), Some(site.host("wiki").as_str()));
        let steers = |name: &str| {
            let name = name.replace(['_', '.'], "-");
            name.starts_with("x-gatepost-") || name == "x-envoy-original-dst-host" || name == "x-forwarded-host"
        };
        let steering: Vec<_> = seen.headers.iter().filter(|(name, _)| steers(name)).collect();
        assert_eq!(steering.len(), 1, "{steering:?}");
    }
    // The values that Gatepost itself would send change nothing either.
    let own =
        [("X-Forwarded-Host", site.host("wiki")), ("X-Gatepost-Backend-Host", format!("127.0.0.1:{}", backend.port))];
    ask(&site, "/public/page", &own.each_ref().map(|(name, value)| (*name, value.as_str()))).await;

    // An unknown host, and an application in another mode: no backend for any request.
    for (host, status) in [(elsewhere.as_str(), "403"), (site.host("board").as_str(), "503")] {
        let answer = raw::get_with(site.front(), host, "/public/page", &headers).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
    assert!(other.seen().is_empty() && site.application.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_names_the_backend_with_the_shipped_file() {
    nobody_else_names_the_backend(Guards::AsShipped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_names_the_backend_without_envoys_help() {
    nobody_else_names_the_backend(Guards::Removed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_name_backends_that_are_listed() {
    let [own, of_alice, of_bob] = [(); 3].map(|()| Application::start());
    let (alice, bob) = (format!("127.0.0.1:{}", of_alice.port), format!("team-b.localhost:{}", of_bob.port));
    let lines = format!("    backend_allow: ['{alice}', '{bob}']\n");
    let mut site = {
        let internal = format!("http://127.0.0.1:{}", own.port);
        let strict = Entry::proxy(
            "Strict",
            "strict",
            &format!("    internal_host: {internal}\n    backend_allow: ['{alice}']\n"),
        );
        let mut plan = plan(vec![wiki(&internal, &lines), strict]);
        plan.provider.claims = json!({
            "alice": { "ak_proxy": { "backend_override": format!("http://{alice}/team/a/") } },
            "bob": { "ak_proxy": { "backend_override": format!("http://{bob}"), "host_header": "b.example" } },
        });
        plan.start().await
    };
    let browser = Browser::new(Protocol::Http2);
    let seen = browser.sign_in(&site.wiki("/x%2Fy?z=1"), "alice").await.seen();
    assert_eq!((seen.header("host"), seen.path.as_str()), (Some(alice.as_str()), "/team/a/x%2Fy?z=1"));
    assert_eq!(seen.header("x-forwarded-host"), Some(site.host("wiki").as_str()));

    let browser = Browser::new(Protocol::Http2);
    let seen = browser.sign_in(&site.wiki("/x?z=1"), "bob").await.seen();
    assert_eq!((seen.header("host"), seen.path.as_str()), (Some("b.example"), "/x?z=1"));
    ask(&site, "/public/page", &[]).await;
    let counts = [&own, &of_alice, &of_bob].map(|application| application.seen().len());
    assert_eq!(counts, [1, 1, 1], "one request each");

    // Where bob's backend is not allowed, the application's own is used, and the log reports it once.
    for path in ["/1", "/2", "/3"] {
        assert_eq!(browser.visit(&site.at("strict", path)).await.seen().header("host"), Some("b.example"));
    }
    assert_eq!((own.seen().len(), of_bob.seen().len()), (4, 1));
    let ignored_overrides = |line: &str| {
        let entry = LogLine::parse(line).filter(|line| line.text("level") == Some("WARN"))?;
        entry.text("cause").filter(|cause| cause.contains("ak_proxy")).map(str::to_owned)
    };
    let expected = format!("`ak_proxy.backend_override` names {bob}, which `backend_allow` does not list");
    site.gatepost.stop();
    let told: Vec<_> = site.gatepost.log().text().lines().filter_map(ignored_overrides).collect();
    assert_eq!(told, [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_and_streams_pass() {
    let backend = Application::start();
    let site = plan(vec![wiki(&format!("http://127.0.0.1:{}", backend.port), "")]).start().await;
    let browser = site.signed_in(Protocol::Http1).await;
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");

    let (refused, _) = raw::open_websocket(site.front(), &site.host("wiki"), None).await;
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    let (accepted, mut socket) = raw::open_websocket(site.front(), &site.host("wiki"), Some(&cookies)).await;
    assert!(accepted.starts_with("HTTP/1.1 101 "), "{accepted}");
    raw::expect_echo(&mut socket).await;

    let mut stream = TcpStream::connect(("127.0.0.1", site.front())).await.expect("Envoy");
    let host = site.host("wiki");
    let request = format!("GET /stream HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = Vec::new();
    while !answer.ends_with(b"first line\n\r\n") {
        answer.push(stream.read_u8().await.expect("the first line, before there is another"));
    }
    backend.end_stream();
    stream.read_to_end(&mut answer).await.expect("the rest");
    let answer = String::from_utf8(answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("last line\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_added_without_a_change_to_envoys_file() {
    let [first, second] = [(); 2].map(|()| Application::start());
    let mut site = plan(vec![wiki(&format!("http://127.0.0.1:{}", first.port), "")]).start().await;
    let browser = site.signed_in(Protocol::Http1).await;
    assert_eq!(browser.visit(&site.at("board", "/")).await.status, StatusCode::FORBIDDEN);

    let lines = format!("    internal_host: http://127.0.0.1:{}\n", second.port);
    site.edit(|settings| settings.entries.push(Entry::proxy("Board", "board", &lines)));
    site.gatepost.stop();
    site.stop_provider();
    site.plan.provider.clients = site.plan.settings.clients(site.front());
    site.start_provider();
    site.start_gatepost();
    let page = Browser::new(Protocol::Http1).sign_in(&site.at("board", "/"), "bob").await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("bob"));
    assert_eq!(second.seen().len(), 1);
}
