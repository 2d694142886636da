//! One provider with several tenants, as Microsoft Entra has them: metadata with a template, common keys, and tokens that name their
//! tenant.

use std::sync::Arc;
use std::time::Duration;

use gatepost::domain::oidc::algorithm::SigningAlgorithm;
use gatepost::domain::oidc::credentials::{
    AcceptedCredentials, AccessTokenRules, BearerCheck, Credential, IntrospectionRules, Refusal, TokenType,
};
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::domain::oidc::logout_token::Ending;
use gatepost::domain::oidc::operands::Operands;
use gatepost::domain::session::{Lifetimes, Session};
use gatepost::domain::time::Timestamp;
use gatepost::ports::{CredentialFault, ExchangeFault, IdentityProvider as _, LogoutTokenFault};
use gatepost::testing::{ManualClock, NOW};
use serde_json::{Value, json};

use crate::fixture::application;
use crate::op::{CLIENT_ID, Callback, HostileOp, SUBJECT};
use crate::test_client::{Outcome, TestClient, relying_party, settings};

const DAY: Duration = Duration::from_secs(86_400);

/// The provider's own tenant is `wiki`; users of `other` may sign in as well.
async fn test_client() -> TestClient {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    let mut party = relying_party(op.issuer());
    party.issuer = op.issuer().replace("/wiki/", "/{tenantid}/");
    party.allowed_tenants = vec!["wiki".to_owned(), "other".to_owned()];
    let template = party.issuer.clone();
    op.behave(|b| {
        b.metadata = json!({ "issuer": template });
        b.claims = json!({ "tid": "wiki" });
    });
    let test_client = TestClient::around(op, party, &settings(), clock);
    test_client.ready().await;
    let asked = test_client.op.recorded("openid-configuration");
    assert_eq!(asked[0].path, "/o/common/.well-known/openid-configuration");
    test_client
}

fn tenant() -> TokenFault {
    TokenFault::Tenant(Operands::NONE)
}

#[tokio::test]
async fn oc_02_a_sign_in_is_of_an_allowed_tenant_that_the_issuer_names() {
    let test_client = test_client().await;
    let other = test_client.op.issuer().replace("/wiki/", "/other/");
    let third = test_client.op.issuer().replace("/wiki/", "/third/");
    let template = test_client.relying_party.issuer.clone();
    for (claims, expected) in [
        (json!({ "tid": "wiki" }), Ok("/wiki/")),
        (json!({ "tid": "other", "iss": other }), Ok("/other/")),
        (json!({ "tid": "third", "iss": third }), Err(tenant())),
        (json!({ "tid": "third" }), Err(tenant())),
        (json!({ "tid": "other" }), Err(TokenFault::ISSUER)),
        (json!({ "tid": "wiki", "iss": other }), Err(TokenFault::ISSUER)),
        (json!({ "tid": "wiki", "iss": third }), Err(TokenFault::ISSUER)),
        (json!({ "tid": "wiki", "iss": template }), Err(TokenFault::ISSUER)),
        (json!({ "iss": other }), Err(tenant())),
        (json!({ "tid": ["wiki"] }), Err(tenant())),
    ] {
        test_client.op.behave(|b| b.claims = claims.clone());
        match (test_client.sign_in().await, expected) {
            (Ok(signed_in), Ok(part)) => {
                let application = application(&test_client);
                let session = Session::begin(
                    signed_in,
                    &application,
                    Timestamp::from_unix(NOW),
                    Lifetimes { absolute: DAY, idle: DAY },
                );
                assert!(session.record().user.issuer.contains(part), "{:?}", session.record().user);
            }
            (result, Err(fault)) => assert_eq!(Outcome::from(&result), Outcome::Untrustworthy(fault), "{claims}"),
            (result, Ok(_)) => panic!("{claims}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn iss_01_a_callback_names_no_issuer_of_another_tenant() {
    let test_client = test_client().await;
    for (tenant, accepted) in [("wiki", true), ("other", true), ("third", false), ("{tenantid}", false)] {
        let issuer = test_client.op.issuer().replace("/wiki/", &format!("/{tenant}/"));
        test_client.op.behave(|b| b.callback = Callback::Issuer(issuer));
        assert_eq!(test_client.code().await.is_ok(), accepted, "{tenant}");
    }
}

#[tokio::test]
async fn a_refresh_stays_with_its_tenant() {
    let test_client = test_client().await;
    test_client.op.behave(|b| b.answer = json!({ "refresh_token": "refresh-first" }));
    let signed_in = test_client.sign_in().await.unwrap();
    let application = application(&test_client);
    let lifetimes = Lifetimes { absolute: DAY, idle: DAY };
    let session = Session::begin(signed_in, &application, Timestamp::from_unix(NOW), lifetimes);
    let other = test_client.op.issuer().replace("/wiki/", "/other/");
    let refresh = || test_client.providers.refresh(&test_client.relying_party, session.record());
    assert!(refresh().await.is_ok());
    test_client.op.behave(|b| b.claims = json!({ "tid": "other", "iss": other }));
    let fault = refresh().await.expect_err("another tenant's token");
    assert!(matches!(fault, ExchangeFault::Untrustworthy(TokenFault::OtherUser)), "{fault:?}");
}

#[tokio::test]
async fn logout_tokens_and_bearer_tokens_name_their_own_tenant() {
    let test_client = test_client().await;
    let own = test_client.op.issuer().to_owned();
    let other = own.replace("/wiki/", "/other/");
    let mut application = application(&test_client);
    let algorithms = vec![SigningAlgorithm::RS256];
    let rules = AccessTokenRules { audiences: vec!["api".to_owned()], algorithms, token_type: TokenType::Jwt };
    let bearer = Some(BearerCheck::Jwt(rules).into());
    application.credentials = AcceptedCredentials { bearer, ..AcceptedCredentials::default() };
    let application = Arc::new(application);
    for (number, (tid, iss, fault)) in [
        (json!("wiki"), &own, None),
        (json!("other"), &other, None),
        (json!("other"), &own, Some(TokenFault::ISSUER)),
        (json!("third"), &own, Some(tenant())),
        (Value::Null, &own, Some(tenant())),
    ]
    .into_iter()
    .enumerate()
    {
        let claims = json!({
            "iss": iss, "tid": tid, "sub": SUBJECT, "aud": CLIENT_ID, "iat": NOW, "exp": NOW + 120, "jti": number,
            "sid": "s", "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        let mut logout = claims.clone();
        logout["jti"] = format!("j-{number}").into();
        let logout = test_client.op.sign(&json!({ "typ": "logout+jwt" }), &logout);
        match test_client.providers.verify_logout_token(&test_client.relying_party, &logout.as_str().into()).await {
            Ok(token) => {
                let Ending::ProviderSession(session, _) = token.ending() else { panic!("{token:?}") };
                assert_eq!((&session.issuer, &fault), (iss, &None), "{claims}");
            }
            Err(LogoutTokenFault::Refused(refused)) => assert_eq!(Some(refused), fault, "{claims}"),
            Err(other) => panic!("{claims}: {other:?}"),
        }
        let mut access = claims.clone();
        access["aud"] = "api".into();
        access.as_object_mut().unwrap().remove("events");
        let access = test_client.op.sign(&json!({ "typ": "JWT" }), &access);
        match test_client.providers.verify(&application, &Credential::Token(access.as_str().into())).await {
            Ok(verified) => assert_eq!((&verified.user().issuer, &fault), (iss, &None), "{claims}"),
            Err(CredentialFault::Refused(Refusal::Token(refused))) => assert_eq!(Some(refused), fault, "{claims}"),
            Err(other) => panic!("{claims}: {other:?}"),
        }
    }
}

/// An answer without an issuer says nothing about the tenant.
#[tokio::test]
async fn an_introspected_token_names_its_tenant() {
    let test_client = test_client().await;
    let mut application = application(&test_client);
    let verify = BearerCheck::Introspection(IntrospectionRules::Clients(vec!["ci".to_owned()]));
    let bearer = Some(verify.into());
    application.credentials = AcceptedCredentials { bearer, ..AcceptedCredentials::default() };
    let application = Arc::new(application);
    for (number, (introspected, fault)) in [
        (json!({ "tid": "wiki" }), None),
        (json!({}), Some(tenant())),
        (json!({ "tid": "third" }), Some(tenant())),
        (json!({ "tid": "wiki", "iss": null }), Some(TokenFault::ISSUER)),
    ]
    .into_iter()
    .enumerate()
    {
        test_client.op.behave(|b| b.introspected = introspected.clone());
        let token = Credential::Token(format!("access-{number}").into());
        match test_client.providers.verify(&application, &token).await {
            Ok(verified) => assert_eq!((verified.user().issuer.as_str(), &fault), (test_client.op.issuer(), &None)),
            Err(CredentialFault::Refused(Refusal::Token(refused))) => {
                assert_eq!(Some(refused), fault, "{introspected}");
            }
            Err(other) => panic!("{introspected}: {other:?}"),
        }
    }
}
