//! PR-2: whatever headers or query a client adds, credentials apart, a denial never becomes an allow.

use super::rules::{signed_in_as, test_outpost};
use super::test_outpost::Browser;
use crate::domain::decision::{Decision, Reason, Verdict};
use crate::domain::http::{CookieForm, HeaderLines, RequestHead, RequestTarget};
use proptest::prelude::*;

type Lines = Vec<(String, String)>;

/// Headers with which clients deceived other gateways, and arbitrary ones.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "accept",
        "access-control-request-headers",
        "access-control-request-method",
        "connection",
        "content-type",
        "cookie",
        "forwarded",
        "host",
        "origin",
        "referer",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "te",
        "upgrade",
        "x-authentik-groups",
        "x-authentik-username",
        "x-envoy-original-path",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-method",
        "x-forwarded-proto",
        "x-forwarded-uri",
        "x-forwarded-user",
        "x-http-method-override",
        "x-method-override",
        "x-original-method",
        "x-original-uri",
        "x-original-url",
        "x-real-ip",
        "x-requested-with",
        "x-rewrite-url",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => "[a-zA-Z][a-zA-Z0-9_.-]{0,20}"]
}

fn value() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "",
        "/",
        "/public/a",
        "/shared/x",
        "GET",
        "PUT",
        "OPTIONS",
        "https",
        "http",
        "127.0.0.1",
        "alice",
        "admins",
        "wiki.example.com",
        "board.example.com",
        "navigate",
        "document",
        "cors",
        "same-origin",
        "text/html",
        "websocket",
        "application/grpc",
        "https://wiki.example.com/public/a",
        "__Host-gatepost-session-wiki=AAAA",
        "null",
    ]);
    prop_oneof![
        3 => known.prop_map(str::to_owned),
        1 => "__Host-gatepost-(session-wiki|binding)=[A-Za-z0-9_-]{43}",
        1 => "\\PC{0,16}",
    ]
}

fn lines(up_to: usize) -> impl Strategy<Value = Lines> {
    prop::collection::vec((name(), value()), 0..up_to)
}

fn path() -> impl Strategy<Value = String> {
    let piece =
        prop::sample::select(vec!["/x", "/admin", "/ADMIN", "/shared", "/public", "/", ";a", "%2f", "%61", "."]);
    prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// A query that matches none of Gatepost's own endpoints.
fn query() -> impl Strategy<Value = String> {
    "(\\?[a-z=&/%.0-9]{0,20}(next=/public/|method=GET)?)?"
}

/// The browser's request with its cookies first, since added headers do not remove them.
fn head(browser: &Browser, host: &str, method: &str, target: &RequestTarget, lines: &Lines) -> RequestHead {
    let mut head = browser.head(&format!("https://{host}/"), &[]);
    let own = head.headers.all("cookie").map(|value| ("cookie".to_owned(), value.to_vec())).collect::<Vec<_>>();
    let lines = lines.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes()));
    head.headers = HeaderLines::new(own.into_iter().chain(lines).collect::<Vec<_>>(), CookieForm::Lines);
    head.target = target.clone();
    method.clone_into(&mut head.method);
    head
}

fn passes(decision: &Decision) -> bool {
    matches!(decision.verdict, Verdict::Allow(_))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn pr_2_more_headers_never_allow_a_denied_request(
        user in prop::option::of(prop::sample::select(vec!["alice", "bob", "eve"])),
        host in prop::sample::select(vec!["wiki.example.com", "board.example.com", "a.corp.example.com"]),
        method in prop::sample::select(vec!["GET", "PUT", "HEAD", "OPTIONS", "get"]),
        (path, query, more_query) in (path(), query(), "[a-z=&/.0-9]{0,12}"),
        sent in lines(3),
        added in lines(6),
    ) {
        let Ok(target) = RequestTarget::parse(format!("{path}{query}")) else { return Ok(()) };
        let longer = format!("{path}{query}{}{more_query}", if query.is_empty() { "?" } else { "&" });
        let Ok(longer) = RequestTarget::parse(longer) else { return Ok(()) };
        let test_outpost = test_outpost();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (before, after, sessions) = runtime.block_on(async {
            let browser = match user {
                Some(name) => signed_in_as(&test_outpost, name, "https://wiki.example.com/shared").await,
                None => Browser::default(),
            };
            let sessions = test_outpost.sessions();
            let before = test_outpost.ask(&head(&browser, host, method, &target, &sent)).await;
            let all: Lines = sent.iter().chain(&added).cloned().collect();
            (before, test_outpost.ask(&head(&browser, host, method, &longer, &all)).await, sessions)
        });
        // A header identifies what the operator allows without a sign-in (a preflight), and the request carries no
        // user.
        let is_preflight = method == "OPTIONS" && after.audit.reason == Reason::Preflight && after.audit.user.is_none();
        prop_assert!(passes(&before) || !passes(&after) || is_preflight, "{:?}\nbecame {:?}", before, after);
        prop_assert!(after.audit.user.is_none() || after.audit.user == before.audit.user);
        prop_assert_eq!(test_outpost.sessions(), sessions, "nothing is stored");
    }
}
