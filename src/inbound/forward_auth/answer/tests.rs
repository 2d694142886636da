//! The response to each verdict: only an allow is a 2xx, in every dialect and with every status.

use http::HeaderValue;
use http::header::{LOCATION, SET_COOKIE, WWW_AUTHENTICATE, X_FRAME_OPTIONS};
use proptest::prelude::*;

use super::*;
use crate::domain::decision::{AuditRecord, COMMON_HEADERS, Page, Redirect};

const DIALECTS: [(Dialect, &str); Dialect::ALL.len()] = Dialect::ALL;

fn page(status: u16) -> Page {
    let headers = vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Gatepost realm=\"wiki\""))];
    let cookies = vec!["session=; Max-Age=0".to_owned(), "binding=; Max-Age=0".to_owned()];
    Page {
        status: StatusCode::from_u16(status).expect("is a status"),
        headers,
        content_type: "text/html; charset=utf-8",
        body: "<p>".into(),
        lines: Vec::new(),
        cookies,
        framed: false,
    }
}

fn redirect(status: u16, location: &str) -> Verdict {
    let status = StatusCode::from_u16(status).expect("is a status");
    Verdict::Redirect(Redirect { status, location: location.into(), cookies: vec!["a=1".into(), "b=2".into()] })
}

/// The answer to a request without headers, decided for this reason.
fn rendered_for(reason: Reason, dialect: Dialect, verdict: Verdict) -> Answer {
    let audit = AuditRecord { id: "d-1".into(), application: None, user: None, reason };
    render(dialect, Decision { verdict, audit }, &HeaderLines::default())
}

fn rendered(dialect: Dialect, verdict: Verdict) -> Answer {
    rendered_for(Reason::SignInRequired, dialect, verdict)
}

fn cookies(answer: &Answer) -> usize {
    answer.headers().get_all(SET_COOKIE).iter().count()
}

#[test]
fn nginx_hears_401_403_and_503_and_nothing_else() {
    for (status, expected) in
        [(400, 403), (401, 401), (403, 403), (404, 403), (405, 403), (431, 403), (500, 503), (503, 503)]
    {
        let answer = rendered(Dialect::Nginx, Verdict::Deny(page(status)));
        assert_eq!(answer.status(), expected, "{status}");
        assert_eq!(answer.headers()["www-authenticate"], "Gatepost realm=\"wiki\"", "nginx passes it on");
        assert_eq!(cookies(&answer), 0, "nginx drops it, or takes it for the application's");
    }
    let answer = rendered(Dialect::Nginx, redirect(302, "https://sso.example.com/"));
    assert_eq!(answer.status(), 401);
    assert!(!answer.headers().contains_key(LOCATION) && cookies(&answer) == 0);
    let answer = rendered_for(Reason::ProviderUnavailable, Dialect::Nginx, Verdict::Deny(page(503)));
    assert_eq!(answer.status(), 401, "nobody is signed in, and `start` says the rest");
    let answer = rendered_for(Reason::SchemeHidden, Dialect::Nginx, Verdict::Deny(page(421)));
    assert_eq!(answer.status(), 401, "`start` shows the page");
}

#[test]
fn the_others_pass_a_refusal_on_as_it_is() {
    for dialect in [Dialect::Traefik, Dialect::Caddy, Dialect::Envoy] {
        for status in [400, 401, 403, 404, 405, 431, 500, 503] {
            let answer = rendered(dialect, Verdict::Deny(page(status)));
            // Envoy would not take a 5xx for a denial.
            let expected = if dialect == Dialect::Envoy && status >= 500 { 403 } else { status };
            assert_eq!(answer.status(), expected);
            assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        }
        let answer = rendered(dialect, redirect(302, "https://sso.example.com/"));
        assert_eq!((answer.status().as_u16(), cookies(&answer)), (302, 2), "they hand over every cookie of a refusal");
        assert_eq!(answer.headers()["location"], "https://sso.example.com/");
        let set: Vec<_> = answer.headers().get_all(SET_COOKIE).iter().collect();
        assert_eq!(set, ["a=1", "b=2"]);
        let answer = rendered(dialect, redirect(302, "https://a.example/\nx"));
        assert_eq!((answer.status().as_u16(), cookies(&answer)), (500, 0), "GN-7: what cannot be sent is no success");
    }
}

#[test]
fn a_page_that_answers_what_was_asked_still_lets_nothing_through() {
    for (dialect, _) in DIALECTS {
        for status in [200, 204, 302] {
            let answer = rendered(dialect, Verdict::Page(page(status)));
            assert_eq!(answer.status(), 403, "{dialect} {status}");
            assert_eq!(answer.headers()["cache-control"], "no-store");
        }
    }
}

/// Only such a page omits the common header that forbids framing; it brings its own.
#[test]
fn a_page_for_a_frame_keeps_its_own_policy() {
    for (dialect, _) in DIALECTS {
        let mut page = Page { framed: true, ..page(401) };
        page.headers.push((X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")));
        let answer = rendered(dialect, Verdict::Deny(page));
        assert_eq!(answer.headers().get_all("x-frame-options").iter().collect::<Vec<_>>(), ["SAMEORIGIN"]);
    }
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let location = prop_oneof!["https://[a-z]{1,5}\\.example/.{0,9}", ".{0,12}"];
    prop_oneof![
        (100_u16..1000).prop_map(|status| Verdict::Page(page(status))),
        (100_u16..1000).prop_map(|status| Verdict::Deny(page(status))),
        (100_u16..1000, location).prop_map(|(status, location)| redirect(status, &location)),
    ]
}

proptest! {
    #[test]
    fn only_an_allow_is_a_2xx_and_nginx_gets_no_cookie(verdict in verdict(), dialect in 0..DIALECTS.len()) {
        let answer = rendered(DIALECTS[dialect].0, verdict);
        prop_assert!(answer.status().as_u16() >= 300, "{}", answer.status());
        prop_assert!(cookies(&answer) == 0 || DIALECTS[dialect].0 != Dialect::Nginx);
        for (name, value) in &COMMON_HEADERS {
            prop_assert_eq!(&answer.headers()[name], value);
        }
    }
}
