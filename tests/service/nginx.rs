//! nginx' second step: after a 401 it sends the browser's request to `start`.

use gatepost::inbound::forward_auth::Dialect;

use super::front_proxies::{Original, PAGE, all, cookies, page, question};
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
    let hop = |url: &str, lines: &str| {
        format!(
            "GET /outpost.goauthentik.io/start HTTP/1.0\r\nHost: gatepost:9000\r\nConnection: close\r\n\
             X-Original-URL: http://wiki.example.com{url}\r\n{lines}\r\n"
        )
    };
    // Browsers send Fetch Metadata over https only.
    let lines = "Accept: text/html\r\n";
    let only_counts = |reply: &crate::support::Reply| {
        assert_eq!(cookies(reply), 1, "{reply:?}");
        assert!(reply.text.contains("set-cookie: gatepost-led-to-https=1; "), "no sign-in starts: {reply:?}");
    };
    let reply = app.http(&hop("/x?a=1&b=2", lines)).await;
    let expected = "https://wiki.example.com/outpost.goauthentik.io/start?rd=%2Fx%3Fa%3D1%26b%3D2";
    assert_eq!(reply.header("location"), Some(expected), "{reply:?}");
    only_counts(&reply);
    let long = format!("/x?{}", "a".repeat(3000));
    let reply = app.http(&hop(&long, lines)).await;
    assert_eq!(reply.header("location"), Some(format!("https://wiki.example.com{long}").as_str()), "{reply:?}");
    let over_http = |lines| {
        let original = Original { lines, ..page("/x") };
        question(Dialect::Caddy, original).replace("Proto: https", "Proto: http")
    };
    let reply = app.http(&over_http(lines)).await;
    assert_eq!(reply.header("location"), Some("https://wiki.example.com/x"), "{reply:?}");
    only_counts(&reply);

    // TLS ends in front of the front proxy, which does not report it.
    for request in [
        hop("/x", PAGE),
        over_http(PAGE),
        question(Dialect::Traefik, page("/x")).replace("Proto: https", "Proto: http"),
    ] {
        let reply = app.http(&request).await;
        assert_eq!((reply.status(), reply.header("location"), cookies(&reply)), (421, None, 0), "{reply:?}");
        assert!(reply.text.contains("a proxy in front of this server does not pass on that it was https"), "{reply:?}");
    }
    let asked = question(Dialect::Nginx, page("/x")).replace("https://wiki", "http://wiki");
    assert_eq!(app.http(&asked).await.status(), 401, "nginx goes on to `start`, which shows the page");
    for same in ["https, https", "https,https"] {
        let reply = app.http(&over_http(PAGE).replace("Proto: http", &format!("Proto: {same}"))).await;
        assert!(reply.header("location").is_some_and(|to| to.starts_with("https://sso.example.com/")), "{reply:?}");
    }
    let mixed = app.http(&over_http(PAGE).replace("Proto: http", "Proto: https, http")).await;
    assert_eq!(mixed.status(), 400, "{mixed:?}");
    app.stop().await;
}

/// nginx passes every cookie of `start` on, so that an address too long for `state` can be stored in the browser.
#[tokio::test]
async fn nginx_hop_to_the_sign_in_keeps_a_long_address_byte_by_byte() {
    let app = TestApp::start(all()).await;
    let target = format!("/x?q={}", "a\\b\"c<d>|{}%2f&".repeat(400));
    let hop = format!(
        "GET /outpost.goauthentik.io/start HTTP/1.0\r\nHost: gatepost:9000\r\nConnection: close\r\n\
         X-Original-URL: https://wiki.example.com{target}\r\n{PAGE}\r\n"
    );
    let reply = app.http(&hop).await;
    assert_eq!(reply.status(), 302, "{reply:?}");
    assert!(cookies(&reply) >= 3, "the binding and the pieces of the address: {}", cookies(&reply));
    let to = url::Url::parse(reply.header("location").expect("a redirect")).expect("an address");
    let state = to.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    assert!(state.len() < 512, "{}", state.len());
    app.stop().await;
}

/// The location block of authentik's documentation sets `X-Original-URL` on every request to Gatepost, and sends no method.
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
