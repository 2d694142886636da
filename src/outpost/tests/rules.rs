//! Access rules: a signed-in user who is denied gets a page that says so, and is never redirected in a loop.

use super::test_outpost::{Browser, PAGE, TestOutpost, allowed, denied, outpost_with};
use crate::domain::decision::{Reason, Verdict};
use crate::domain::http::Networks;
use crate::domain::oidc::claims::ClaimPath;
use crate::domain::policy::{
    AccessRules, ClaimCondition, Conditions, Method, PathPrefix, Principals, PublicPaths, Rule,
};
use crate::testing;

const WIKI: &str = "https://wiki.example.com/x";
const SIGN_OUT: &str = "https://wiki.example.com/outpost.goauthentik.io/sign_out";

/// A condition for users of these names.
pub(super) fn named(names: &[&str]) -> Principals {
    let claim = ClaimCondition {
        path: ClaimPath::parse("preferred_username").unwrap(),
        values: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    Principals::matching(Conditions { claims: vec![claim], ..Conditions::default() }).unwrap()
}

pub(super) fn rule(paths: &[&str], methods: &[&str], principals: Principals) -> Rule {
    Rule {
        paths: paths.iter().map(|path| PathPrefix::parse(path).unwrap()).collect(),
        methods: methods.iter().map(|method| Method::parse(method).unwrap()).collect(),
        ..testing::rule(principals)
    }
}

/// Alice may do everything, bob may read, and both may read the shared paths; `/public/` needs no sign-in.
pub(super) fn test_outpost() -> TestOutpost {
    outpost_with(|application| {
        application.rules = AccessRules::new(vec![
            rule(&[], &[], named(&["alice"])),
            rule(&[], &["GET"], named(&["bob"])),
            rule(&["/admin"], &[], named(&["alice"])),
            rule(&["/shared"], &["GET"], Principals::Any),
        ])
        .unwrap();
        application.public_paths = PublicPaths::compile(&["/public/".to_owned()]).unwrap();
        application.pass_preflight = true;
    })
}

pub(super) async fn signed_in_as(test_outpost: &TestOutpost, name: &str, url: &str) -> Browser {
    name.clone_into(&mut test_outpost.provider.user.lock().unwrap());
    let mut browser = Browser::default();
    browser.sign_in(test_outpost, url).await;
    browser
}

async fn reason(test_outpost: &TestOutpost, browser: &Browser, method: &str, url: &str) -> (Reason, Option<String>) {
    let mut head = browser.head(url, &[PAGE]);
    method.clone_into(&mut head.method);
    let audit = test_outpost.ask(&head).await.audit;
    (audit.reason, audit.user)
}

#[tokio::test]
async fn the_rules_decide_for_each_user_path_and_method() {
    let test_outpost = test_outpost();
    for (name, method, path, expected) in [
        ("alice", "GET", "/", Reason::SignedIn),
        ("alice", "PUT", "/", Reason::SignedIn),
        ("alice", "GET", "/admin/x", Reason::SignedIn),
        ("alice", "GET", "/shared", Reason::SignedIn),
        ("alice", "PUT", "/shared", Reason::Forbidden),
        ("bob", "GET", "/", Reason::SignedIn),
        ("bob", "POST", "/", Reason::Forbidden),
        ("bob", "HEAD", "/", Reason::Forbidden),
        ("bob", "GET", "/admin", Reason::Forbidden),
        ("bob", "GET", "/ADMIN/x", Reason::Forbidden),
        ("bob", "GET", "/a%2Fb", Reason::SignedIn),
        ("eve", "GET", "/", Reason::Forbidden),
        ("eve", "GET", "/shared/x", Reason::SignedIn),
    ] {
        let browser = signed_in_as(&test_outpost, name, WIKI).await;
        let url = format!("https://wiki.example.com{path}");
        let expected = (expected, Some(name.to_owned()));
        assert_eq!(reason(&test_outpost, &browser, method, &url).await, expected, "{name} {method} {path}");
    }
}

#[tokio::test]
async fn who_may_not_pass_is_named_and_offered_to_sign_out() {
    let test_outpost = test_outpost();
    let browser = signed_in_as(&test_outpost, "eve", WIKI).await;
    for (headers, content_type, body) in [
        (vec![PAGE], "text/html; charset=utf-8", format!("<a href=\"{SIGN_OUT}\">Sign out</a>")),
        (vec![("accept", "application/json")], "application/json", format!("\"sign_out\":\"{SIGN_OUT}\"")),
        (vec![("upgrade", "websocket")], "application/json", "\"error\":\"forbidden\"".to_owned()),
        (vec![("content-type", "application/grpc")], "text/plain; charset=utf-8", "signed in as eve".to_owned()),
    ] {
        let decision = test_outpost.ask(&browser.head(WIKI, &headers)).await;
        let page = denied(&decision);
        assert_eq!((page.status.as_u16(), page.content_type), (403, content_type));
        assert!(page.body.contains(&body) && page.body.contains("eve"), "{}", page.body);
        assert!(page.cookies.is_empty() && page.headers.iter().all(|(name, _)| name != "location"), "{page:?}");
        assert_eq!((decision.audit.reason, decision.audit.user.as_deref()), (Reason::Forbidden, Some("eve")));
    }
}

#[tokio::test]
async fn who_signs_out_there_comes_back_as_somebody_else() {
    let test_outpost = test_outpost();
    let mut browser = signed_in_as(&test_outpost, "eve", WIKI).await;
    let click = browser.head(SIGN_OUT, &[PAGE, ("sec-fetch-site", "same-origin")]);
    assert_eq!(browser.send(&test_outpost, &click).await.audit.reason, Reason::SignedOut);
    assert_eq!(test_outpost.sessions(), 0);
    "alice".clone_into(&mut test_outpost.provider.user.lock().unwrap());
    assert_eq!(browser.sign_in(&test_outpost, WIKI).await, WIKI);
    assert_eq!(allowed(&browser.open(&test_outpost, WIKI).await), Some("alice".into()));
}

/// Such a request carries no identity: the application does not learn the user.
#[tokio::test]
async fn what_is_public_stays_open_to_the_forbidden() {
    let test_outpost = test_outpost();
    let mut browser = signed_in_as(&test_outpost, "eve", WIKI).await;
    let decision = browser.open(&test_outpost, "https://wiki.example.com/public/a").await;
    assert_eq!((allowed(&decision), decision.audit.reason), (Some(String::new()), Reason::PublicPath));
    assert_eq!(decision.audit.user, None);
    let Verdict::Allow(allow) = &decision.verdict else { panic!("is let through") };
    assert!(allow.remove().any(|name| name == "cookie"), "h10: our cookie leaves even then: {allow:?}");

    let mut preflight = browser.head(WIKI, &[("access-control-request-method", "PUT")]);
    preflight.method = "OPTIONS".into();
    let decision = test_outpost.ask(&preflight).await;
    assert_eq!((allowed(&decision), decision.audit.reason), (Some(String::new()), Reason::Preflight));
}

#[tokio::test]
async fn in_domain_mode_the_rules_are_for_every_host() {
    let test_outpost = test_outpost();
    let browser = signed_in_as(&test_outpost, "bob", "https://a.corp.example.com/").await;
    for host in ["a", "b.c", "auth"] {
        let at = |path: &str| format!("https://{host}.corp.example.com{path}");
        assert_eq!(reason(&test_outpost, &browser, "GET", &at("/x")).await.0, Reason::SignedIn, "{host}");
        let mut eve = signed_in_as(&test_outpost, "eve", &at("/")).await;
        let decision = eve.open(&test_outpost, &at("/admin")).await;
        let sign_out = "https://auth.corp.example.com/outpost.goauthentik.io/sign_out";
        assert!(denied(&decision).body.contains(sign_out), "{decision:?}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_say_is_no_reason_to_forbid() {
    let test_outpost = test_outpost();
    let mut browser = signed_in_as(&test_outpost, "eve", WIKI).await;
    test_outpost.fail_store_at(1);
    let decision = browser.open(&test_outpost, WIKI).await;
    assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (503, Reason::StoreUnavailable));
}

fn networks(list: &[&str]) -> Networks {
    Networks::new(list.iter().map(|text| text.parse().unwrap()).collect())
}

/// One session: what is prepared for it depends on no address.
#[tokio::test]
async fn h5_the_address_decides_at_every_request() {
    let test_outpost = outpost_with(|application| {
        let inside = Rule { networks: networks(&["10.0.0.0/8"]), ..rule(&[], &[], Principals::Any) };
        application.rules = AccessRules::new(vec![inside]).unwrap();
    });
    let browser = signed_in_as(&test_outpost, "alice", WIKI).await;
    for (client, expected) in [
        (Some("10.1.2.3"), Reason::SignedIn),
        (Some("203.0.113.9"), Reason::Forbidden),
        (Some("::ffff:10.1.2.3"), Reason::SignedIn),
        (None, Reason::Forbidden),
        (Some("10.1.2.3"), Reason::SignedIn),
    ] {
        let mut head = browser.head(WIKI, &[PAGE, ("x-forwarded-for", "10.1.2.3")]);
        head.client = client.map(|text| text.parse().unwrap());
        let decision = test_outpost.ask(&head).await;
        assert_eq!(decision.audit.reason, expected, "{client:?}");
    }
}

#[tokio::test]
async fn h5_clients_of_some_networks_need_no_sign_in() {
    let test_outpost = outpost_with(|application| {
        application.skip_networks = networks(&["10.0.0.0/8", "fd00::/8"]);
        application.rules = AccessRules::new(vec![rule(&["/admin"], &[], named(&["alice"]))]).unwrap();
    });
    let eve = signed_in_as(&test_outpost, "eve", WIKI).await;
    let alice = signed_in_as(&test_outpost, "alice", WIKI).await;
    let admin = "https://wiki.example.com/admin";
    for (browser, url, client, reason, user) in [
        (&Browser::default(), admin, Some("10.1.2.3"), Reason::PublicNetwork, Some("")),
        (&Browser::default(), WIKI, Some("fd00::1"), Reason::PublicNetwork, Some("")),
        (&Browser::default(), WIKI, Some("203.0.113.9"), Reason::SignInStarted, None),
        (&Browser::default(), WIKI, None, Reason::SignInStarted, None),
        (&alice, admin, Some("10.1.2.3"), Reason::SignedIn, Some("alice")),
        (&eve, admin, Some("10.1.2.3"), Reason::PublicNetwork, Some("")),
        (&eve, admin, Some("203.0.113.9"), Reason::Forbidden, None),
        (&alice, "https://wiki.example.com/caf%E9", Some("10.1.2.3"), Reason::Malformed, None),
    ] {
        let mut head = browser.head(url, &[PAGE, ("x-forwarded-for", "10.1.2.3")]);
        head.client = client.map(|text| text.parse().unwrap());
        let decision = test_outpost.ask(&head).await;
        assert_eq!((decision.audit.reason, allowed(&decision).as_deref()), (reason, user), "{url} {client:?}");
    }
}
