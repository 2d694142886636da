//! Clients that are not a user at a page: scripts, forms, WebSocket, gRPC, CORS preflights.

use http::{Method, StatusCode};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use url::Url;

use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::Site;

/// Asserts a 401 in JSON that contains the sign-in address; the address works.
fn assert_told_to_sign_in(page: &Page, site: &Site) {
    assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:#?}");
    assert!(page.header("location").is_none(), "{page:#?}");
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("application/json")), "{page:#?}");
    let answer = page.json();
    assert_eq!(answer.text("error"), Some("sign_in_required"));
    let address = answer.text("sign_in").expect("where to sign in");
    assert!(address.starts_with(&site.wiki("/outpost.goauthentik.io/start")), "{address}");
    assert!(page.sets_cookies().is_empty(), "a script starts no sign-in: {page:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_and_forms_get_401_and_where_to_sign_in() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    for protocol in Protocol::BOTH {
        let browser = Browser::new(protocol);
        let address = site.wiki("/api/items?page=2");
        let asks = [
            Ask::script(Method::GET, &address),
            Ask::script(Method::POST, &address),
            Ask::plain(Method::GET, &address).header("accept", "application/json"),
            Ask::plain(Method::GET, &address)
                .header("accept", "text/html")
                .header("x-requested-with", "XMLHttpRequest"),
            Ask::navigation(&address).header("sec-fetch-mode", "no-cors").header("sec-fetch-dest", "image"),
        ];
        for ask in asks {
            assert_told_to_sign_in(&browser.ask(ask).await, &site);
        }
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let mut form = Ask::navigation(&address);
            form = form.with_method(method);
            let page = browser.ask(form).await;
            assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:#?}");
        }
        assert!(site.application.seen().is_empty(), "nothing reached the application");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_a_script_is_told_signs_in() {
    let site = Site::start(Scenario::SideListener, Mode::Single).await;
    let browser = Browser::new(Protocol::Http1);
    let told = browser.ask(Ask::script(Method::GET, &site.wiki("/api"))).await;
    let answer = told.json();
    let page = browser.sign_in(answer.text("sign_in").expect("an address"), "alice").await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    let asked_again = browser.ask(Ask::script(Method::POST, &site.wiki("/api"))).await;
    assert_eq!(asked_again.seen().method, "POST");
    assert_eq!(asked_again.seen().header("x-authentik-username"), Some("alice"));
}

/// A gRPC call through Envoy; the application answers it like a health service.
async fn call_grpc(site: &Site, cookies: Option<&str>) -> Result<i32, tonic::Status> {
    let envoy = format!("http://127.0.0.1:{}", site.front());
    let origin = site.wiki("").parse().expect("an origin");
    let endpoint = tonic::transport::Endpoint::from_shared(envoy).expect("an address").origin(origin);
    let mut client = HealthClient::new(endpoint.connect().await.expect("a connection"));
    let mut request = tonic::Request::new(HealthCheckRequest::default());
    if let Some(cookies) = cookies {
        request.metadata_mut().insert("cookie", cookies.parse().expect("visible characters"));
    }
    client.check(request).await.map(|answer| answer.into_inner().status)
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_clients_get_a_status_they_understand() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let refused = call_grpc(&site, None).await.expect_err("nobody is signed in");
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    assert!(!refused.message().is_empty() && refused.message().lines().count() == 1, "{refused:?}");
    assert!(site.application.seen().is_empty());

    let browser = site.signed_in(Protocol::Http2).await;
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address"));
    assert_eq!(call_grpc(&site, cookies.as_deref()).await.expect("an answer"), 1, "SERVING");
    let seen = site.application.seen().pop().expect("the call");
    assert_eq!(seen.path, "/grpc.health.v1.Health/Check");
    assert_eq!(seen.header("x-authentik-username"), Some("alice"));
    assert!(seen.header("cookie").is_none(), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_open_for_the_signed_in_only() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let (refused, _) = raw::open_websocket(site.front(), &site.host("wiki"), None).await;
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    assert!(site.application.seen().is_empty());

    let browser = site.signed_in(Protocol::Http1).await;
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address"));
    let (accepted, mut socket) = raw::open_websocket(site.front(), &site.host("wiki"), cookies.as_deref()).await;
    assert!(accepted.starts_with("HTTP/1.1 101 ") && accepted.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{accepted}");
    raw::expect_echo(&mut socket).await;
    let seen = site.application.seen().pop().expect("the handshake");
    assert_eq!(seen.header("x-authentik-username"), Some("alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn preflights_pass_only_where_configured() {
    let preflight = |site: &Site| {
        Ask::plain(Method::OPTIONS, &site.wiki("/api"))
            .header("origin", "https://elsewhere.example")
            .header("access-control-request-method", "PUT")
            .header("x-authentik-username", "eve")
    };
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let page = Browser::new(Protocol::Http1).ask(preflight(&site)).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:#?}");

    let mut plan = crate::support::site::Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.for_entries = "    pass_preflight: true\n";
    let site = plan.start().await;
    let page = Browser::new(Protocol::Http1).ask(preflight(&site)).await;
    assert_eq!(page.seen().identity(), []);
}
