//! The relying parties change while providers are in use.

use std::sync::Arc;

use gatepost::domain::oidc::relying_party::{ProviderEndpoints, RelyingParty};
use gatepost::outbound::provider::{OpenIdProviders, StartFault};
use gatepost::ports::IdentityProvider as _;
use gatepost::testing::ManualClock;
use url::Url;

use crate::op::{HostileOp, Reply};
use crate::test_client::{TestClient, relying_party, settings};

#[tokio::test]
async fn an_issuer_that_stays_is_not_fetched_again_and_one_that_goes_serves_those_under_way() {
    let clock = ManualClock::new();
    let (one, two) = (HostileOp::start(clock.clone()).await, HostileOp::start(clock.clone()).await);
    let (first, second) = (relying_party(one.issuer()), relying_party(two.issuer()));
    let providers: Arc<OpenIdProviders> = OpenIdProviders::start(&settings(), [&first], clock).unwrap();
    assert!(providers.metadata(&first).await.is_ok());
    assert!(providers.metadata(&second).await.is_err(), "no application names it yet");

    providers.update(&settings(), [&first, &second]).unwrap();
    assert!(providers.cached_metadata(&first).is_some());
    assert_eq!(providers.metadata(&second).await.unwrap().issuer, two.issuer());

    providers.update(&settings(), [&second]).unwrap();
    assert!(providers.cached_metadata(&first).is_some(), "a request that is under way");
    providers.update(&settings(), [&second]).unwrap();
    assert!(providers.metadata(&first).await.is_err(), "no application has named it for two changes");
    for op in [&one, &two] {
        assert_eq!(op.recorded("openid-configuration").len(), 1);
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_change_nothing() {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    let party = relying_party(op.issuer());
    let providers: Arc<OpenIdProviders> = OpenIdProviders::start(&settings(), [&party], clock).unwrap();
    assert!(providers.metadata(&party).await.is_ok());
    let endpoints = Some(endpoints(&op));
    let other = RelyingParty { endpoints, ..party.clone() };
    assert!(matches!(providers.update(&settings(), [&party, &other]), Err(StartFault::Endpoints(_))));
    let bad = relying_party("http://op.example");
    assert!(matches!(providers.update(&settings(), [&bad]), Err(StartFault::Issuer(_))));
    assert!(providers.metadata(&party).await.is_ok());
}

/// The endpoints of `op` as an operator writes them.
fn endpoints(op: &HostileOp) -> ProviderEndpoints {
    let at = |name: &str| Url::parse(&format!("{}{name}", op.issuer())).unwrap();
    ProviderEndpoints {
        authorization_endpoint: at("authorize"),
        token_endpoint: at("token"),
        jwks_uri: at("keys"),
        userinfo_endpoint: None,
        end_session_endpoint: None,
        introspection_endpoint: None,
        revocation_endpoint: None,
        backchannel_host: None,
    }
}

#[tokio::test]
async fn endpoints_that_are_given_are_used_without_discovery_until_they_change() {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    op.behave(|b| b.discovery = Reply::Status(500));
    let party = RelyingParty { endpoints: Some(endpoints(&op)), ..relying_party(op.issuer()) };
    let test_client = TestClient::around(op, party.clone(), &settings(), clock);
    assert!(test_client.sign_in().await.is_ok());
    assert_eq!(test_client.asked("openid-configuration"), 0);

    let discovering = RelyingParty { endpoints: None, ..party.clone() };
    test_client.providers.update(&settings(), [&discovering]).unwrap();
    assert!(test_client.providers.metadata(&discovering).await.is_err(), "discovery fails here");
    let fault = test_client.providers.update(&settings(), [&discovering, &party]).err();
    assert_eq!(fault, Some(StartFault::Endpoints(party.issuer.clone())));
}
