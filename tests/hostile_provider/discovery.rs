//! Metadata: what is refused, and which requests are not made.

use std::sync::Arc;
use std::time::Duration;

use gatepost::domain::oidc::sign_in::ResponseFault;
use gatepost::outbound::provider::{OpenIdProviders, ProviderSettings, StartFault};
use gatepost::ports::IdentityProvider as _;
use gatepost::testing::ManualClock;
use serde_json::json;

use crate::op::{Behaviour, Callback, HostileOp, NULL, Reply};
use crate::test_client::{TestClient, relying_party, settings};

/// Starts with a provider that misbehaves from the beginning, and returns why its metadata is not accepted.
async fn refused(misbehave: impl FnOnce(&mut Behaviour)) -> String {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    op.behave(misbehave);
    let party = relying_party(op.issuer());
    let test_client = TestClient::around(op, party, &settings(), clock);
    let fault = loop {
        let fault = test_client.providers.metadata(&test_client.relying_party).await.expect_err("is refused");
        if !fault.cause.contains("being fetched") {
            break fault;
        }
    };
    assert!(test_client.op.recorded("/authorize").is_empty() && test_client.op.recorded("/token").is_empty());
    fault.cause
}

#[tokio::test]
async fn oc_23_metadata_is_checked() {
    let elsewhere = HostileOp::start(ManualClock::new()).await;
    let http = |name: &str| json!({name: "http://op.example/x"});
    for (name, metadata, cause) in [
        ("other issuer", json!({"issuer": "https://op.example"}), "another issuer"),
        ("issuer with a slash more", json!({"issuer": "http://127.0.0.1/o/wiki//"}), "another issuer"),
        ("no issuer", json!({"issuer": null}), "another issuer"),
        ("issuer of a neighbour", json!({"issuer": elsewhere.issuer()}), "another issuer"),
        ("no token endpoint", json!({"token_endpoint": null}), "token_endpoint"),
        ("no authorization endpoint", json!({"authorization_endpoint": null}), "authorization_endpoint"),
        ("no keys", json!({"jwks_uri": null}), "jwks_uri"),
        ("http authorization endpoint", http("authorization_endpoint"), "authorization_endpoint"),
        ("http token endpoint", http("token_endpoint"), "token_endpoint"),
        ("http keys", http("jwks_uri"), "jwks_uri"),
        ("token endpoint null", json!({"token_endpoint": NULL}), "token_endpoint"),
        ("token endpoint empty", json!({"token_endpoint": ""}), "token_endpoint"),
        ("issuer null", json!({"issuer": NULL}), "another issuer"),
        ("keys empty", json!({"jwks_uri": ""}), "jwks_uri"),
        ("a file", json!({"jwks_uri": "file:///etc/passwd"}), "jwks_uri"),
        ("a list", json!({"jwks_uri": ["https://op.example"]}), "jwks_uri"),
    ] {
        let told = refused(|b| b.metadata = metadata).await;
        assert!(told.contains(cause), "{name}: {told}");
    }
}

#[tokio::test]
async fn oc_23_an_issuer_that_differs_is_named_beside_the_configured_one() {
    let told = refused(|b| b.metadata = json!({"issuer": "https://op.example"})).await;
    assert!(told.contains("\"https://op.example\"") && told.contains("/o/wiki/"), "{told}");
}

/// An endpoint that only one feature needs does not prevent sign-ins.
#[tokio::test]
async fn an_optional_part_of_the_metadata_that_is_no_use_is_absent() {
    let endpoints = ["userinfo_endpoint", "end_session_endpoint", "introspection_endpoint", "revocation_endpoint"];
    for value in [json!(NULL), json!(""), json!("http://op.example/x"), json!("/relative"), json!(true), json!(["x"])] {
        let clock = ManualClock::new();
        let op = HostileOp::start(clock.clone()).await;
        op.behave(|b| {
            for name in endpoints {
                b.metadata[name] = value.clone();
            }
            if value == json!(NULL) || value == json!("") {
                b.metadata["authorization_response_iss_parameter_supported"] = value.clone();
            }
            b.sparse = true;
        });
        let party = relying_party(op.issuer());
        let test_client = TestClient::around(op, party, &settings(), clock);
        let metadata = test_client.ready().await;
        assert_eq!(metadata.end_session_endpoint, None, "{value}");
        test_client.sign_in().await.unwrap_or_else(|fault| panic!("{value}: {fault}"));
        assert_eq!(test_client.asked("/userinfo"), 0, "{value}");
    }
}

#[tokio::test]
async fn oc_23_the_answer_is_whole_small_and_from_where_it_was_asked() {
    let elsewhere = HostileOp::start(ManualClock::new()).await;
    let to = format!("{}.well-known/openid-configuration", elsewhere.issuer());
    for (name, reply) in [
        ("redirect", Reply::Redirect(to)),
        ("10 MB", Reply::Huge(10 << 20)),
        ("just too long", Reply::Huge(256 << 10)),
        ("JW-2 bomb", Reply::Bomb),
        ("truncated", Reply::Truncated),
        ("HTML", Reply::Text(200, "text/html", "<html></html>".to_owned())),
        ("empty", Reply::Text(200, "application/json", String::new())),
        ("two issuers", Reply::Text(200, "application/json", r#"{"issuer":"a","issuer":"b"}"#.to_owned())),
        ("deep", Reply::Text(200, "application/json", "[".repeat(200_000))),
        ("not found", Reply::Status(404)),
        ("500", Reply::Status(500)),
        ("201", Reply::Status(201)),
        ("stalled", Reply::Stall),
        ("closed", Reply::Close),
    ] {
        let told = refused(|b| b.discovery = reply).await;
        assert!(!told.is_empty(), "{name}");
    }
    assert!(elsewhere.recorded("openid-configuration").is_empty(), "redirects are not followed");
}

#[tokio::test]
async fn oc_23_first_keys_are_needed_too() {
    for reply in [Reply::Status(404), Reply::Close, Reply::Text(200, "text/plain", "keys".to_owned())] {
        assert!(refused(|b| b.keys = reply).await.contains("keys"));
    }
}

#[tokio::test]
async fn oc_23_the_last_good_copy_outlives_failed_fetches() {
    let frequent = ProviderSettings {
        refresh_interval: Duration::from_millis(50),
        timeout: Duration::from_millis(500),
        ..settings()
    };
    let test_client = TestClient::with(frequent, |_| {}).await;
    let replies: [fn(&mut Behaviour); 4] = [
        |b| b.discovery = Reply::Status(500),
        |b| b.discovery = Reply::Truncated,
        |b| b.metadata = json!({"issuer": "https://op.example"}),
        |b| b.metadata = json!({"token_endpoint": "http://op.example/token"}),
    ];
    for misbehave in replies {
        test_client.op.reform();
        test_client.op.behave(misbehave);
        let before = test_client.asked("openid-configuration");
        let refreshed = async {
            while test_client.asked("openid-configuration") < before + 3 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), refreshed).await.expect("metadata is refreshed");
        assert!(test_client.sign_in().await.is_ok());
    }
}

#[tokio::test]
async fn oc_23_paths_that_metadata_does_not_name_are_not_called() {
    let test_client = TestClient::new().await;
    test_client.sign_in().await.unwrap();
    let named = ["openid-configuration", "keys", "token"];
    for request in test_client.op.recorded("") {
        let last = request.path.rsplit('/').next().unwrap().to_owned();
        assert!(named.contains(&last.as_str()), "{}", request.path);
    }
}

#[tokio::test]
async fn issuers_are_https_or_this_machine() {
    for issuer in [
        "http://op.example",
        "http://169.254.169.254/",
        "http://0.0.0.0/",
        "https://op.example?x",
        "https://op.example#x",
        "https://user@op.example",
        "op.example",
        "",
    ] {
        let party = relying_party(issuer);
        let fault = OpenIdProviders::start(&settings(), [&party], ManualClock::new()).err();
        assert_eq!(fault, Some(StartFault::Issuer(issuer.to_owned())));
    }
}

#[tokio::test]
async fn relying_parties_of_one_issuer_share_what_is_known() {
    let clock = ManualClock::new();
    let (one, two) = (HostileOp::start(clock.clone()).await, HostileOp::start(clock.clone()).await);
    let mut parties = vec![relying_party(one.issuer()), relying_party(one.issuer()), relying_party(two.issuer())];
    parties[1].client_id = "blog".to_owned();
    let providers: Arc<OpenIdProviders> = OpenIdProviders::start(&settings(), &parties, clock).unwrap();
    for party in &parties {
        assert_eq!(providers.metadata(party).await.unwrap().issuer, party.issuer);
    }
    assert_eq!(one.recorded("openid-configuration").len(), 1);
    assert_eq!(two.recorded("openid-configuration").len(), 1);
}

#[tokio::test]
async fn iss_01_02_03_the_issuer_is_compared_before_any_token_call() {
    let test_client = TestClient::new().await;
    let other = |text: fn(&str) -> String| Callback::Issuer(text(test_client.op.issuer()));
    for callback in [
        Callback::NoIssuer,
        other(|issuer| format!("{issuer}/")),
        other(str::to_ascii_uppercase),
        other(|issuer| issuer.replace(':', "%3A")),
        Callback::Issuer(String::new()),
        Callback::ErrorWithoutIssuer("access_denied"),
    ] {
        test_client.op.behave(|b| b.callback = callback.clone());
        assert_eq!(test_client.code().await.err(), Some(ResponseFault::OTHER_ISSUER), "{callback:?}");
    }
    assert_eq!(test_client.asked("/token"), 0);
}
