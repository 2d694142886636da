//! What the operator, and whoever writes a link to `start`, may add to an authorization request; and authorization responses
//! that come as a form post.

use gatepost::domain::oidc::authorization_settings::{
    AuthorizationSettings, Parameter, ParameterName, ParameterValue, ResponseMode,
};
use url::Url;

use crate::browser::{Browser, WIKI, parameter};
use crate::op::{CLIENT_ID, Callback, HostileOp};
use crate::test_outpost::{TestOutpost, wiki, wiki_with};

const START: &str = "https://wiki.example.com/outpost.goauthentik.io/start";
const FORM: &str = "application/x-www-form-urlencoded";
const REDIRECT_URI: &str = "https://wiki.example.com/outpost.goauthentik.io/callback?X-authentik-auth-callback=true";

fn name(text: &str) -> ParameterName {
    ParameterName::parse(text).unwrap()
}

fn fixed(list: &[(&str, &str)]) -> Vec<Parameter> {
    let parameter = |(name, value): &(&str, &str)| Parameter {
        name: ParameterName::parse(name).unwrap(),
        value: ParameterValue::parse(value).unwrap(),
    };
    list.iter().map(parameter).collect()
}

/// An application that takes authorization responses as forms.
async fn wiki_by_form() -> (TestOutpost, HostileOp) {
    wiki_with(|application| application.relying_party.authorization.response_mode = ResponseMode::FormPost).await
}

/// The address and the form with which the provider's page sends the browser back.
fn form_post(op: &HostileOp, asked: &Url) -> (String, String) {
    let back = op.authorize(asked);
    let own = |name: &str| name == "X-authentik-auth-callback";
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(back.query_pairs().filter(|(name, _)| !own(name)));
    (REDIRECT_URI.to_owned(), form.finish())
}

#[tokio::test]
async fn the_operators_parameters_go_out_and_no_link_adds_another() {
    let (test_outpost, op) = wiki_with(|application| {
        application.relying_party.authorization = AuthorizationSettings {
            parameters: fixed(&[("prompt", "consent"), ("kc_idp_hint", "x&redirect_uri=https://evil.test/")]),
            forwarded: vec![name("login_hint")],
            response_mode: ResponseMode::Query,
        };
    })
    .await;
    let evil = "prompt=none&scope=x&client_id=x&redirect_uri=https%3A%2F%2Fevil.test%2F&state=x&nonce=x&request_uri=x\
                &Login_Hint=x&response_mode=fragment";
    for (url, hint) in [
        (WIKI.to_owned(), ""),
        (format!("https://wiki.example.com/page?login_hint=mallory&{evil}"), ""),
        (format!("{START}?{evil}"), ""),
        (format!("{START}?rd=/x&login_hint=alice%40example.com&{evil}"), "alice@example.com"),
        (format!("{START}?login_hint=a&login_hint=b&{evil}"), ""),
        (
            format!("{START}?login_hint=a%26redirect_uri%3Dhttps%3A%2F%2Fevil.test%2F&{evil}"),
            "a&redirect_uri=https://evil.test/",
        ),
    ] {
        let mut browser = Browser::default();
        let asked = browser.begin(&test_outpost, &url).await;
        assert_eq!(parameter(&asked, "login_hint"), hint, "{url}");
        for (name, value) in [
            ("prompt", "consent"),
            ("kc_idp_hint", "x&redirect_uri=https://evil.test/"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("scope", "openid profile email"),
            ("request_uri", ""),
            ("response_mode", ""),
        ] {
            assert_eq!(parameter(&asked, name), value, "{name} {url}");
            assert!(asked.query_pairs().filter(|(other, _)| other == name).count() <= 1, "{name} {url}");
        }
        let back = browser.open(&test_outpost, op.authorize(&asked).as_str()).await;
        assert_eq!(back.reason, "sign_in_completed", "the provider sends the code where it always does: {back:#?}");
    }
}

#[tokio::test]
async fn a_form_post_signs_in_and_the_browser_goes_on_with_get() {
    let (test_outpost, op) = wiki_by_form().await;
    // An application of the same host may have set the binding before, for its own site only.
    let mut browser = Browser::default();
    browser.cookies.insert(("wiki.example.com".into(), "__Host-gatepost-binding".into()), "A".repeat(43));
    let long = format!("https://wiki.example.com/page?x={}", "y".repeat(600));
    for page in [WIKI, long.as_str(), WIKI] {
        let first = browser.open(&test_outpost, page).await;
        assert_eq!(parameter(&first.location(), "response_mode"), "form_post");
        assert!(!first.cookies.is_empty(), "{first:#?}");
        assert!(first.cookies.iter().all(|cookie| cookie.ends_with("; Secure; SameSite=None")), "{:?}", first.cookies);
        let (url, form) = form_post(&op, &first.location());
        let back = browser.post(&test_outpost, &url, FORM, Some(&form)).await;
        assert_eq!((back.status, back.reason.as_str()), (303, "sign_in_completed"), "{back:#?}");
        assert_eq!(back.location().as_str(), page);
        let session = back.cookies.iter().find(|cookie| cookie.contains("session-wiki=")).unwrap();
        assert!(session.ends_with("; SameSite=Lax"), "{session}");
        assert!(browser.open(&test_outpost, page).await.allowed);
        // The code was used: the sign-in begins again, and not by another form post.
        let again = browser.post(&test_outpost, &url, FORM, Some(&form)).await;
        assert_eq!((again.status, again.reason.as_str()), (303, "sign_in_restarted"), "{again:#?}");
        browser.cookies.retain(|(_, name), _| name.ends_with("binding"));
    }
    // A provider that ignores `response_mode`.
    browser.sign_in(&test_outpost, &op, WIKI).await;
}

#[tokio::test]
async fn oc_17_only_the_whole_form_of_this_browsers_own_sign_in_counts() {
    let (test_outpost, op) = wiki_by_form().await;
    let mut browser = Browser::default();
    let asked = browser.begin(&test_outpost, WIKI).await;
    let (url, form) = form_post(&op, &asked);
    let in_query = format!("{url}&{form}");
    let doubled = format!("{form}&code=x");
    let no_state = form.split('&').filter(|pair| !pair.starts_with("state")).collect::<Vec<_>>().join("&");
    for (name, url, kind, body, text) in [
        ("no body", &url, FORM, None, "does not pass on the body"),
        ("the query beside an empty form", &in_query, FORM, Some(""), "does not pass on the body"),
        ("the query beside another form", &in_query, FORM, Some("x=1"), "incomplete"),
        ("another content type", &url, "text/plain", Some(form.as_str()), "is not a form"),
        ("code doubled", &url, FORM, Some(&doubled), "incomplete"),
        ("no state", &url, FORM, Some(&no_state), "incomplete"),
    ] {
        let page = browser.clone().post(&test_outpost, url, kind, body).await;
        page.expect_refusal(400, name);
        assert!(page.body.contains(text), "{name}: {}", page.body);
    }
    // BCP-2: an attacker's page posts the attacker's code into another browser.
    let mut victim = Browser::default();
    victim.begin(&test_outpost, WIKI).await;
    let page = victim.post(&test_outpost, &url, FORM, Some(&form)).await;
    assert_eq!(page.reason, "sign_in_restarted", "{page:#?}");
    assert!(!victim.has_session() && op.recorded("/token").is_empty(), "no code was sent");
    op.behave(|b| b.callback = Callback::Issuer("https://evil.example/".to_owned()));
    let (url, forged) = form_post(&op, &asked);
    browser.clone().post(&test_outpost, &url, FORM, Some(&forged)).await.expect_refusal(400, "another's iss");
    op.reform();
    assert_eq!(browser.post(&test_outpost, &url, FORM, Some(&form)).await.reason, "sign_in_completed");
}

#[tokio::test]
async fn an_application_that_did_not_ask_for_a_form_takes_none() {
    let (test_outpost, op) = wiki().await;
    let mut browser = Browser::default();
    let asked = browser.begin(&test_outpost, WIKI).await;
    let (url, form) = form_post(&op, &asked);
    let page = browser.post(&test_outpost, &url, FORM, Some(&form)).await;
    assert_eq!((page.status, page.header("allow")), (405, Some("GET")), "{page:#?}");
    assert!(!browser.has_session() && op.recorded("/token").is_empty());
}
