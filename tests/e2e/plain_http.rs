//! Applications at https: signed in to over TLS; a plain-http request is sent to https first, never to the provider.

use http::StatusCode;

use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::raw;
use crate::support::settings::{Entry, Mode};
use crate::support::site::Plan;

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_sent_to_https_first() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.settings.entries.push(Entry::https("Vault", "vault"));
        let site = plan.start().await;
        let html = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")];
        // What a client claims about its own connection does not count.
        let claiming = [("Accept", "text/html"), ("X-Forwarded-Proto", "https")];
        for headers in [&html[..], &claiming[..]] {
            for host in ["vault.example.com", "VAULT.example.com", "vault.example.com:80"] {
                let answer = raw::get_with(site.front(), host, "/a%20b?x=1", headers).await;
                let head = answer.to_ascii_lowercase();
                assert!(head.starts_with("http/1.1 30"), "{host}: {answer}");
                assert!(head.contains("\r\nlocation: https://vault.example.com/a%20b?x=1\r\n"), "{host}: {answer}");
                assert!(!head.contains("\r\nset-cookie:"), "no sign-in starts over plain http: {answer}");
            }
        }
        let answer = raw::get_with(site.front(), "vault.example.com", "/api", &[("Accept", "application/json")]).await;
        assert!(!answer.contains(&site.plan.provider.issuer()), "{answer}");
        assert!(site.application.seen().is_empty(), "nothing reached the application");
        // The other applications of the same outpost do not mind.
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
