//! Callbacks: how a provider, or an attacker in between, may send a browser back.

use gatepost::domain::application::{Application, Mode};
use gatepost::domain::http::CookieDomain;
use gatepost::domain::oidc::sign_in::Binding;
use serde_json::json;

use crate::browser::{Browser, WIKI};
use crate::op::{Callback, HostileOp};
use crate::test_outpost::{wiki, wiki_with};

fn tokens(op: &HostileOp) -> usize {
    op.recorded("/token").len()
}

/// A misbehaviour, the status of the page, and a piece of its text.
type Row = (&'static str, Callback, i32, &'static str);

#[tokio::test]
async fn oc_17_iss_1_2_3_a_callback_that_is_not_the_asked_providers_own_is_a_page_and_no_token_call() {
    let (test_outpost, op) = wiki().await;
    let issuer = op.issuer().to_owned();
    let encoded_twice = issuer.replace(':', "%3A").replace('/', "%2F");
    let other = |text: String| Callback::Issuer(text);
    let (foreign, incomplete) = ("expected identity provider", "incomplete");
    let rows: Vec<Row> = vec![
        ("ISS-1 no iss", Callback::NoIssuer, 400, foreign),
        ("ISS-1 error without iss", Callback::ErrorWithoutIssuer("access_denied"), 400, foreign),
        ("ISS-2 another's iss", other("https://evil.example/".to_owned()), 400, foreign),
        ("ISS-2 one character more", other(format!("{issuer}/")), 400, foreign),
        ("ISS-2 slash dropped", other(issuer.trim_end_matches('/').to_owned()), 400, foreign),
        ("ISS-2 case", other(issuer.replace("http:", "HTTP:")), 400, foreign),
        ("ISS-2 encoded twice", other(encoded_twice), 400, foreign),
        ("ISS-2 empty", other(String::new()), 400, foreign),
        ("ISS-2 doubled", Callback::Doubled("iss"), 400, incomplete),
        ("A-59 code doubled", Callback::Doubled("code"), 400, incomplete),
        ("A-59 state doubled", Callback::Doubled("state"), 400, incomplete),
        ("OC-17 second code", Callback::Added(vec![("code", "x".to_owned())]), 400, incomplete),
        ("OC-17 code and error", Callback::Added(vec![("error", "x".to_owned())]), 400, incomplete),
        ("A-70 no code", Callback::Without("code"), 400, incomplete),
        ("A-70 no state", Callback::Without("state"), 400, incomplete),
        ("OC-17 error", Callback::Error("access_denied", "not you"), 403, "access_denied"),
        ("OC-17 error for now", Callback::Error("temporarily_unavailable", "later"), 503, "later"),
        ("A-80 markup", Callback::Error("<b>", "<script>alert(1)</script>"), 403, "&lt;script&gt;alert"),
    ];
    for (name, callback, status, text) in rows {
        op.reform();
        op.behave(|b| b.callback = callback.clone());
        let mut browser = Browser::default();
        let page = browser.come_back(&test_outpost, &op, WIKI).await;
        page.expect_refusal(status, name);
        assert!(page.body.contains(text) && !page.body.contains("<script"), "{name}: {}", page.body);
        assert!(!browser.has_session(), "{name}");
        assert_eq!(browser.open(&test_outpost, WIKI).await.reason, "sign_in_started", "{name}: still a stranger");
    }
    assert_eq!(tokens(&op), 0, "ISS-3: the comparison comes first");
    op.reform();
    Browser::default().sign_in(&test_outpost, &op, WIKI).await;
}

#[tokio::test]
async fn oc_17_parameters_that_nobody_knows_have_no_effect() {
    let (test_outpost, op) = wiki().await;
    let more = ["session_state", "session_state", "rd", "redirect_uri", "error_uri", "id_token", "access_token"];
    let added = more.map(|name| (name, "https://evil.example/".to_owned())).to_vec();
    op.behave(|b| b.callback = Callback::Added(added));
    Browser::default().sign_in(&test_outpost, &op, WIKI).await;
}

#[tokio::test]
async fn iss_2_any_iss_is_compared_even_where_none_was_announced() {
    let (test_outpost, op) = wiki().await;
    op.behave(|b| b.metadata = json!({"authorization_response_iss_parameter_supported": null}));
    op.behave(|b| b.callback = Callback::Issuer("https://evil.example/".to_owned()));
    let mut browser = Browser::default();
    browser.come_back(&test_outpost, &op, WIKI).await.expect_refusal(400, "another's");
    assert_eq!(tokens(&op), 0);
    op.behave(|b| b.callback = Callback::NoIssuer);
    browser.sign_in(&test_outpost, &op, WIKI).await;
}

#[tokio::test]
async fn bcp_2_a_1_a_state_counts_only_here_now_and_in_the_browser_that_began() {
    let (test_outpost, op) = wiki().await;
    let mut browser = Browser::default();
    let back = op.authorize(&browser.begin(&test_outpost, WIKI).await);

    let mut stranger = Browser::default();
    let restarted = stranger.open(&test_outpost, back.as_str()).await;
    assert_eq!(restarted.reason, "sign_in_restarted");
    assert!(!restarted.sets_session());

    let state = crate::browser::parameter(&back, "state");
    let middle = state.len() / 2;
    let flipped = if state.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let altered = [&state[..middle], flipped, &state[middle + 1..]].concat();
    for forged in ["x".to_owned(), altered, state[..middle].to_owned(), format!("{state}A"), "A".repeat(5000)] {
        let url = back.as_str().replace(&state, &forged);
        browser.open(&test_outpost, &url).await.expect_refusal(400, &forged);
    }
    assert_eq!(tokens(&op), 0);

    let late = browser.clone();
    test_outpost.clock.pass(600);
    assert_eq!(late.clone().open(&test_outpost, back.as_str()).await.reason, "sign_in_restarted", "PK-4: ten minutes");
    assert_eq!(tokens(&op), 0);
}

/// A sibling host can plant a cookie of the same name, which the browser sends before or after Gatepost's own.
#[tokio::test]
async fn ck_5_a_planted_binding_does_not_block_the_sign_in() {
    let in_domain_mode = |application: &mut Application| {
        application.mode = Mode::ForwardDomain(CookieDomain::parse("example.com").unwrap());
    };
    let (test_outpost, op) = wiki_with(in_domain_mode).await;
    let (name, planted) = ("__Secure-gatepost-binding", Binding::new([7; 32]).to_cookie_value());
    for order in [Order::Before, Order::After] {
        let mut browser = Browser::default();
        let back = op.authorize(&browser.begin(&test_outpost, WIKI).await);
        let own = browser.cookies.get_mut(&("wiki.example.com".to_owned(), name.to_owned())).expect("a binding");
        *own = match order {
            Order::Before => format!("{planted}; {name}={own}"),
            Order::After => format!("{own}; {name}={planted}"),
        };
        let answer = browser.open(&test_outpost, back.as_str()).await;
        assert_eq!(answer.reason, "sign_in_completed", "planted {order:?} the real one: {answer:#?}");
    }
}

#[derive(Debug)]
enum Order {
    Before,
    After,
}

#[tokio::test]
async fn f_24_a_callback_twice_sends_the_code_once_and_both_arrive() {
    let (test_outpost, op) = wiki().await;
    let mut browser = Browser::default();
    let back = op.authorize(&browser.begin(&test_outpost, WIKI).await);
    let mut other_tab = browser.clone();
    let (first, second) =
        tokio::join!(browser.open(&test_outpost, back.as_str()), other_tab.open(&test_outpost, back.as_str()));
    let reasons = [first.reason.as_str(), second.reason.as_str()];
    assert!(reasons.contains(&"sign_in_completed") && reasons.contains(&"sign_in_restarted"), "{reasons:?}");
    assert_eq!(tokens(&op), 1);
    let mut winner = if first.sets_session() { browser } else { other_tab };
    let again = winner.open(&test_outpost, back.as_str()).await;
    assert_eq!((again.reason.as_str(), again.location().as_str()), ("already_signed_in", WIKI));
    assert_eq!(tokens(&op), 1);
}
