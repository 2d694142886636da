//! nginx' second step: after a 401 it sends the browser's request to `start`.

use gatepost::inbound::forward_auth::Dialect;

use super::front_proxies::{PAGE, all, cookies, page, question};
use super::support::TestApp;

#[tokio::test]
async fn nginx_hop_to_the_sign_in_keeps_the_whole_address() {
    let app = TestApp::start(all()).await;
    let hop = |lines: &str| {
        format!("GET /outpost.goauthentik.io/start HTTP/1.0\r\nHost: gatepost:9000\r\nConnection: close\r\n{lines}\r\n")
    };
    let url = "X-Original-URL: https://wiki.example.com/x?a=1&b=2\r\n";
    let reply = app.http(&hop(&format!("{url}{PAGE}"))).await;
    assert_eq!((reply.status(), cookies(&reply)), (302, 1), "{reply:?}");
    assert!(reply.header("location").is_some_and(|to| to.starts_with("https://sso.example.com/authorize?")));

    let script = app.http(&hop(&format!("{url}Sec-Fetch-Mode: cors\r\n"))).await;
    assert_eq!(script.status(), 401, "{script:?}");
    assert!(script.text.contains("https://wiki.example.com/outpost.goauthentik.io/start"), "{script:?}");
    let post = hop(&format!("{url}{PAGE}")).replacen("GET", "POST", 1);
    assert_eq!(app.http(&post).await.status(), 401);

    let doubled = app.http(&hop(&format!("{url}{url}{PAGE}"))).await;
    assert_eq!(doubled.status(), 400, "{doubled:?}");
    let stranger = app.http_from([127, 0, 0, 2], &hop(&format!("{url}{PAGE}"))).await;
    assert_eq!(stranger.status(), 404, "who is not trusted asks at the address in `Host`: {stranger:?}");
    app.stop().await;
}

#[tokio::test]
async fn plain_http_is_led_to_https_before_anybody_signs_in() {
    let app = TestApp::start(all()).await;
    let request = format!(
        "GET /outpost.goauthentik.io/start HTTP/1.0\r\nHost: gatepost:9000\r\nConnection: close\r\n\
         X-Original-URL: http://wiki.example.com/x?a=1&b=2\r\n{PAGE}\r\n"
    );
    let reply = app.http(&request).await;
    let expected = "https://wiki.example.com/outpost.goauthentik.io/start?rd=%2Fx%3Fa%3D1%26b%3D2";
    assert_eq!((reply.header("location"), cookies(&reply)), (Some(expected), 0), "{reply:?}");
    let over_http = question(Dialect::Caddy, page("/x")).replace("Proto: https", "Proto: http");
    let reply = app.http(&over_http).await;
    assert_eq!((reply.header("location"), cookies(&reply)), (Some("https://wiki.example.com/x"), 0), "{reply:?}");
    app.stop().await;
}

/// The location block of authentik's documentation sets `X-Original-URL` on every visit, and names no method.
#[tokio::test]
async fn authentiks_own_nginx_lines_work() {
    let app = TestApp::start(all()).await;
    let ask = |path: &str, url: &str| {
        format!(
            "GET {path} HTTP/1.0\r\nHost: wiki.example.com\r\nConnection: close\r\n\
             X-Original-URL: https://wiki.example.com{url}\r\n{PAGE}\r\n"
        )
    };
    assert_eq!(app.http(&ask("/outpost.goauthentik.io/auth/nginx", "/x?a=1&b=2")).await.status(), 401);
    assert_eq!(app.http(&ask("/outpost.goauthentik.io/auth/nginx", "/public/a")).await.status(), 200);
    for (path, expected) in [
        ("/outpost.goauthentik.io/start?rd=https://wiki.example.com/x?a=1&b=2", 302),
        ("/outpost.goauthentik.io/start", 302),
        ("/outpost.goauthentik.io/sign_out", 200),
        ("/outpost.goauthentik.io/callback?code=c&state=s", 400),
        ("/outpost.goauthentik.io/ping", 204),
    ] {
        assert_eq!(app.http(&ask(path, path)).await.status(), expected, "{path}");
    }
    app.stop().await;
}
