//! Access rules for signed-in users: alice is an admin; bob is only staff, and sees a page that says so.

use http::{Method, StatusCode};
use serde_json::json;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use url::Url;

use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

/// Admins are allowed everywhere, staff may read, `/admin` is for admins with a verified address, `/shared` for every user.
const RULES: &str = "    allow:
      - groups: [admins]
      - groups: [staff]
        methods: [GET]
        paths: [/, /reports]
      - paths: [/admin]
        groups: [admins]
        email_domains: [example.test]
      - paths: [/shared]
        anyone: true
";

async fn site(scenario: Scenario, mode: Mode) -> Site {
    let mut plan = Plan::new(scenario, mode);
    plan.settings.for_entries = RULES;
    plan.start().await
}

async fn signed_in(site: &Site, user: &str, protocol: Protocol) -> Browser {
    let browser = Browser::new(protocol);
    let page = browser.sign_in(&site.wiki("/shared"), user).await;
    assert_eq!(page.seen().header("x-authentik-username"), Some(user));
    browser
}

fn assert_forbidden(page: &Page) {
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{page:#?}");
    assert!(page.header("location").is_none() && page.sets_cookies().is_empty(), "{page:#?}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
}

async fn each_user_gets_what_the_rules_say(scenario: Scenario, mode: Mode) {
    let site = site(scenario, mode).await;
    for protocol in Protocol::BOTH {
        let alice = signed_in(&site, "alice", protocol).await;
        let bob = signed_in(&site, "bob", protocol).await;
        for (method, path, bob_may) in [
            (Method::GET, "/", true),
            (Method::GET, "/group%2Fproject", true),
            (Method::POST, "/", false),
            (Method::GET, "/reports/1", true),
            (Method::GET, "/admin", false),
            (Method::GET, "/admin/users?x=/shared", false),
            (Method::GET, "/administrator", true),
            (Method::PUT, "/shared/list", true),
        ] {
            let ask = || Ask::script(method.clone(), &site.wiki(path));
            assert_eq!(alice.ask(ask()).await.seen().header("x-authentik-username"), Some("alice"), "{method} {path}");
            let page = bob.ask(ask()).await;
            if bob_may {
                assert_eq!(page.seen().header("x-authentik-username"), Some("bob"), "{method} {path}");
            } else {
                assert_forbidden(&page);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_gets_what_the_rules_say_inside_the_check() {
    each_user_gets_what_the_rules_say(Scenario::InsideTheCheck, Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_gets_what_the_rules_say_in_domain_mode() {
    each_user_gets_what_the_rules_say(Scenario::SideListener, Mode::Domain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_pass_is_named_and_can_sign_out_there() {
    for (scenario, mode) in [(Scenario::InsideTheCheck, Mode::Single), (Scenario::SideListener, Mode::Domain)] {
        let site = site(scenario, mode).await;
        let browser = signed_in(&site, "bob", Protocol::Http1).await;
        let page = browser.open(&site.wiki("/admin")).await;
        assert_forbidden(&page);
        assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{page:#?}");
        assert!(page.body.contains("signed in as bob"), "{page:#?}");

        let link = page.body.split_once("<a href=\"").and_then(|(_, rest)| rest.split_once('"'));
        let (link, _) = link.unwrap_or_else(|| panic!("no link: {page:#?}"));
        let same = if mode == Mode::Single { "same-origin" } else { "same-site" };
        let click = Ask::navigation(link).header("sec-fetch-site", same).header("sec-fetch-user", "?1");
        let left = browser.ask(click).await;
        let question = browser.follow(left).await;
        browser.confirm_sign_out(&question).await;
        assert_eq!(browser.open(&site.wiki("/shared")).await.status, StatusCode::FOUND, "nobody is signed in");
        let page = browser.sign_in(&site.wiki("/admin"), "alice").await;
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    }
}

/// A sign-in by a user without access ends at the page that says so, not in a redirect loop.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_leads_to_a_forbidden_page_ends_there() {
    let site = site(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = Browser::new(Protocol::Http2);
    assert_forbidden(&browser.sign_in(&site.wiki("/admin"), "bob").await);
    assert!(site.application.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_json_and_grpc_clients_a_status() {
    let site = site(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = signed_in(&site, "bob", Protocol::Http2).await;
    let page = browser.ask(Ask::script(Method::POST, &site.wiki("/api"))).await;
    assert_forbidden(&page);
    let answer = page.json();
    assert_eq!((answer.text("error"), answer.text("user")), (Some("forbidden"), Some("bob")));
    assert!(answer.text("sign_out").is_some_and(|address| address.ends_with("/outpost.goauthentik.io/sign_out")));

    let envoy = format!("http://127.0.0.1:{}", site.front());
    let origin = site.wiki("").parse().expect("an origin");
    let endpoint = tonic::transport::Endpoint::from_shared(envoy).expect("an address").origin(origin);
    let mut client = HealthClient::new(endpoint.connect().await.expect("a connection"));
    let mut request = tonic::Request::new(HealthCheckRequest::default());
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");
    request.metadata_mut().insert("cookie", cookies.parse().expect("visible characters"));
    let refused = client.check(request).await.expect_err("bob may not post");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    assert!(refused.message().contains("bob") && refused.message().lines().count() == 1, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_path_gets_around_its_rule() {
    let site = site(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = signed_in(&site, "bob", Protocol::Http1).await;
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");
    let before = site.application.seen().len();
    for path in [
        "/admin",
        "/ADMIN/x",
        "//admin",
        "/admin//x",
        "/%61dmin",
        "/admin;x",
        "/;/admin",
        "/admin%20",
        "/admin.",
        "/admin%23x",
        "/admin%3fx",
        "/admin%2Fx",
        "/x%2f..%2fadmin",
        "/x/../admin",
        "/x/%2e%2e/admin",
        "/%2561dmin",
        "/%5cadmin",
        "/x/..;/admin",
        "/shared/../admin",
        "/shared%2f..%2fadmin",
        "/shared/..%5cadmin",
    ] {
        let headers = [("Cookie", cookies.as_str()), ("X-Original-URL", "/shared"), ("X-Forwarded-Uri", "/shared")];
        let answer = raw::get_with(site.front(), &site.host("wiki"), path, &headers).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["400", "403"].contains(&status), "{path}: {answer}");
    }
    assert_eq!(site.application.seen().len(), before, "nothing reached the application");
}

/// Rules use the claims of the session, and the next sign-in brings new ones.
#[tokio::test(flavor = "multi_thread")]
async fn changed_claims_count_from_the_next_sign_in_on() {
    let mut site = site(Scenario::InsideTheCheck, Mode::Single).await;
    let bob = signed_in(&site, "bob", Protocol::Http1).await;
    assert_forbidden(&bob.open(&site.wiki("/admin")).await);

    site.stop_provider();
    site.plan.provider.claims = json!({ "bob": { "groups": ["staff", "admins"] } });
    site.start_provider();
    assert_forbidden(&bob.open(&site.wiki("/admin")).await);
    let anew = signed_in(&site, "bob", Protocol::Http1).await;
    assert_eq!(anew.open(&site.wiki("/admin")).await.seen().header("x-authentik-groups"), Some("staff|admins"));
    assert_forbidden(&bob.open(&site.wiki("/admin")).await);

    // The address has to be verified, as a boolean or its text.
    for unverified in [json!(false), json!("false")] {
        site.stop_provider();
        site.plan.provider.claims = json!({ "alice": { "email_verified": unverified } });
        site.start_provider();
        let alice = signed_in(&site, "alice", Protocol::Http1).await;
        assert_forbidden(&alice.open(&site.wiki("/admin")).await);
        assert_eq!(alice.open(&site.wiki("/other")).await.status, StatusCode::OK);
    }
}
