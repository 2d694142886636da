//! Requests of applications: which client gets which answer.

use super::test_outpost::{
    Browser, LIFETIMES, PAGE, TestOutpost, allowed, denied, location, outpost_with, test_outpost,
};
use crate::domain::decision::{Reason, Verdict};
use crate::domain::policy::PublicPaths;

fn public(outpost_patterns: &[&str]) -> TestOutpost {
    let patterns: Vec<String> = outpost_patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    outpost_with(move |application| {
        application.public_paths = PublicPaths::compile(&patterns).unwrap();
        application.pass_preflight = true;
    })
}

#[tokio::test]
async fn each_kind_of_client_gets_an_answer_it_can_use() {
    let test_outpost = test_outpost();
    let browser = Browser::default();
    let start = "https://wiki.example.com/outpost.goauthentik.io/start";
    for (method, headers, body) in [
        ("GET", vec![("accept", "application/json")], format!(r#""sign_in":"{start}""#)),
        ("GET", vec![("sec-fetch-mode", "cors"), PAGE], format!(r#""sign_in":"{start}""#)),
        (
            "GET",
            vec![("accept", "*/*")],
            format!("<a href=\"{start}?rd=https%3A%2F%2Fwiki.example.com%2Fx\">Sign in</a>"),
        ),
        ("POST", vec![PAGE], format!("<a href=\"{start}?rd=https%3A%2F%2Fwiki.example.com%2Fx\">Sign in</a>")),
        (
            "POST",
            vec![PAGE, ("referer", "https://wiki.example.com/edit")],
            "?rd=https%3A%2F%2Fwiki.example.com%2Fedit".into(),
        ),
        ("POST", vec![PAGE, ("referer", "https://evil.test/edit")], "?rd=https%3A%2F%2Fwiki.example.com%2Fx".into()),
        ("POST", vec![("accept", "*/*")], format!(r#""sign_in":"{start}""#)),
        ("GET", vec![("upgrade", "websocket"), PAGE], "sign_in_required".into()),
        ("POST", vec![("content-type", "application/grpc")], format!("sign-in required: open {start}")),
        ("OPTIONS", vec![("access-control-request-method", "GET")], "sign_in_required".into()),
    ] {
        let mut head = browser.head("https://wiki.example.com/x", &headers);
        method.clone_into(&mut head.method);
        let decision = test_outpost.ask(&head).await;
        let page = denied(&decision);
        assert_eq!(
            (page.status.as_u16(), decision.audit.reason),
            (401, Reason::SignInRequired),
            "{method} {headers:?}"
        );
        assert!(page.body.contains(&body), "{}", page.body);
        assert!(
            page.headers
                .iter()
                .any(|(name, value)| name == "www-authenticate" && value.to_str().unwrap().contains(start))
        );
        assert!(page.cookies.is_empty());
    }
}

#[tokio::test]
async fn plain_http_is_led_to_https_and_never_to_the_provider() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    for (url, expected) in [
        ("http://wiki.example.com/x?y=1", "https://wiki.example.com/x?y=1"),
        ("http://wiki.example.com:8080/x", "https://wiki.example.com/x"),
        ("http://deep.corp.example.com/x", "https://deep.corp.example.com/x"),
        (
            "http://wiki.example.com/outpost.goauthentik.io/callback?code=c&state=s",
            "https://wiki.example.com/outpost.goauthentik.io/callback?code=c&state=s",
        ),
    ] {
        let decision = Browser::default().open(&test_outpost, url).await;
        assert_eq!((location(&decision).as_str(), decision.audit.reason), (expected, Reason::PlainHttp));
        let Verdict::Redirect(redirect) = &decision.verdict else { panic!("a redirect") };
        let set: Vec<_> = redirect.cookies.iter().map(String::as_str).collect();
        let counter = "gatepost-led-to-https=1; Path=/; Max-Age=5; HttpOnly; SameSite=Lax";
        assert_eq!(set, [counter], "h6: http gets no cookie that means anything");
    }
    let mut post = browser.head("http://wiki.example.com/x", &[]);
    post.method = "POST".into();
    assert_eq!(denied(&test_outpost.ask(&post).await).status, 403);
    let script = browser.head("http://wiki.example.com/x", &[("accept", "application/json")]);
    let script = browser.send(&test_outpost, &script).await;
    assert_eq!(location(&script), "https://wiki.example.com/x");
    assert!(browser.cookies.is_empty());
}

/// A check with `allowed_headers` that lacks `accept` and Fetch Metadata cannot be identified as a page load, but may
/// be one.
#[tokio::test]
async fn plain_http_ends_at_a_page_where_the_question_lacks_most_headers() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    for _ in 0..4 {
        let led = browser.send(&test_outpost, &browser.head("http://wiki.example.com/x", &[])).await;
        assert_eq!((location(&led).as_str(), led.audit.reason), ("https://wiki.example.com/x", Reason::PlainHttp));
    }
    let page = browser.send(&test_outpost, &browser.head("http://wiki.example.com/x", &[])).await;
    assert_eq!((denied(&page).status.as_u16(), page.audit.reason), (421, Reason::SchemeHidden));
}

/// The page about a callback links to another sign-in: the callback's own address holds a code.
#[tokio::test]
async fn no_code_stands_in_the_page_about_hidden_https() {
    let test_outpost = test_outpost();
    let callback = "http://wiki.example.com/outpost.goauthentik.io/callback?code=SECRET&state=s";
    let page = test_outpost.ask(&Browser::default().head(callback, &[PAGE, ("sec-fetch-mode", "navigate")])).await;
    assert_eq!(page.audit.reason, Reason::SchemeHidden);
    assert!(!denied(&page).body.contains("SECRET"), "{}", denied(&page).body);
}

/// TLS ends at a proxy in front that does not report it: headers that browsers send over https only prove it.
#[tokio::test]
async fn who_used_https_already_is_not_led_to_it_again() {
    let test_outpost = test_outpost();
    let session = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for cookie in
        [None, Some(format!("a=1; __Host-gatepost-binding={session}; b=2")), Some("__Secure-gatepost-x=".into())]
    {
        for (method, path) in [("GET", "/x?y=\\1"), ("POST", "/x"), ("GET", "/outpost.goauthentik.io/start?rd=/x")] {
            let mut headers = vec![PAGE];
            match &cookie {
                Some(cookie) => headers.push(("cookie", cookie)),
                None => headers.push(("sec-fetch-site", "none")),
            }
            let mut head = Browser::default().head(&format!("http://wiki.example.com{path}"), &headers);
            method.clone_into(&mut head.method);
            let decision = test_outpost.ask(&head).await;
            let page = denied(&decision);
            assert_eq!(
                (page.status.as_u16(), decision.audit.reason),
                (421, Reason::SchemeHidden),
                "{method} {path} {cookie:?}"
            );
            assert!(page.cookies.is_empty() && page.headers.iter().all(|(name, _)| name != "location"));
            if method == "GET" {
                assert!(
                    page.body.contains("a proxy in front") && page.body.contains("https://wiki.example.com/"),
                    "{page:?}"
                );
            }
        }
    }
    // Browsers treat localhost over plain http as secure as well.
    let test_outpost = outpost_with(|application| {
        if application.slug.as_str() == "wiki" {
            application.external = crate::domain::http::ExternalHost::parse("https://wiki.localhost:8443").unwrap();
        }
    });
    let trusted = Browser::default().head("http://wiki.localhost/x", &[PAGE, ("sec-fetch-mode", "navigate")]);
    assert_eq!(location(&test_outpost.ask(&trusted).await), "https://wiki.localhost:8443/x");
}

/// Browsers without Fetch Metadata, before they have any cookie of Gatepost's.
#[tokio::test]
async fn nobody_is_led_to_https_more_than_four_times_in_a_row() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    for _ in 0..4 {
        let decision = browser.open(&test_outpost, "http://wiki.example.com/x").await;
        assert_eq!(location(&decision), "https://wiki.example.com/x");
    }
    let decision = browser.open(&test_outpost, "http://wiki.example.com/x").await;
    assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (421, Reason::SchemeHidden));
    let over_https = browser.head("https://wiki.example.com/x", &[PAGE]);
    assert_eq!(
        test_outpost.ask(&over_https).await.audit.reason,
        Reason::SignInStarted,
        "the counter says nothing over https"
    );
    browser.cookies.insert("gatepost-led-to-https".into(), "junk".into());
    assert_eq!(location(&browser.open(&test_outpost, "http://wiki.example.com/x").await), "https://wiki.example.com/x");
}

#[tokio::test]
async fn a_public_path_shows_a_signed_in_user_and_hides_everybody_elses_claims() {
    let test_outpost = public(&["^/public/", "^https://[a-z.]+/public/"]);
    let mut browser = Browser::default();
    let anonymous =
        test_outpost.ask(&browser.head("https://wiki.example.com/public/a", &[("x-authentik-username", "eve")])).await;
    assert_eq!((allowed(&anonymous), anonymous.audit.reason), (Some(String::new()), Reason::PublicPath));
    let Verdict::Allow(allow) = &anonymous.verdict else { panic!("is let through") };
    assert!(allow.remove().any(|name| name == "x-authentik-username"));
    browser.sign_in(&test_outpost, "https://wiki.example.com/").await;
    let signed_in = browser.open(&test_outpost, "https://wiki.example.com/public/a").await;
    assert_eq!((allowed(&signed_in), signed_in.audit.reason), (Some("alice".into()), Reason::SignedIn));
}

#[tokio::test]
async fn a_preflight_passes_only_by_setting_and_without_identity() {
    let preflight = |test_outpost: TestOutpost| async move {
        let mut head = Browser::default().head(
            "https://wiki.example.com/x",
            &[("access-control-request-method", "PUT"), ("x-authentik-groups", "admins")],
        );
        head.method = "OPTIONS".into();
        test_outpost.ask(&head).await
    };
    let decision = preflight(public(&[])).await;
    assert_eq!((allowed(&decision), decision.audit.reason), (Some(String::new()), Reason::Preflight));
    assert_eq!(denied(&preflight(test_outpost()).await).status, 401);
}

#[tokio::test]
async fn unknown_hosts_and_endpoints_lead_nowhere() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    let unknown = browser.open(&test_outpost, "https://evil.test/").await;
    assert_eq!((denied(&unknown).status.as_u16(), unknown.audit.reason), (403, Reason::UnknownHost));
    browser.sign_in(&test_outpost, "https://wiki.example.com/").await;
    for path in ["nope", "%63allback", "callback/", "auth/nginx"] {
        let decision =
            browser.open(&test_outpost, &format!("https://wiki.example.com/outpost.goauthentik.io/{path}")).await;
        assert_eq!(
            (denied(&decision).status.as_u16(), decision.audit.reason),
            (404, Reason::UnknownEndpoint),
            "{path}"
        );
    }
    let mut named = browser.head("https://wiki.example.com/", &[PAGE]);
    named.application = Some("board".into());
    assert_eq!(test_outpost.ask(&named).await.audit.reason, Reason::UnknownApplication);
}

#[tokio::test]
async fn ping_answers_on_any_host() {
    let decision = Browser::default().open(&test_outpost(), "https://anything.test/outpost.goauthentik.io/ping").await;
    assert!(matches!(decision.verdict, Verdict::Page(page) if page.status == 204));
}

#[tokio::test]
async fn sm_1_sm_2_a_session_ends_when_idle_or_old() {
    let test_outpost = outpost_with(|application| application.access_token_validity = Some(LIFETIMES.absolute * 2));
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, "https://wiki.example.com/").await;
    test_outpost.pass(LIFETIMES.idle.as_secs() - 1);
    assert_eq!(allowed(&browser.open(&test_outpost, "https://wiki.example.com/").await), Some("alice".into()));
    for _ in 0..23 {
        test_outpost.pass(LIFETIMES.idle.as_secs() - 1);
        assert!(allowed(&browser.open(&test_outpost, "https://wiki.example.com/").await).is_some(), "used each hour");
    }
    test_outpost.pass(LIFETIMES.idle.as_secs());
    assert_eq!(browser.open(&test_outpost, "https://wiki.example.com/").await.audit.reason, Reason::SignInStarted);

    browser.sign_in(&test_outpost, "https://wiki.example.com/").await;
    test_outpost.pass(LIFETIMES.idle.as_secs());
    assert_eq!(
        browser.open(&test_outpost, "https://wiki.example.com/").await.audit.reason,
        Reason::SignInStarted,
        "idle"
    );
}

#[tokio::test]
async fn the_session_lasts_as_the_operator_chose() {
    for (validity, expected) in [(None, 7200), (Some(60), 60), (Some(30_000), 30_000), (Some(1_000_000), 86_400)] {
        let test_outpost = outpost_with(move |application| {
            application.access_token_validity = validity.map(std::time::Duration::from_secs);
        });
        Browser::default().sign_in(&test_outpost, "https://wiki.example.com/").await;
        let sessions = test_outpost.store.all();
        let record = sessions.first().unwrap().stored.session.record();
        assert_eq!(record.ends.since(record.created).as_secs(), expected, "{validity:?}");
    }
}

#[tokio::test]
async fn a_use_is_noted_once_a_minute() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, "https://wiki.example.com/").await;
    for _ in 0..120 {
        test_outpost.pass(1);
        browser.open(&test_outpost, "https://wiki.example.com/").await;
    }
    assert_eq!(test_outpost.store.touches.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[tokio::test]
async fn sm_11_a_session_is_none_at_a_sibling() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    browser.sign_in(&test_outpost, "https://wiki.example.com/").await;
    let value = browser.cookies["__Host-gatepost-session-wiki"].clone();
    browser.cookies.insert("__Host-gatepost-session-board".into(), value);
    assert_eq!(browser.open(&test_outpost, "https://board.example.com/").await.audit.reason, Reason::SignInStarted);
}

#[tokio::test]
async fn domain_mode_signs_in_once_for_every_host() {
    let test_outpost = test_outpost();
    let mut browser = Browser::default();
    assert_eq!(
        browser.sign_in(&test_outpost, "https://a.corp.example.com/x?y").await,
        "https://a.corp.example.com/x?y"
    );
    assert_eq!(allowed(&browser.open(&test_outpost, "https://b.corp.example.com/").await), Some("alice".into()));
}
