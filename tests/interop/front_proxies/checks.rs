//! What each column means, over HTTP/1.1 and HTTP/2. A check panics where something does not hold.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::program::Program;
use super::site::{Listener, Site};
use crate::support::application::Seen;
use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::raw;

/// Identity headers in every spelling that some application takes for the real one.
const SPOOFED: &[(&str, &str)] = &[
    ("X-authentik-username", "eve"),
    ("x-authentik-username", "eve-again"),
    ("X-AUTHENTIK-USERNAME", "eve"),
    ("X_authentik_username", "eve"),
    ("x_authentik-username", "eve"),
    ("X.authentik.username", "eve"),
    ("X~authentik~email", "eve"),
    ("x!authentik|uid", "eve"),
    ("X-authentik_groups", "eve"),
    ("X-authentik-groups", "eve|root"),
    ("X-authentik-entitlements", "eve"),
    ("X-authentik-jwt", "e.v.eve"),
    ("X_AUTHENTIK_META_APP", "eve"),
];

/// The size of an upload that no program keeps in its buffers.
const UPLOAD: usize = 64 << 20;

/// How long a part of a stream may take to arrive while the rest of it is still to come.
const PART: Duration = Duration::from_secs(20);

/// The request that reached the application, which nobody but Gatepost gave a name.
pub(super) fn assert_is_of(seen: &Seen, user: Option<&str>) {
    let identity: Vec<_> = seen.identity().into_iter().filter(|(_, value)| !value.is_empty()).collect();
    assert_eq!(identity.iter().find(|(_, value)| value.contains("eve")), None, "{seen:?}");
    assert_eq!(seen.header("x-authentik-username").filter(|name| !name.is_empty()), user, "{seen:?}");
    let is_odd = |(name, _): &&(&str, &str)| name.contains(|sign: char| !sign.is_ascii_alphanumeric() && sign != '-');
    assert_eq!(identity.iter().find(is_odd), None, "{seen:?}");
    if user.is_none() {
        assert_eq!(identity, [], "no user is known");
    }
}

async fn walk(site: &Site, protocol: Protocol) -> Browser {
    let browser = Browser::new(protocol);
    let address = site.wiki("/page?a=1&b=two%26three&rd=/elsewhere");
    let page = browser.sign_in(&address, "alice").await;
    assert_eq!(page.url.as_str(), address);
    let seen = page.seen();
    assert_eq!(seen.path, "/page?a=1&b=two%26three&rd=/elsewhere");
    assert_is_of(&seen, Some("alice"));
    assert_eq!(seen.header("x-authentik-groups"), Some("admins|staff"));
    assert_eq!(seen.header("x-authentik-meta-app"), Some("wiki"));
    assert_eq!(seen.header("cookie").unwrap_or_default(), "", "Gatepost's cookies stay out");
    let posted = browser.ask(Ask::script(Method::POST, &site.wiki("/api")).json(&json!({ "x": 1 }))).await.seen();
    assert_eq!((posted.method.as_str(), posted.header("x-authentik-username")), ("POST", Some("alice")));
    browser
}

/// No cookie and no code stands in a log.
fn assert_is_silent(site: &Site, browser: &Browser) {
    let log = site.gatepost.log().text() + &site.said();
    assert!(browser.all_cookie_values().iter().all(|value| !log.contains(value)), "a cookie stands in a log");
    assert!(!log.contains("code="), "a code stands in a log");
}

pub(super) async fn signs_in(program: Program) {
    let site = Site::start(&program, Listener::Plain).await;
    let browser = walk(&site, Protocol::Http1).await;
    assert_is_silent(&site, &browser);
}

async fn ask_raw(site: &Site, path: &str, headers: &[(&str, &str)]) -> (String, Option<Seen>) {
    let answer = raw::get_with(site.front, &site.host(), path, headers).await;
    let seen = Seen::from_body(raw::body(&answer));
    (answer, seen)
}

/// Public paths are open to everybody; paths that only begin like one are not.
pub(super) async fn public_path(program: Program) {
    let site = Site::start(&program, Listener::Plain).await;
    let (answer, seen) = ask_raw(&site, "/public/page?x=1", &[]).await;
    let seen = seen.unwrap_or_else(|| panic!("not the application's answer: {answer}"));
    assert_eq!(seen.path, "/public/page?x=1");
    assert_is_of(&seen, None);
    for path in
        ["/private", "/public/../private", "/public/%2e%2e/private", "/public/..%2fprivate", "/%zz", "/public;/../x"]
    {
        let (answer, seen) = ask_raw(&site, path, &[("Accept", "text/html")]).await;
        assert!(seen.is_none(), "{path} passed: {answer}");
    }
    // In these headers a client claims another target.
    for name in
        ["X-Original-URI", "X-Original-URL", "X_Original_URL", "X-Forwarded-Uri", "X_Forwarded_Uri", "X-Rewrite-Url"]
    {
        let (answer, seen) = ask_raw(&site, "/private", &[(name, "/public/a")]).await;
        assert!(seen.is_none(), "{name} passed: {answer}");
    }
    for path in ["nginx", "traefik", "caddy", ""].map(|dialect| format!("/outpost.goauthentik.io/auth/{dialect}")) {
        let (answer, _) = ask_raw(&site, &path, &[("X-Forwarded-Uri", "/public/a")]).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path} is the front proxy's: {answer}");
    }
}

pub(super) async fn spoofed_headers(program: Program) {
    let site = Site::start(&program, Listener::Plain).await;
    let (answer, seen) = ask_raw(&site, "/public/page", SPOOFED).await;
    assert_is_of(&seen.unwrap_or_else(|| panic!("not the application's answer: {answer}")), None);

    let cookies = site.cookies(&site.signed_in(Protocol::Http1).await);
    let cookies = format!("first=1; {cookies}; last=2");
    let mut headers = SPOOFED.to_vec();
    headers.extend([("Cookie", cookies.as_str()), ("Authorization", "Token abc"), ("X-Custom", "stays")]);
    for path in ["/private", "/public/page"] {
        let (answer, seen) = ask_raw(&site, path, &headers).await;
        let seen = seen.unwrap_or_else(|| panic!("not the application's answer: {answer}"));
        assert_is_of(&seen, Some("alice"));
        assert_eq!(seen.header("cookie"), Some("first=1; last=2"));
        assert_eq!(seen.header("authorization"), Some("Token abc"));
        assert_eq!(seen.header("x-custom"), Some("stays"));
    }
    // A name under our prefix that no file lists.
    for path in ["/public/page", "/private"] {
        let (answer, _) = ask_raw(&site, path, &[("X-authentik-anything", "eve"), ("Cookie", &cookies)]).await;
        let status = if program.passes_unlisted_names() { "HTTP/1.1 403 " } else { "HTTP/1.1 200 " };
        assert!(answer.starts_with(status) && !answer.contains("eve"), "{path}: {answer}");
    }
}

pub(super) async fn refuses_scripts(program: Program) {
    let site = Site::start(&program, Listener::Plain).await;
    let browser = Browser::new(Protocol::Http1);
    let address = site.wiki("/api?page=2");
    for ask in [
        Ask::script(Method::GET, &address),
        Ask::script(Method::POST, &address).json(&json!({ "x": 1 })),
        Ask::navigation(&address).with_method(Method::POST),
        Ask::plain(Method::GET, &address).header("accept", "text/html").header("x-requested-with", "XMLHttpRequest"),
    ] {
        let page = browser.ask(ask.clone()).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{ask:?}: {page:#?}");
        assert!(page.sets_cookies().is_empty(), "{page:#?}");
        assert!(page.body.contains("/outpost.goauthentik.io/start"), "says where to sign in: {page:#?}");
    }
    assert!(site.application.seen().is_empty());
}

pub(super) async fn web_socket(program: Program) {
    let site = Site::start(&program, Listener::Plain).await;
    let (refused, _) = raw::open_websocket(site.front, &site.host(), None).await;
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    assert!(site.application.seen().is_empty());

    let cookies = site.cookies(&site.signed_in(Protocol::Http1).await);
    let (accepted, mut socket) = raw::open_websocket(site.front, &site.host(), Some(&cookies)).await;
    assert!(accepted.starts_with("HTTP/1.1 101 "), "{accepted}");
    raw::expect_echo(&mut socket).await;
    assert_is_of(&site.application.seen().pop().expect("the handshake"), Some("alice"));
}

/// The first event arrives while the second is still to come.
pub(super) async fn server_sent_events(program: Program) {
    let site = Site::start(&program, Listener::Plain).await;
    let cookies = site.cookies(&site.signed_in(Protocol::Http1).await);
    let mut stream = TcpStream::connect(("127.0.0.1", site.front)).await.expect("the front proxy");
    let request = format!(
        "GET /events HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n",
        site.host()
    );
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = Vec::new();
    let first = async {
        while !answer.windows(13).any(|part| part == b"data: first\n\n") {
            answer.push(stream.read_u8().await.expect("more of the answer"));
        }
    };
    assert!(tokio::time::timeout(PART, first).await.is_ok(), "the first event waits for the second");
    site.application.end_stream();
    stream.read_to_end(&mut answer).await.expect("the rest");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("data: last\n\n"), "{answer}");
}

pub(super) async fn big_upload(program: Program) {
    let site = Site::start(&program, Listener::Plain).await;
    let cookies = site.cookies(&site.signed_in(Protocol::Http1).await);
    let mut stream = TcpStream::connect(("127.0.0.1", site.front)).await.expect("the front proxy");
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: {}\r\nContent-Length: {UPLOAD}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n",
        site.host()
    );
    stream.write_all(head.as_bytes()).await.expect("a head");
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..UPLOAD / piece.len() {
        if stream.write_all(&piece).await.is_err() {
            // It was refused; the answer says why.
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(&UPLOAD.to_string()), "{answer}");
    assert_is_of(&site.application.seen().pop().expect("the upload"), Some("alice"));
}

/// Over TLS, as browsers do it.
pub(super) async fn http2(program: Program) {
    let site = Site::start(&program, Listener::Tls).await;
    let browser = walk(&site, Protocol::Http2).await;
    assert_is_silent(&site, &browser);
    let refused = Browser::new(Protocol::Http2).ask(Ask::script(Method::GET, &site.wiki("/api"))).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:#?}");
    let spoofed = SPOOFED
        .iter()
        .fold(Ask::plain(Method::GET, &site.wiki("/private")), |ask, (name, value)| ask.also(name, value));
    assert_is_of(&browser.ask(spoofed).await.seen(), Some("alice"));
}

pub(super) async fn signs_out(program: Program) {
    let site = Site::start(&program, Listener::Plain).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let leave = Ask::navigation(&site.wiki("/outpost.goauthentik.io/sign_out")).header("sec-fetch-site", "same-origin");
    let left = browser.ask(leave).await;
    assert_eq!(left.status, StatusCode::FOUND, "{left:#?}");
    let refused = browser.ask(Ask::script(Method::GET, &site.wiki("/api"))).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:#?}");
    let question = browser.follow(left).await;
    let goodbye = browser.confirm_sign_out(&question).await;
    assert_eq!(goodbye.status, StatusCode::OK, "{goodbye:#?}");
    assert!(goodbye.url.as_str().starts_with(&site.wiki("/outpost.goauthentik.io/sign_out")), "{goodbye:#?}");
}
