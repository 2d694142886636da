//! Addresses of clients: networks that need no sign-in, and rules for networks, behind the real Envoy and the real front proxies.
//! A client's address is that of its connection; its headers do not count.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::StatusCode;
use url::Url;

use crate::support::application::Seen;
use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::front_proxy::{FrontProxy, FrontSite};
use crate::support::settings::{Entry, Mode, Settings};
use crate::support::site::Plan;

/// Both are this machine; only the second is in a network of the configuration.
const OUTSIDE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const INSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Headers in which a client may claim another address.
const CLAIMED: [(&str, &str); 7] = [
    ("X-Forwarded-For", "127.0.0.2"),
    ("X-Real-IP", "127.0.0.2"),
    ("X-Envoy-External-Address", "127.0.0.2"),
    ("X-Client-IP", "127.0.0.2"),
    ("True-Client-IP", "127.0.0.2"),
    ("Forwarded", "for=127.0.0.2"),
    ("X_Forwarded_For", "127.0.0.2"),
];

/// The wiki needs no sign-in from inside, and the board lets users in from inside only.
fn change(settings: &mut Settings) {
    settings.entries = vec![
        Entry::single("Wiki", "wiki").with("    skip_networks: [127.0.0.2]\n"),
        Entry::single("Board", "board").with("    allow: [{ anyone: true, networks: [127.0.0.2/32] }]\n"),
    ];
}

/// Status and body of a request from this address.
async fn ask(from: Ipv4Addr, url: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
    let url = Url::parse(url).expect("an address");
    let (host, port) = (url.host_str().expect("a host").to_owned(), url.port().expect("a port"));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .local_address(IpAddr::from(from))
        .resolve(&host, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let mut request = client.build().expect("a client").get(url).header("accept", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    (response.status(), response.text().await.expect("a body"))
}

fn username(body: &str) -> String {
    let seen = Seen::from_body(body).unwrap_or_else(|| panic!("not the application's answer: {body}"));
    seen.header("x-authentik-username").unwrap_or_default().to_owned()
}

/// The same at any front proxy; `at` gives the address of a path at an application.
async fn addresses_decide(at: &dyn Fn(&str, &str) -> String) {
    let wiki = at("wiki", "/");
    let (status, body) = ask(INSIDE, &wiki, &[("X-authentik-username", "eve")]).await;
    assert_eq!((status, username(&body).as_str()), (StatusCode::OK, ""), "{body}");
    for headers in [&[][..], &CLAIMED] {
        let (status, body) = ask(OUTSIDE, &wiki, headers).await;
        assert!(status.is_client_error(), "{headers:?}: {status} {body}");
    }
    for claimed in CLAIMED {
        let (status, body) = ask(OUTSIDE, &wiki, &[claimed]).await;
        assert!(status.is_client_error(), "{claimed:?}: {status} {body}");
    }

    let board = at("board", "/");
    let browser = Browser::new(Protocol::Http1);
    let refused = browser.sign_in(&board, "alice").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:#?}");
    let cookies = browser.cookie_header(&Url::parse(&board).expect("an address")).expect("a session");
    let with_cookies = |headers: &[(&'static str, &'static str)]| {
        let own = [("cookie", cookies.clone())];
        headers.iter().map(|(name, value)| (*name, (*value).to_owned())).chain(own).collect::<Vec<_>>()
    };
    // One session, and answers that alternate: nothing of an answer outlasts its address.
    for _ in 0..3 {
        for (from, headers, expected) in [
            (INSIDE, &[][..], StatusCode::OK),
            (OUTSIDE, &[], StatusCode::FORBIDDEN),
            (OUTSIDE, &CLAIMED[..1], StatusCode::FORBIDDEN),
        ] {
            let headers = with_cookies(headers);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let (status, body) = ask(from, &board, &headers).await;
            assert_eq!(status, expected, "{from}: {body}");
            if status == StatusCode::OK {
                assert_eq!(username(&body), "alice");
            }
        }
    }
    assert_eq!(ask(INSIDE, &board, &[]).await.0, StatusCode::UNAUTHORIZED, "a rule needs a user, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_the_address_of_envoys_peer_decides() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    change(&mut plan.settings);
    let site = plan.start().await;
    addresses_decide(&|application, path| site.at(application, path)).await;
}

async fn front_proxy_decides(front_proxy: FrontProxy) {
    let site = FrontSite::start_with(front_proxy, Mode::Single, |settings, _| change(settings)).await;
    addresses_decide(&|application, path| site.at(application, path)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_the_address_that_nginx_reports_decides() {
    front_proxy_decides(FrontProxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_the_address_that_caddy_reports_decides() {
    front_proxy_decides(FrontProxy::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_the_address_that_haproxy_reports_decides() {
    front_proxy_decides(FrontProxy::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_the_address_that_envoy_reports_over_http_decides() {
    front_proxy_decides(FrontProxy::Envoy).await;
}
