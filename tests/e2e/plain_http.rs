//! Applications at https: sign-in works over TLS only; a plain-http request is redirected to https first, never to the
//! provider.

use http::StatusCode;

use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::raw;
use crate::support::settings::{Entry, Mode};
use crate::support::site::{Plan, Site};

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_sent_to_https_first() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.settings.entries.push(Entry::https("Vault", "vault"));
        let site = plan.start().await;
        let html = [("Accept", "text/html")];
        // A client's own claim about its connection does not count.
        let claiming = [("Accept", "text/html"), ("X-Forwarded-Proto", "https")];
        for headers in [&html[..], &claiming[..]] {
            for host in ["vault.example.com", "VAULT.example.com", "vault.example.com:80"] {
                let answer = raw::get_with(site.front(), host, "/a%20b?x=1", headers).await;
                let head = answer.to_ascii_lowercase();
                assert!(head.starts_with("http/1.1 30"), "{host}: {answer}");
                assert!(head.contains("\r\nlocation: https://vault.example.com/a%20b?x=1\r\n"), "{host}: {answer}");
                assert_eq!(head.matches("\r\nset-cookie:").count(), 1, "{answer}");
                assert!(head.contains("\r\nset-cookie: gatepost-led-to-https=1; "), "no sign-in starts: {answer}");
            }
        }
        let answer = raw::get_with(site.front(), "vault.example.com", "/api", &[("Accept", "application/json")]).await;
        assert!(!answer.contains(&site.plan.provider.issuer()), "{answer}");
        assert!(site.application.seen().is_empty(), "nothing reached the application");
        // The other applications of the same outpost are not affected.
        site.signed_in(Protocol::Http1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_and_out_over_tls() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.settings.entries = vec![Entry::https_here("Vault", "vault")];
        plan.tls = true;
        let site = plan.start().await;
        let vault = |path: &str| format!("https://vault.example.com:{}{path}", site.front());
        for protocol in Protocol::BOTH {
            let browser = Browser::new(protocol);
            let page = browser.sign_in(&vault("/deep?x=1"), "alice").await;
            assert_eq!(page.url.as_str(), vault("/deep?x=1"));
            assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
            let leave =
                Ask::navigation(&vault("/outpost.goauthentik.io/sign_out")).header("sec-fetch-site", "same-origin");
            let question = browser.follow(browser.ask(leave).await).await;
            let goodbye = browser.confirm_sign_out(&question).await;
            assert_eq!(goodbye.status, StatusCode::OK, "{goodbye:#?}");
            assert_eq!(browser.open(&vault("/")).await.status, StatusCode::FOUND, "asked again");
        }
    }
}

const VAULT: &str = "vault.example.com";

fn says(site: &Site, wanted: &str) -> bool {
    site.gatepost.log().says(wanted)
}

/// TLS ends in front of an Envoy that trusts no proxy: browsers redirected to https keep arriving as plain http.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_that_trusts_no_proxy_in_front_causes_no_redirect_loop() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.entries.push(Entry::https("Vault", "vault"));
    let site = plan.start().await;
    let browser = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("X-Forwarded-Proto", "https")];
    let cookie = [("Accept", "text/html"), ("Cookie", "a=1; __Host-gatepost-binding=x")];
    for headers in [&browser[..], &cookie[..]] {
        let answer = raw::get_with(site.front(), VAULT, "/x", headers).await;
        assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
        assert!(answer.contains("a proxy in front of this server") && !answer.contains("\r\nlocation:"), "{answer}");
    }
    assert!(says(&site, "xff_num_trusted_hops") && says(&site, "\"application\":\"vault\""));
    // A browser without Fetch Metadata: a cookie counts its redirects.
    let (mut cookies, mut redirects) = (String::new(), 0);
    loop {
        let headers = [("Accept", "text/html"), ("Cookie", cookies.as_str())];
        let answer = raw::get_with(site.front(), VAULT, "/x", &headers).await;
        if answer.starts_with("HTTP/1.1 421 ") {
            break;
        }
        redirects += 1;
        assert!(answer.starts_with("HTTP/1.1 302 ") && redirects < 5, "{redirects}: {answer}");
        let set = answer.split_once("set-cookie: ").expect("a cookie").1;
        cookies = set.split(';').next().expect("a pair").to_owned();
    }
    assert!(site.application.seen().is_empty());
}

/// TLS ends in front of an Envoy that trusts one proxy in front; over HTTP/2 its `:scheme` stays http.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_behind_a_balancer_signs_in_over_both_protocols() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.entries = vec![Entry::https_here("Vault", "vault")];
    plan.trusted_hops = 1;
    let site = plan.start().await;
    let vault = format!("http://{VAULT}:{}/x?y=1", site.front());
    for protocol in Protocol::BOTH {
        for (forwarded, expected) in [
            ("https", "/auth"),
            ("https, https", "/auth"),
            ("https,https", "/auth"),
            ("http", "https://vault"),
            ("https, http", "https://vault"),
        ] {
            let ask = Ask::plain(http::Method::GET, &vault)
                .header("accept", "text/html")
                .header("x-forwarded-proto", forwarded);
            let page = Browser::new(protocol).forward(ask).await;
            assert_eq!(page.status, StatusCode::FOUND, "{protocol:?} {forwarded}: {page:#?}");
            let location = page.location();
            assert!(location.as_str().contains(expected), "{protocol:?} {forwarded}: {location}");
        }
    }
}

/// Two hops ask for a check, and the first one removes the session's cookie.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_asking_twice_ends_at_a_page() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.asks_twice = true;
    let site = plan.start().await;
    let browser = Browser::new(Protocol::Http1);
    let end = browser.sign_in(&site.wiki("/x"), "alice").await;
    assert_eq!(end.status.as_u16(), 508, "{end:#?}");
    assert!(end.body.contains(&site.wiki("/x")) && end.body.contains("Sign-in loop"), "{end:#?}");
    assert!(says(&site, "Checks are sent at two hops") && says(&site, "headersToExtAuth"));
    assert!(site.application.seen().is_empty());
    let callbacks = browser.trail().iter().filter(|url| url.path().ends_with("/callback")).count();
    assert!(callbacks <= 4, "{callbacks}: one sign-in and its repetition, each told as location and as visit");
}
