//! The client from the provider's view: PKCE, nonce, client authentication, redirect URI.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepost::domain::oidc::client_authentication::ClientAuthentication;
use ring::digest::{SHA256, digest};
use serde_json::json;
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::browser::{Browser, WIKI, parameter};
use crate::op::{CLIENT_ID, CLIENT_SECRET};
use crate::test_outpost::{wiki, wiki_with};

const REDIRECT_URI: &str = "https://wiki.example.com/outpost.goauthentik.io/callback?X-authentik-auth-callback=true";

fn names(url: &Url) -> Vec<String> {
    let mut names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn oc_16_pk_2_bcp_4_the_authorization_request() {
    let (test_outpost, op) = wiki().await;
    // PKCE is used as well when the provider's metadata does not mention it.
    op.behave(|b| b.metadata = json!({"code_challenge_methods_supported": null}));
    let asked = Browser::default().begin(&test_outpost, WIKI).await;
    assert!(asked.as_str().starts_with(&format!("{}authorize?", op.issuer())), "{asked}");
    let expected = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ];
    assert_eq!(names(&asked), expected, "each once, and nothing else");
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid profile email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(parameter(&asked, name), value, "{name}");
    }
    assert_eq!((parameter(&asked, "nonce").len(), parameter(&asked, "code_challenge").len()), (43, 43));
}

#[tokio::test]
async fn oc_19_pk_1_pk_2_the_token_request_with_basic_and_with_post() {
    for (method, basic) in
        [(ClientAuthentication::ClientSecretBasic, true), (ClientAuthentication::ClientSecretPost, false)]
    {
        let (test_outpost, op) =
            wiki_with(|application| application.relying_party.token_endpoint_auth_method = method).await;
        let mut verifiers = BTreeSet::new();
        for _ in 0..3 {
            let mut browser = Browser::default();
            let asked = browser.begin(&test_outpost, WIKI).await;
            let back = op.authorize(&asked);
            assert!(browser.open(&test_outpost, back.as_str()).await.sets_session());
            let request = op.recorded("/token").pop().unwrap();
            let form = |name: &str| request.form(name).unwrap_or_default();
            assert_eq!(request.method, "POST");
            assert_eq!(
                (form("grant_type").as_str(), form("redirect_uri").as_str()),
                ("authorization_code", REDIRECT_URI)
            );
            assert_eq!(form("code"), parameter(&back, "code"));
            let verifier = form("code_verifier");
            assert_eq!(verifier.len(), 43);
            let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
            assert_eq!(challenge, parameter(&asked, "code_challenge"));
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let credentials = STANDARD.encode(format!("{}:{}", encoded(CLIENT_ID), encoded(CLIENT_SECRET)));
            if basic {
                assert_eq!(request.authorization(), Some(format!("Basic {credentials}").as_str()));
                assert_eq!(
                    (request.form("client_secret"), request.form("client_id")),
                    (None, None),
                    "in one place only"
                );
            } else {
                assert_eq!(request.authorization(), None, "in one place only");
                assert_eq!((form("client_id").as_str(), form("client_secret").as_str()), (CLIENT_ID, CLIENT_SECRET));
            }
            assert!(request.query.is_empty(), "nothing in the address");
            assert!(!asked.as_str().contains(&verifier) && !back.as_str().contains(&verifier));
            verifiers.insert(verifier);
        }
        assert_eq!(verifiers.len(), 3, "PK-1: one per attempt");
    }
}

#[tokio::test]
async fn pk_1_oc_9_attempts_of_one_browser_share_nothing() {
    let (test_outpost, _op) = wiki().await;
    let mut browser = Browser::default();
    let mut seen = BTreeSet::new();
    for _ in 0..50 {
        let asked = browser.begin(&test_outpost, WIKI).await;
        seen.extend(["state", "nonce", "code_challenge"].map(|name| parameter(&asked, name)));
    }
    assert_eq!(seen.len(), 150);
    assert_eq!(browser.cookies.len(), 1, "CK-6: one binding for all of them");
}
