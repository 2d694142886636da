//! Which refusals the pages of other origins may read.

use std::sync::atomic::Ordering;

use super::rules::{named, rule};
use super::test_outpost::{Browser, TestOutpost, allowed, outpost_with};
use crate::domain::application::cors::{CorsOrigin, CorsOrigins};
use crate::domain::decision::{Decision, Verdict};
use crate::domain::policy::AccessRules;

const WIKI: &str = "https://wiki.example.com/api";
const APP: &str = "https://app.example.com";

fn test_outpost() -> TestOutpost {
    outpost_with(|application| {
        let origins = [APP, "https://other.example.com"].map(|text| CorsOrigin::parse(text).unwrap());
        application.cors_origins = CorsOrigins::new(origins.to_vec());
        application.rules = AccessRules::new(vec![rule(&[], &[], named(&["alice"]))]).unwrap();
    })
}

/// The status and the headers of CORS.
fn shared(decision: &Decision) -> (u16, Vec<(&str, &str)>) {
    let (status, headers): (u16, &[_]) = match &decision.verdict {
        Verdict::Deny(page) | Verdict::Page(page) => (page.status.as_u16(), &page.headers),
        Verdict::Redirect(redirect) => (redirect.status.as_u16(), &[]),
        Verdict::Allow(_) => (200, &[]),
    };
    let of_cors = headers.iter().filter(|(name, _)| name == "vary" || name.as_str().starts_with("access-control"));
    (status, of_cors.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect())
}

async fn send(test_outpost: &TestOutpost, browser: &Browser, method: &str, url: &str, origin: &str) -> Decision {
    let mut head = browser.head(url, &[("accept", "application/json"), ("sec-fetch-mode", "cors"), ("origin", origin)]);
    method.clone_into(&mut head.method);
    test_outpost.ask(&head).await
}

#[tokio::test]
async fn a_listed_origin_reads_401_and_403_and_no_other_does() {
    let test_outpost = test_outpost();
    let stranger = Browser::default();
    let mut alice = Browser::default();
    alice.sign_in(&test_outpost, WIKI).await;
    "eve".clone_into(&mut test_outpost.provider.user.lock().unwrap());
    let mut eve = Browser::default();
    eve.sign_in(&test_outpost, WIKI).await;
    let start = "https://wiki.example.com/outpost.goauthentik.io/start";
    for (browser, url, status) in [(&stranger, WIKI, 401), (&eve, WIKI, 403), (&stranger, start, 401)] {
        for method in ["GET", "POST"] {
            for origin in [APP, "https://other.example.com"] {
                let decision = send(&test_outpost, browser, method, url, origin).await;
                let expected = [
                    ("vary", "Origin"),
                    ("access-control-allow-origin", origin),
                    ("access-control-allow-credentials", "true"),
                ];
                assert_eq!(shared(&decision), (status, expected.to_vec()), "{method} {url}");
            }
            for origin in
                ["https://evil.test", "null", "https://app.example.com.evil.test", "https://APP.example.com", "*", ""]
            {
                let decision = send(&test_outpost, browser, method, url, origin).await;
                assert_eq!(shared(&decision), (status, vec![("vary", "Origin")]), "{method} {url} {origin}");
            }
        }
    }
    let decision = send(&test_outpost, &alice, "GET", WIKI, APP).await;
    let Verdict::Allow(allow) = &decision.verdict else { panic!("{decision:?}") };
    assert!(allow.set().all(|(name, _)| !name.as_str().starts_with("access-control")), "never on an allow");
}

#[tokio::test]
async fn other_answers_and_other_applications_are_not_shared() {
    let test_outpost = test_outpost();
    let browser = Browser::default();
    for (url, status) in [
        ("https://wiki.example.com/outpost.goauthentik.io/callback?code=c&state=s", 400),
        ("https://wiki.example.com/outpost.goauthentik.io/sign_out", 200),
        ("https://wiki.example.com/outpost.goauthentik.io/nothing", 404),
        ("http://wiki.example.com/api", 421),
    ] {
        assert_eq!(shared(&send(&test_outpost, &browser, "GET", url, APP).await), (status, vec![]), "{url}");
    }
    test_outpost.provider.exchange_fault.lock().unwrap().replace(crate::ports::ExchangeFault::Refused("no".into()));
    let mut refused = Browser::default();
    let started = super::test_outpost::location(&refused.open(&test_outpost, WIKI).await);
    let decision = send(&test_outpost, &refused, "GET", &Browser::callback(&started), APP).await;
    assert_eq!(shared(&decision), (403, vec![]), "what the provider answered is for the user alone");
    let mut with_session = Browser::default();
    with_session.sign_in(&test_outpost, WIKI).await;
    test_outpost.fail_store_at(1);
    assert_eq!(shared(&send(&test_outpost, &with_session, "GET", WIKI, APP).await), (503, vec![]));

    let plain = outpost_with(|_| {});
    let decision = send(&plain, &browser, "GET", WIKI, APP).await;
    assert_eq!((shared(&decision), allowed(&decision)), ((401, vec![]), None), "by default nobody");
    assert_eq!(plain.provider.exchanges.load(Ordering::Relaxed), 0);
}
