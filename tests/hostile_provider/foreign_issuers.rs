//! Tokens of issuers beside the provider: each counts with its own issuer's keys and rules only, and an issuer that hangs keeps
//! no token of another out.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use gatepost::domain::application::Application;
use gatepost::domain::oidc::algorithm::SigningAlgorithm;
use gatepost::domain::oidc::claims::ClaimPath;
use gatepost::domain::oidc::credentials::{
    AcceptedCredentials, AccessTokenRules, BearerCheck, BearerRules, ClaimMapping, Credential, ForeignIssuer,
    IntrospectionRules, KeySource, Refusal, TokenType,
};
use gatepost::domain::oidc::jws::KeySet;
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::outbound::provider::{NamedIssuer, OpenIdProviders, ProviderSettings};
use gatepost::ports::{Clock, IdentityProvider as _};
use gatepost::testing::{ManualClock, NOW};
use serde_json::{Value, json};
use url::Url;

use crate::fixture::Judged;
use crate::op::signing::{self, Key, RSA_A_PEM};
use crate::op::{HostileOp, Reply, SUBJECT, merged};
use crate::test_client::{relying_party, settings};

const AUDIENCE: &str = "https://wiki.example";

/// The provider `own` and the foreign issuer `other` of one application. Both publish a key of the same name; the keys differ.
struct Site {
    own: HostileOp,
    other: HostileOp,
    application: Arc<Application>,
    providers: Arc<OpenIdProviders>,
    clock: Arc<dyn Clock>,
}

fn rules() -> AccessTokenRules {
    let algorithms = vec![SigningAlgorithm::RS256, SigningAlgorithm::ES256];
    AccessTokenRules { audiences: vec![AUDIENCE.to_owned()], algorithms, token_type: TokenType::Jwt }
}

fn foreign(issuer: &str, keys: KeySource) -> ForeignIssuer {
    let username = ClaimPath::parse("sub").unwrap();
    let mapping = ClaimMapping { username, prefix: "other:".to_owned(), trusted: Vec::new() };
    ForeignIssuer { issuer: issuer.to_owned(), keys, rules: rules(), scopes: Vec::new(), mapping }
}

fn application(own: &HostileOp, verify: BearerCheck, issuers: Vec<ForeignIssuer>) -> Arc<Application> {
    let bearer = Some(BearerRules { issuers, ..verify.into() });
    Arc::new(Application {
        relying_party: relying_party(own.issuer()),
        credentials: AcceptedCredentials { bearer, ..AcceptedCredentials::default() },
        ..gatepost::testing::application(AUDIENCE)
    })
}

impl Site {
    async fn start() -> Self {
        Self::with(BearerCheck::Jwt(rules()), &settings()).await
    }

    async fn with(verify: BearerCheck, settings: &ProviderSettings) -> Self {
        let clock: Arc<dyn Clock> = ManualClock::new();
        let (own, other) = (HostileOp::start(Arc::clone(&clock)).await, HostileOp::start(Arc::clone(&clock)).await);
        other.behave(|b| b.key_set = json!({"keys": [signing::jwk(&Key::RsaB, "a")]}));
        let application = application(&own, verify, vec![foreign(other.issuer(), KeySource::Discovery)]);
        let providers = OpenIdProviders::start(settings, NamedIssuer::of(&application), Arc::clone(&clock)).unwrap();
        Self { own, other, application, providers, clock }
    }

    fn token(&self, claims: &Value, key: &Key) -> String {
        token(self.other.issuer(), &json!({}), claims, key)
    }

    async fn judged(&self, token: &str) -> Judged {
        judged(&self.providers, &self.application, token).await
    }

    /// Requests that both received, except for the first fetches.
    fn requests(&self) -> usize {
        [&self.own, &self.other].into_iter().map(|op| op.recorded("").len()).sum()
    }

    /// Waits until the keys of both are known.
    async fn ready(&self) {
        for (op, key) in [(&self.own, Key::RsaA), (&self.other, Key::RsaB)] {
            let known = async {
                for number in 0.. {
                    let token = token(op.issuer(), &json!({}), &json!({"jti": format!("ready-{number}")}), &key);
                    if self.judged(&token).await == Judged::Good {
                        return;
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(20), known).await.expect("its keys become known");
        }
    }
}

async fn judged(providers: &OpenIdProviders, application: &Arc<Application>, token: &str) -> Judged {
    Judged::from(&providers.verify(application, &Credential::Token(token.into())).await)
}

/// A valid token of `issuer` with these changes.
fn token(issuer: &str, header: &Value, claims: &Value, key: &Key) -> String {
    let proper = json!({ "iss": issuer, "sub": SUBJECT, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300 });
    let header = merged(json!({"alg": "RS256", "typ": "JWT", "kid": "a"}), header);
    signing::signed(&header, &merged(proper, claims).to_string(), key)
}

fn refused(fault: impl Into<Refusal>) -> Judged {
    Judged::Refused(fault.into())
}

#[tokio::test]
async fn at_5_a_token_counts_with_the_keys_of_its_own_issuer_only() {
    let site = Site::start().await;
    site.ready().await;
    let (own, other) = (site.own.issuer(), site.other.issuer());
    let rows = [
        ("its own key", other, json!({}), Key::RsaB, Judged::Good),
        ("the provider's key", other, json!({}), Key::RsaA, refused(TokenFault::SIGNATURE)),
        ("the provider's name, with the other's key", own, json!({}), Key::RsaB, refused(TokenFault::SIGNATURE)),
        ("the provider's", own, json!({}), Key::RsaA, Judged::Good),
        ("an unnamed key", other, json!({"kid": null}), Key::RsaA, refused(TokenFault::SIGNATURE)),
        (
            "an embedded key",
            other,
            json!({"kid": null, "jwk": signing::jwk(&Key::P256, "a")}),
            Key::RsaA,
            refused(TokenFault::SIGNATURE),
        ),
        ("none", other, json!({"alg": "none"}), Key::Nothing, refused(TokenFault::ALGORITHM)),
        (
            "a public key as a secret",
            other,
            json!({"alg": "HS256"}),
            Key::Secret(RSA_A_PEM.into()),
            refused(TokenFault::ALGORITHM),
        ),
        ("an algorithm that is not listed", other, json!({"alg": "RS384"}), Key::RsaB, refused(TokenFault::ALGORITHM)),
        ("another type", other, json!({"typ": "at+jwt"}), Key::RsaB, refused(TokenFault::Header)),
        ("a logout token", other, json!({"typ": "logout+jwt"}), Key::RsaB, refused(TokenFault::Header)),
        ("no type", other, json!({"typ": null}), Key::RsaB, refused(TokenFault::Header)),
    ];
    for (name, issuer, header, key, expected) in rows {
        let token = token(issuer, &header, &json!({"jti": name}), &key);
        assert_eq!(site.judged(&token).await, expected, "{name}");
    }
    for (name, claims, expected) in [
        ("for another application", json!({"aud": "https://board.example"}), refused(Refusal::Audience)),
        ("for nobody", json!({"aud": null}), refused(Refusal::Audience)),
        ("expired", json!({"exp": NOW - 61}), refused(TokenFault::Expired(61))),
        ("not yet valid", json!({"nbf": NOW + 120}), refused(TokenFault::NotBefore(120))),
        ("without an end", json!({"exp": null}), refused(TokenFault::Time("exp"))),
        ("of an unknown issuer", json!({"iss": "https://evil.example"}), refused(TokenFault::ISSUER)),
        ("of no issuer", json!({"iss": null}), refused(TokenFault::ISSUER)),
        ("an ID Token", json!({"nonce": "n"}), refused(Refusal::OtherKind("nonce"))),
    ] {
        assert_eq!(site.judged(&site.token(&claims, &Key::RsaB)).await, expected, "{name}");
    }
    let credential = Credential::Token(site.token(&json!({"jti": "user"}), &Key::RsaB).as_str().into());
    let verified = site.providers.verify(&site.application, &credential).await.unwrap();
    assert_eq!(verified.issued_to().issuer, other, "the same `sub` at another issuer is another user");
    assert_eq!((verified.user().subject.clone(), verified.foreign_issuer()), (format!("other:{SUBJECT}"), Some(other)));
}

#[tokio::test]
async fn at_5_nothing_is_asked_about_a_foreign_token_but_its_issuers_keys() {
    let introspection = BearerCheck::Introspection(IntrospectionRules::Clients(vec!["ci".to_owned()]));
    let site = Site::with(introspection, &settings()).await;
    let known = async { while site.judged(&site.token(&json!({}), &Key::RsaB)).await != Judged::Good {} };
    tokio::time::timeout(Duration::from_secs(20), known).await.expect("its keys become known");
    let scoped = site.token(&json!({"scope": "openid profile email", "jti": "scoped"}), &Key::RsaB);
    assert_eq!(site.judged(&scoped).await, Judged::Good);
    assert_eq!(site.judged(&site.token(&json!({"jti": "forged"}), &Key::RsaA)).await, refused(TokenFault::SIGNATURE));
    for path in ["/introspect", "/userinfo", "/token"] {
        let asked = [&site.own, &site.other].map(|op| op.recorded(path).len());
        assert_eq!(asked, [0, 0], "{path}");
    }
    assert_eq!(site.judged("access-1").await, Judged::Good, "the provider's own tokens are introspected as before");
    assert_eq!(site.own.recorded("/introspect").len(), 1);
}

#[tokio::test]
async fn at_5_tokens_of_unknown_issuers_cause_no_request() {
    let site = Site::start().await;
    site.ready().await;
    let before = site.requests();
    for number in 0..1000 {
        let issuer = format!("https://{number}.example");
        let header = json!({"kid": number.to_string(), "jku": "https://evil.example/keys"});
        let token = token(&issuer, &header, &json!({}), &Key::RsaA);
        assert_eq!(site.judged(&token).await, refused(TokenFault::ISSUER));
    }
    assert_eq!(site.requests(), before);
}

#[tokio::test]
async fn at_5_unknown_keys_of_one_issuer_are_fetched_at_that_issuer_alone_and_seldom() {
    let site = Site::start().await;
    site.ready().await;
    let before = [&site.own, &site.other].map(|op| op.recorded("/keys").len());
    for number in 0..50 {
        let header = json!({"kid": number.to_string()});
        let token = token(site.other.issuer(), &header, &json!({}), &Key::RsaB);
        assert_ne!(site.judged(&token).await, Judged::Good);
    }
    let after = [&site.own, &site.other].map(|op| op.recorded("/keys").len());
    assert_eq!(after[0], before[0]);
    assert!(after[1] - before[1] <= 5, "OC-24: the rate limit holds for foreign issuers, too");
    site.other.behave(|b| b.key_set = json!({"keys": [signing::jwk(&Key::P256, "new")]}));
    assert_eq!(
        site.judged(&site.token(&json!({"jti": "known"}), &Key::RsaB)).await,
        Judged::Good,
        "known keys work on"
    );
}

#[tokio::test]
async fn at_5_a_new_key_of_a_foreign_issuer_is_fetched() {
    let site = Site::start().await;
    site.ready().await;
    site.other.behave(|b| b.key_set = json!({"keys": [signing::jwk(&Key::P256, "new")]}));
    let header = json!({"kid": "new", "alg": "ES256"});
    let token = |number: usize| token(site.other.issuer(), &header, &json!({"jti": number.to_string()}), &Key::P256);
    let before = site.other.recorded("/keys").len();
    let tokens: Vec<String> = (0..20).map(token).collect();
    let outcomes = join_all(tokens.iter().map(|token| site.judged(token))).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Judged::Good), "{outcomes:?}");
    assert_eq!(site.other.recorded("/keys").len() - before, 1, "one fetch for all of them");
}

/// So many wait for the keys of the foreign issuer that every place for its tokens is taken.
#[tokio::test]
async fn at_5_an_issuer_that_hangs_keeps_no_token_of_another_out() {
    let site = Site::start().await;
    site.ready().await;
    site.other.behave(|b| b.keys = Reply::Stall);
    let tokens: Vec<String> = (0..1100)
        .map(|number| token(site.other.issuer(), &json!({"kid": "new"}), &json!({"jti": number}), &Key::RsaB))
        .collect();
    let waiting = join_all(tokens.iter().map(|token| site.judged(token)));
    let own = async {
        for number in 0..20 {
            let token = token(site.own.issuer(), &json!({}), &json!({"jti": format!("own-{number}")}), &Key::RsaA);
            assert_eq!(site.judged(&token).await, Judged::Good);
        }
        site.other.recorded("/keys").len()
    };
    let outcomes = tokio::select! {
        biased;
        _ = waiting => panic!("the foreign issuer does not hang"),
        asked = tokio::time::timeout(Duration::from_secs(10), own) => asked,
    };
    assert!(outcomes.expect("tokens of the provider do not wait") >= 2, "its keys were asked for");
}

#[tokio::test]
async fn oc_23_metadata_of_another_issuer_is_not_used() {
    for change in [
        json!({"issuer": "https://op.example"}),
        json!({"jwks_uri": "http://keys.example/set"}),
        json!({"jwks_uri": null}),
    ] {
        let clock: Arc<dyn Clock> = ManualClock::new();
        let (own, other) = (HostileOp::start(Arc::clone(&clock)).await, HostileOp::start(Arc::clone(&clock)).await);
        other.behave(|b| b.metadata = change.clone());
        let application =
            application(&own, BearerCheck::Jwt(rules()), vec![foreign(other.issuer(), KeySource::Discovery)]);
        let providers = OpenIdProviders::start(&settings(), NamedIssuer::of(&application), clock).unwrap();
        let token = token(other.issuer(), &json!({}), &json!({}), &Key::RsaA);
        assert_eq!(judged(&providers, &application, &token).await, Judged::Unavailable, "{change}");
        assert_eq!(other.recorded("/keys").len(), 0, "{change}");
    }
}

#[tokio::test]
async fn at_5_keys_come_from_the_address_or_the_file_that_is_given() {
    let clock: Arc<dyn Clock> = ManualClock::new();
    let (own, other) = (HostileOp::start(Arc::clone(&clock)).await, HostileOp::start(Arc::clone(&clock)).await);
    let uri = Url::parse(&format!("{}keys", other.issuer())).unwrap();
    let set = json!({"keys": [signing::jwk(&Key::P256, "file")]}).to_string();
    let given = Arc::new(KeySet::parse(set.as_bytes()).unwrap());
    let issuers = vec![foreign("kubernetes", KeySource::Uri(uri)), foreign("spiffe", KeySource::Given(given))];
    let application = application(&own, BearerCheck::Jwt(rules()), issuers);
    let providers = OpenIdProviders::start(&settings(), NamedIssuer::of(&application), clock).unwrap();
    let by_uri = |number: usize| token("kubernetes", &json!({}), &json!({"jti": number}), &Key::RsaA);
    let known = async {
        for number in 0.. {
            if judged(&providers, &application, &by_uri(number)).await == Judged::Good {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), known).await.expect("its keys become known");
    assert_eq!(other.recorded("openid-configuration").len(), 0, "no metadata is fetched");
    let header = json!({"kid": "file", "alg": "ES256"});
    let by_file = token("spiffe", &header, &json!({}), &Key::P256);
    assert_eq!(judged(&providers, &application, &by_file).await, Judged::Good);
    let crossed = token("kubernetes", &header, &json!({}), &Key::P256);
    assert_eq!(judged(&providers, &application, &crossed).await, refused(TokenFault::SIGNATURE));
}

/// What is removed from an application counts no more, also while its result is kept; what is added gets its keys.
#[tokio::test]
async fn at_5_a_reload_adds_and_removes_issuers() {
    let site = Site::start().await;
    site.ready().await;
    let token = site.token(&json!({"jti": "kept"}), &Key::RsaB);
    assert_eq!(site.judged(&token).await, Judged::Good);
    let fetched = site.other.recorded("/keys").len();
    let without = application(&site.own, BearerCheck::Jwt(rules()), Vec::new());
    site.providers.update(&settings(), NamedIssuer::of(&without)).unwrap();
    assert_eq!(judged(&site.providers, &without, &token).await, refused(TokenFault::ISSUER));
    assert_eq!(site.judged(&token).await, Judged::Good, "a request that is under way keeps its application");

    let third = HostileOp::start(Arc::clone(&site.clock)).await;
    let issuers =
        vec![foreign(site.other.issuer(), KeySource::Discovery), foreign(third.issuer(), KeySource::Discovery)];
    let both = application(&site.own, BearerCheck::Jwt(rules()), issuers);
    site.providers.update(&settings(), NamedIssuer::of(&both)).unwrap();
    let known = async {
        for number in 0.. {
            let token = self::token(third.issuer(), &json!({}), &json!({"jti": number}), &Key::RsaA);
            if judged(&site.providers, &both, &token).await == Judged::Good {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), known).await.expect("the added issuer gets its keys");
    assert_eq!(judged(&site.providers, &both, &token).await, Judged::Good);
    assert!(site.other.recorded("/keys").len() <= fetched + 1, "keys that are known are kept");
}
