//! The operator's choices for identity headers, as the application receives them: sets, headers from any claim, additional
//! ones, HTTP Basic, and users whose headers exceed the limits.

use http::StatusCode;
use serde_json::json;
use url::Url;

use crate::support::application::Seen;
use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::{Guards, Scenario};
use crate::support::gatepost::LogLine;
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

/// Without the blocks of the shipped file that protect against spoofing.
fn plan(lines: &'static str) -> Plan {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.guards = Guards::Removed;
    plan.settings.for_entries = lines;
    plan
}

async fn signed_in(site: &Site, user: &str) -> String {
    let browser = Browser::new(Protocol::Http1);
    browser.sign_in(&site.wiki("/"), user).await;
    browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session")
}

/// The request that reaches the application when these headers are sent.
async fn seen(site: &Site, path: &str, session: Option<&str>, headers: &[(&str, &str)]) -> Seen {
    let cookie = session.map(|session| ("Cookie", session));
    let headers: Vec<_> = headers.iter().copied().chain(cookie).collect();
    let answer = raw::get_with(site.front(), &site.host("wiki"), path, &headers).await;
    Seen::from_body(raw::body(&answer)).unwrap_or_else(|| panic!("not the application's answer:\n{answer}"))
}

/// Every header that the application could take for one of `names`.
fn like<'a>(seen: &'a Seen, names: &[&str]) -> Vec<(&'a str, &'a str)> {
    let folded = |name: &str| name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let found = seen.headers.iter().filter(|(name, _)| names.contains(&folded(name).as_str()));
    let mut found: Vec<_> = found.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    found.sort_unstable();
    found
}

/// The names in the spellings that some backend takes for them.
fn spellings(names: &[&str]) -> Vec<String> {
    let of =
        |name: &&str| [name.to_uppercase(), name.replace('-', "_"), name.replace('-', "."), name.replacen('-', "_", 1)];
    names.iter().flat_map(of).collect()
}

/// The same request without a sign-in on a public path, and by a user, with every spelling of `names`.
async fn spoofed(site: &Site, session: &str, names: &[&str]) -> [Seen; 2] {
    let spellings = spellings(names);
    let lines: Vec<_> = spellings.iter().map(|name| (name.as_str(), "eve")).collect();
    [seen(site, "/public/page", None, &lines).await, seen(site, "/private", Some(session), &lines).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_legacy_set_says_it_in_its_own_names() {
    let site = plan("    headers: legacy\n").start().await;
    let session = signed_in(&site, "alice").await;
    let legacy = [
        ("x-auth-groups", "admins|staff"),
        ("x-auth-username", "alice"),
        ("x-forwarded-email", "alice@example.test"),
        ("x-forwarded-preferred-username", "alice"),
        ("x-forwarded-user", "alice"),
    ];
    let names = legacy.map(|(name, _)| name);
    let all = [&names[..], &["x-authentik-username", "x-authentik-groups"]].concat();
    let [public, private] = spoofed(&site, &session, &all).await;
    assert_eq!(like(&public, &all), [], "nobody is signed in");
    assert_eq!(like(&private, &all), legacy);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_the_operators_own_say_what_any_claim_says() {
    let lines = "    claim_headers:
      - { header: X-Team, claim: team.name }
      - { header: X-Roles, claim: '/https:~1~1example.com~1roles', separator: ',' }
      - { header: X-Authentik-Username, claim: email }
      - { header: X-Guarded-By, text: Gatepost }
      - { header: X-Nothing, claim: team }
";
    let mut plan = plan(lines);
    plan.provider.claims = json!({ "alice": {
        "team": { "name": "Rot & Grün" }, "https://example.com/roles": ["editor", 7, "a,b", "c\r\nx: y"],
    } });
    let site = plan.start().await;
    let session = signed_in(&site, "alice").await;
    let names = ["x-team", "x-roles", "x-authentik-username", "x-guarded-by", "x-nothing"];
    let [public, private] = spoofed(&site, &session, &names).await;
    assert_eq!(like(&public, &names), [], "nobody is signed in");
    let own = [
        ("x-authentik-username", "alice@example.test"),
        ("x-guarded-by", "Gatepost"),
        ("x-roles", "editor,7"),
        ("x-team", "Rot & Grün"),
    ];
    assert_eq!(like(&private, &names), own);
    assert_eq!(private.header("x-authentik-groups"), Some("admins|staff"), "the rest of the set stays");
    assert_eq!(private.header("x"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn additional_headers_come_from_the_users_attributes() {
    let mut plan = plan("    additional_headers: { names: [X-Known] }\n");
    plan.provider.claims = json!({ "alice": { "ak_proxy": { "user_attributes": { "additionalHeaders": {
        "X-Known": ["a", "b"], "X-Number": 4.5, "Authorization": "Token of-alice", "Host": "evil.example",
        "Transfer-Encoding": "chunked", "x_authentik_uid": "0", "X-Forwarded-For": "10.0.0.1", "X-Lines": "a\r\nX-Evil: 1",
        "X-Envoy-Decorator-Operation": "x", ":path": "/admin", "X-Object": {},
    } } } } });
    let mut site = plan.start().await;
    let (alice, bob) = (signed_in(&site, "alice").await, signed_in(&site, "bob").await);
    signed_in(&site, "alice").await;
    let names = ["x-known", "x-number"];
    let [public, private] = spoofed(&site, &alice, &names).await;
    assert_eq!(like(&private, &names), [("x-known", "a|b"), ("x-number", "4.5")]);
    assert_eq!(like(&public, &["x-known"]), [], "a known name is nobody else's");
    assert_eq!(private.header("authorization"), Some("Token of-alice"));
    assert_eq!(private.header("host"), Some(site.host("wiki").as_str()));
    assert_eq!(private.header("x-authentik-uid"), Some("alice"));
    assert_eq!((private.path.as_str(), private.header("transfer-encoding")), ("/private", None));
    assert_ne!(private.header("x-forwarded-for"), Some("10.0.0.1"));
    for absent in ["x-evil", "x-lines", "x-object", "x-envoy-decorator-operation"] {
        assert_eq!(private.header(absent), None, "{absent}");
    }
    let other = seen(&site, "/private", Some(&bob), &[("X-Known", "eve"), ("Authorization", "Token own")]).await;
    assert_eq!((other.header("x-known"), other.header("authorization")), (None, Some("Token own")));

    site.gatepost.stop();
    let log = site.gatepost.log().text();
    let lines = log.lines().filter_map(LogLine::parse).filter(|line| line.message() == Some("header left out"));
    let mut told: Vec<String> = lines.filter_map(|line| line.text("header").map(str::to_owned)).collect();
    told.sort_unstable();
    let dropped = [
        ":path",
        "Host",
        "Transfer-Encoding",
        "X-Envoy-Decorator-Operation",
        "X-Forwarded-For",
        "X-Lines",
        "X-Object",
        "x_authentik_uid",
    ];
    assert_eq!(told, dropped, "each once, although alice signed in twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_gets_http_basic_from_the_users_attributes() {
    let lines = "    basic_auth_enabled: true
    basic_auth_user_attribute: wiki_user
    basic_auth_password_attribute: wiki_password
";
    let mut plan = plan(lines);
    plan.settings.log_level = "trace";
    let attributes = json!({ "wiki_user": "a.doe", "wiki_password": "correct horse" });
    plan.provider.claims = json!({ "alice": { "ak_proxy": { "user_attributes": attributes } } });
    let mut site = plan.start().await;
    let (alice, bob) = (signed_in(&site, "alice").await, signed_in(&site, "bob").await);
    let own = [("Authorization", "Token own")];
    let basic = "Basic YS5kb2U6Y29ycmVjdCBob3JzZQ==";
    for headers in [&[][..], &own] {
        assert_eq!(seen(&site, "/private", Some(&alice), headers).await.header("authorization"), Some(basic));
    }
    let (with, without) = (seen(&site, "/x", Some(&bob), &own).await, seen(&site, "/x", Some(&bob), &[]).await);
    assert_eq!((with.header("authorization"), without.header("authorization")), (Some("Token own"), None));
    let public = seen(&site, "/public/page", None, &own).await;
    assert_eq!(public.header("authorization"), Some("Token own"));

    site.gatepost.stop();
    let log = site.gatepost.log().text();
    for secret in ["correct horse", basic] {
        assert!(!log.contains(secret), "{secret} is logged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_more_groups_than_a_request_can_carry_is_refused_at_the_sign_in() {
    let mut plan = plan("");
    plan.settings.limits = "identity_headers: { max_size: 4 KiB }";
    let groups: Vec<String> = (0..500).map(|number| format!("group-{number}")).collect();
    plan.provider.claims = json!({ "alice": { "groups": groups } });
    let mut site = plan.start().await;
    let browser = Browser::new(Protocol::Http1);
    let page = browser.sign_in(&site.wiki("/"), "alice").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{page:#?}");
    assert!(page.body.contains("Sign-in failed") && !page.body.contains("group-1"), "{page:#?}");
    assert!(page.sets_cookies().is_empty(), "{page:#?}");
    signed_in(&site, "bob").await;

    site.gatepost.stop();
    let log = site.gatepost.log().text();
    let failed = log.lines().filter_map(LogLine::parse).find(|line| line.message() == Some("sign-in failed"));
    let failed = failed.expect("a line about it");
    let cause = failed.text("cause").expect("a cause");
    assert!(cause.contains("the largest `x-authentik-groups`"), "{cause}");
    assert_eq!(failed.text("application"), Some("wiki"));
}

/// The defaults fit within Envoy's own limits: what the sign-in accepts reaches the application.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_just_fits_is_never_refused_by_envoy() {
    let mut plan = plan("");
    let groups: Vec<String> = (0..2850).map(|number| format!("group-{number}")).collect();
    let additional: serde_json::Map<_, _> =
        (0..49).map(|number| (format!("X-Extra-{number}"), json!(number))).collect();
    let attributes = json!({ "user_attributes": { "additionalHeaders": additional } });
    plan.provider.claims = json!({ "alice": { "groups": groups, "ak_proxy": attributes } });
    let site = plan.start().await;
    let session = signed_in(&site, "alice").await;
    let own: Vec<_> = (0..20).map(|number| (format!("X-Own-{number}"), "x".repeat(1000))).collect();
    let own: Vec<_> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let seen = seen(&site, "/private", Some(&session), &own).await;
    let ours = seen.headers.iter().filter(|(name, _)| name.starts_with("x-authentik-") || name.starts_with("x-extra-"));
    let sizes: Vec<usize> = ours.map(|(name, value)| name.len() + value.len()).collect();
    assert_eq!(sizes.len(), 58);
    assert!(sizes.iter().sum::<usize>() > 30 * 1024, "{sizes:?}");
    assert_eq!(seen.header("x-own-19").map(str::len), Some(1000));
}
