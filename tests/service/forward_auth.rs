//! Front proxies' requests over a real socket, as each of them sends its own, and their answers.

use gatepost::domain::application::Mode;
use gatepost::domain::policy::backend::{Backend, BackendAllow, Backends};
use gatepost::inbound::forward_auth::Dialect;
use gatepost::inbound::side_listener::TlsIdentity;
use gatepost::testing::Loading;

use super::front_proxies::{Original, PAGE, all, cookies, page, question, traefik};
use super::support::{Reply, SESSION_COOKIE, Setup, TestApp};

const IDENTITY: [&str; 12] = [
    "x-authentik-username",
    "x-authentik-groups",
    "x-authentik-entitlements",
    "x-authentik-email",
    "x-authentik-name",
    "x-authentik-uid",
    "x-authentik-jwt",
    "x-authentik-meta-jwks",
    "x-authentik-meta-outpost",
    "x-authentik-meta-provider",
    "x-authentik-meta-app",
    "x-authentik-meta-version",
];
/// Sends the request in every dialect.
async fn in_every_dialect(app: &TestApp, original: Original<'_>, mut check: impl FnMut(Dialect, Reply)) {
    for (dialect, _) in Dialect::ALL {
        let reply = app.http(&question(dialect, original)).await;
        assert!(dialect != Dialect::Nginx || cookies(&reply) == 0, "nginx keeps none of a refusal's: {reply:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{dialect}: {reply:?}");
        check(dialect, reply);
    }
}

#[tokio::test]
async fn a_page_load_of_nobody_is_led_to_the_sign_in() {
    let app = TestApp::start(all()).await;
    in_every_dialect(&app, page("/x?a=1&b=2"), |dialect, reply| {
        if dialect == Dialect::Nginx {
            assert_eq!((reply.status(), cookies(&reply)), (401, 0), "{reply:?}");
        } else {
            assert_eq!((reply.status(), cookies(&reply)), (302, 1), "{dialect}: {reply:?}");
            let to = reply.header("location").unwrap_or_default();
            assert!(to.starts_with("https://sso.example.com/authorize?"), "{dialect}: {to}");
        }
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn scripts_websockets_grpc_and_posts_get_401_in_every_dialect() {
    let app = TestApp::start(all()).await;
    for (method, lines) in [
        ("GET", "Sec-Fetch-Mode: cors\r\nAccept: */*\r\n"),
        ("GET", "X-Requested-With: XMLHttpRequest\r\nAccept: text/html\r\n"),
        ("GET", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
        ("GET", "Sec-WebSocket-Version: 13\r\nSec-Fetch-Mode: websocket\r\n"),
        ("POST", "Content-Type: application/grpc\r\nTE: trailers\r\n"),
        ("POST", PAGE),
        ("QUERY", PAGE),
    ] {
        in_every_dialect(&app, Original { method, target: "/x", lines }, |dialect, reply| {
            assert_eq!((reply.status(), cookies(&reply)), (401, 0), "{dialect} {method} {lines}: {reply:?}");
        })
        .await;
    }
    app.stop().await;
}

/// Envoy would not take a 5xx for a denial; nginx shows a page of its own.
#[tokio::test]
async fn what_is_overdue_is_said_in_the_clients_words_in_every_dialect() {
    let mut setup = Setup { loading: Loading::Waits, ..all() };
    setup.limits.http.request_timeout = std::time::Duration::from_millis(500);
    let app = TestApp::start(setup).await;
    for (accept, kind) in [(PAGE, "text/html; charset=utf-8"), ("Accept: application/json\r\n", "application/json")] {
        let lines = format!("{accept}Cookie: {SESSION_COOKIE}\r\n");
        in_every_dialect(&app, Original { method: "GET", target: "/x", lines: &lines }, |dialect, reply| {
            let status = if dialect == Dialect::Envoy { 403 } else { 503 };
            assert_eq!((reply.status(), reply.header("retry-after")), (status, Some("5")), "{dialect}: {reply:?}");
            if dialect != Dialect::Nginx {
                assert_eq!(reply.header("content-type"), Some(kind), "{dialect}: {reply:?}");
                assert_eq!(reply.text.contains("Try again"), kind.starts_with("text"), "{dialect}: {reply:?}");
            }
        })
        .await;
    }
    app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_said_in_the_clients_words_in_every_dialect() {
    let app = TestApp::start(all()).await;
    for (accept, kind) in [(PAGE, "text/html; charset=utf-8"), ("Accept: application/json\r\n", "application/json")] {
        let lines = format!("{accept}Authorization: a\r\nAuthorization: b\r\n");
        in_every_dialect(&app, Original { method: "GET", target: "/x", lines: &lines }, |dialect, reply| {
            if dialect != Dialect::Nginx {
                assert_eq!((reply.status(), reply.header("content-type")), (400, Some(kind)), "{dialect}: {reply:?}");
                assert_eq!(reply.text.contains("Try again"), kind.starts_with("text"), "{dialect}: {reply:?}");
            }
        })
        .await;
    }
    app.stop().await;
}

#[tokio::test]
async fn who_is_signed_in_passes_with_every_header_said() {
    let app = TestApp::start(Setup { signed_in: true, ..all() }).await;
    let lines = format!(
        "{PAGE}Cookie: a=1; {SESSION_COOKIE}; b=2\r\nAuthorization: Token abc\r\nX-authentik-username: eve\r\n\
         X-authentik-email: eve@example.test\r\nX_authentik_uid: eve\r\n"
    );
    for method in ["GET", "POST", "OPTIONS"] {
        in_every_dialect(&app, Original { method, target: "/x", lines: &lines }, |dialect, reply| {
            assert_eq!((reply.status(), cookies(&reply)), (200, 0), "{dialect}: {reply:?}");
            assert_eq!(reply.header("x-authentik-username"), Some("alice"));
            assert_eq!(reply.header("x-authentik-groups"), Some("admins|staff"));
            assert_eq!(reply.header("x-authentik-uid"), Some("alice-id"));
            for name in ["x-authentik-email", "x-authentik-name", "x-authentik-jwt", "x-authentik-entitlements"] {
                assert_eq!(reply.header(name), Some(""), "{dialect}: empty, or the client's own would pass: {name}");
            }
            assert!(IDENTITY.iter().all(|name| reply.header(name).is_some()), "{reply:?}");
            assert!(!reply.text.contains("eve"), "{reply:?}");
            assert_eq!(reply.header("cookie"), Some("a=1; b=2"), "ours is cut");
            assert!(!reply.text.contains(SESSION_COOKIE), "nor is there a second line with it: {reply:?}");
            assert_eq!(reply.header("authorization"), Some("Token abc"), "not ours, so it stays");
            assert!(reply.text.ends_with("\r\n\r\n"), "no body");
        })
        .await;
    }
    app.stop().await;
}

/// nginx and Caddy cannot remove names that their files do not list, so such a request is refused.
#[tokio::test]
async fn h9_a_name_of_ours_that_no_file_lists_is_refused_where_the_front_proxy_would_pass_it_on() {
    let app = TestApp::start(Setup { signed_in: true, ..all() }).await;
    for line in
        ["X-authentik-anything: eve", "X~authentik~email: eve", "X-Gatepost-Cluster: eve", "x|authentik!uid: eve"]
    {
        let lines = format!("{PAGE}Cookie: {SESSION_COOKIE}\r\n{line}\r\n");
        for target in ["/x", "/public/x"] {
            in_every_dialect(&app, Original { method: "GET", target, lines: &lines }, |dialect, reply| {
                let status = match dialect {
                    Dialect::Nginx => 403,
                    Dialect::Caddy => 400,
                    Dialect::Traefik | Dialect::Envoy => 200,
                };
                assert_eq!(reply.status(), status, "{dialect}: {line}: {reply:?}");
                assert!(!reply.text.contains("eve"), "{dialect}: {line}: {reply:?}");
            })
            .await;
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn h9_on_a_public_path_every_identity_header_is_empty() {
    let app = TestApp::start(all()).await;
    let lines =
        format!("{PAGE}X-authentik-username: eve\r\nX-authentik-groups: admins\r\nCookie: {SESSION_COOKIE}\r\n");
    in_every_dialect(&app, Original { lines: &lines, ..page("/public/a") }, |dialect, reply| {
        assert_eq!(reply.status(), 200, "{dialect}: {reply:?}");
        for name in IDENTITY.iter().chain(&["cookie", "authorization"]) {
            assert_eq!(reply.header(name), Some(""), "{dialect}: {name}");
        }
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn a_13_own_endpoints_are_never_allowed_and_no_code_is_lost_in_nginx() {
    let app = TestApp::start(Setup { signed_in: true, ..all() }).await;
    let lines = format!("{PAGE}Cookie: {SESSION_COOKIE}\r\nSec-Fetch-Site: none\r\n");
    for target in [
        "/outpost.goauthentik.io/ping",
        "/outpost.goauthentik.io/x",
        "/outpost.goauthentik.io/start",
        "/outpost.goauthentik.io/sign_out",
        "/outpost.goauthentik.io/callback?code=c&state=s",
        "/outpost.goauthentik.io/auth/nginx",
        "/x?X-authentik-auth-callback=true&code=c&state=s",
        "/x?X-authentik-logout=true",
    ] {
        in_every_dialect(&app, Original { lines: &lines, ..page(target) }, |dialect, reply| {
            assert!(reply.status() >= 300, "{dialect} {target}: {reply:?}");
            if dialect == Dialect::Nginx {
                assert_eq!((reply.status(), cookies(&reply)), (401, 0), "{target}: {reply:?}");
            }
        })
        .await;
    }
    app.stop().await;
}

#[tokio::test]
async fn a_12_a_39_what_a_client_adds_moves_no_address() {
    let app = TestApp::start(all()).await;
    for line in [
        "X-Original-URI: /public/a",
        "X-Original-URL: https://wiki.example.com/public/a",
        "X-Forwarded-Uri: /public/a",
        "X-Forwarded-Host: other.example.com",
        "X_Forwarded_Uri: /public/a",
        "X_Original_URL: https://wiki.example.com/public/a",
        "X.Forwarded.Proto: http",
        "X-Rewrite-Url: /public/a",
        "X-Forwarded-Prefix: /public",
        "X-Forwarded-Path: /public/a",
        "X-HTTP-Method-Override: OPTIONS",
        "Forwarded: for=10.0.0.1;host=wiki.example.com;proto=https",
    ] {
        let lines = format!("{PAGE}{line}\r\n");
        in_every_dialect(&app, Original { lines: &lines, ..page("/x") }, |dialect, reply| {
            assert!(matches!(reply.status(), 302 | 400 | 401 | 403), "{dialect} {line}: {reply:?}");
        })
        .await;
    }
    for target in ["/public/%zz", "/public/%2e%2e/x", "/public/..%2fx", "", "x", "*"] {
        in_every_dialect(&app, page(target), |dialect, reply| {
            let root = target.is_empty() && dialect == Dialect::Envoy;
            assert!(reply.status() >= 300 && (root || reply.status() != 302), "{dialect} {target:.20}: {reply:?}");
        })
        .await;
    }
    // Targets that cannot be decoded, and long ones, still require a sign-in.
    for target in ["/%zz", &format!("/{}", "x".repeat(9000))] {
        in_every_dialect(&app, page(target), |dialect, reply| {
            let status = if dialect == Dialect::Nginx { 401 } else { 302 };
            assert_eq!(reply.status(), status, "{dialect} {target:.20}: {reply:?}");
        })
        .await;
    }
    app.stop().await;
}

/// The front proxy may choose its backend by something else than the address of the request.
#[tokio::test]
async fn a_request_is_denied_when_its_address_belongs_to_another_application_than_the_named_one() {
    let app = TestApp::start(Setup { signed_in: true, ..all() }).await;
    let lines = format!("{PAGE}Cookie: {SESSION_COOKIE}\r\n");
    for dialect in [Dialect::Nginx, Dialect::Traefik, Dialect::Caddy] {
        for (name, target, expected) in [
            ("", "/x", 200),
            ("/wiki", "/x", 200),
            ("/wiki", "/public/x?y=1", 200),
            ("/board", "/x", 403),
            ("/board", "/public/x?y=1", 403),
            ("/Wiki", "/x", 403),
            ("/wiki/", "/x", 404),
            ("/wiki/x", "/x", 404),
            ("/%77iki", "/x", 403),
        ] {
            let question = question(dialect, Original { method: "GET", target, lines: &lines });
            let endpoint = format!("/auth/{dialect}");
            let reply = app.http(&question.replacen(&endpoint, &format!("{endpoint}{name}"), 1)).await;
            assert_eq!(reply.status(), expected, "{dialect}{name} {target}: {reply:?}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_14_nobody_else_is_believed() {
    let app = TestApp::start(Setup { signed_in: true, ..all() }).await;
    let lines = format!("{PAGE}Cookie: {SESSION_COOKIE}\r\n");
    for (dialect, _) in Dialect::ALL {
        for target in ["/x", "/public/a"] {
            let asked = question(dialect, Original { lines: &lines, ..page(target) });
            assert_eq!(app.http(&asked).await.status(), 200, "{dialect}: the front proxy");
            let reply = app.http_from([127, 0, 0, 2], &asked).await;
            assert_eq!(reply.status(), 403, "{dialect}: {reply:?}");
            assert!(!reply.text.contains("alice"), "{reply:?}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn an_application_in_mode_proxy_is_envoys_alone() {
    let own = Backend::parse("http://wiki.internal", true).expect("is a backend").0;
    let allow = BackendAllow::parse(&[]).expect("is a list");
    let mode = Mode::Proxy(Backends::new(own, allow));
    let app = TestApp::start(Setup { signed_in: true, mode, ..all() }).await;
    let lines = format!("{PAGE}Cookie: {SESSION_COOKIE}\r\n");
    for target in ["/x", "/public/a", "/outpost.goauthentik.io/start"] {
        in_every_dialect(&app, Original { lines: &lines, ..page(target) }, |dialect, reply| {
            assert_eq!(reply.status(), 403, "{dialect} {target}: {reply:?}");
        })
        .await;
    }
    app.stop().await;
}

#[tokio::test]
async fn questions_are_answered_over_tls_as_well() {
    let certified = rcgen::generate_simple_self_signed(vec!["wiki.example.com".to_owned()]).expect("is made");
    let (chain, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    let tls = TlsIdentity::from_pem(chain.as_bytes(), key.as_bytes()).expect("fit");
    let app = TestApp::start(Setup { tls: Some(tls), ..all() }).await;
    for (target, expected) in [("/x", 302), ("/public/a", 200)] {
        let reply = app.https(&certified.cert, &question(Dialect::Traefik, page(target))).await;
        assert_eq!(reply.status(), expected, "{target}: {reply:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn without_the_setting_there_are_no_such_endpoints() {
    let mut nginx_only = all();
    if let Some(settings) = &mut nginx_only.forward_auth {
        settings.dialects = vec![Dialect::Nginx];
    }
    for (setup, spoken) in [(Setup::default(), None), (nginx_only, Some(Dialect::Nginx))] {
        let app = TestApp::start(Setup { signed_in: true, ..setup }).await;
        for (dialect, _) in Dialect::ALL {
            let reply = app.http(&question(dialect, page("/public/a"))).await;
            let expected = if spoken == Some(dialect) { 200 } else { 404 };
            assert_eq!(reply.status(), expected, "{dialect}: {reply:?}");
        }
        for below in ["auth", "auth/", "auth/nginx/x/y", "auth/haproxy", "auth?caddy"] {
            let request = format!(
                "GET /outpost.goauthentik.io/{below} HTTP/1.1\r\nHost: wiki.example.com\r\nConnection: close\r\n\r\n"
            );
            assert_eq!(app.http(&request).await.status(), 404, "{below}");
        }
        app.stop().await;
    }
}

#[tokio::test]
async fn the_older_prefix_and_the_bare_path_are_the_same_endpoints() {
    let app = TestApp::start(Setup { legacy_prefix: true, ..all() }).await;
    for (path, dialect) in [
        ("/outpost.goauthentik.io/auth?nginx", Dialect::Nginx),
        ("/outpost.goauthentik.io/auth?traefik", Dialect::Traefik),
        ("/akprox/auth?nginx", Dialect::Nginx),
        ("/akprox/auth/nginx", Dialect::Nginx),
        ("/akprox/auth?traefik", Dialect::Traefik),
        ("/akprox/auth/traefik", Dialect::Traefik),
    ] {
        let asked = question(dialect, page("/public/a"));
        let asked = asked.replace(&format!("/outpost.goauthentik.io/auth/{dialect}"), path);
        assert_eq!(app.http(&asked).await.status(), 200, "{path}");
    }
    let start = format!("GET /akprox/start HTTP/1.1\r\nHost: wiki.example.com\r\n{PAGE}Connection: close\r\n\r\n");
    assert_eq!(app.http(&start).await.status(), 302);
    app.stop().await;
}

#[tokio::test]
async fn traefiks_questions_header_by_header() {
    let app = TestApp::start(Setup { signed_in: true, ..all() }).await;
    let lines = format!(
        "{PAGE}Accept-Language: en\r\nCookie: {SESSION_COOKIE}\r\nReferer: https://wiki.example.com/\r\n\
         Sec-Fetch-Site: same-origin\r\nSec-Fetch-User: ?1\r\nUpgrade-Insecure-Requests: 1\r\n"
    );
    let request = Original { lines: &lines, ..page("/x?a=1") };
    assert_eq!(app.http(&traefik(request, "")).await.status(), 200);
    // With `forwardBody`, and with the certificate that `passTLSClientCert` adds.
    let body = traefik(request, "Content-Length: 3\r\nX-Forwarded-Tls-Client-Cert: MIIB\r\n") + "a=1";
    assert_eq!(app.http(&body).await.status(), 200);
    for name in ["X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"] {
        let whole = traefik(request, "");
        let line = whole.lines().find(|line| line.starts_with(name)).expect("is sent");
        let without = whole.replace(&format!("{line}\r\n"), "");
        assert_eq!(app.http(&without).await.status(), 400, "A-16: without {name}");
        assert_eq!(app.http(&traefik(request, &format!("{line}\r\n"))).await.status(), 400, "two of {name}");
    }
    app.stop().await;
}

#[tokio::test]
async fn decisions_are_counted_under_their_own_protocol() {
    let app = TestApp::start(all()).await;
    app.http(&question(Dialect::Traefik, page("/public/a"))).await;
    app.http_from([127, 0, 0, 2], &question(Dialect::Traefik, page("/public/a"))).await;
    app.http(&question(Dialect::Caddy, page("x"))).await;
    for (protocol, decision, reason) in [("traefik", "deny", "untrusted_peer"), ("caddy", "deny", "malformed")] {
        let line = format!(
            "gatepost_decisions_total{{protocol=\"{protocol}\",application=\"\",decision=\"{decision}\",reason=\"{reason}\"}}"
        );
        assert!(app.metric(&line).await.is_some_and(|count| count >= 1.0), "{line}");
    }
    app.stop().await;
}
