//! Key sets: which keys are accepted, and when they are fetched again.

use std::time::Duration;

use futures_util::future::join_all;
use gatepost::domain::oidc::algorithm::SigningAlgorithm;
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::outbound::provider::ProviderSettings;
use serde_json::{Value, json};

use crate::op::Reply;
use crate::op::signing::{Key, jwk};
use crate::test_client::{Outcome, TestClient, settings};

const BAD: Outcome = Outcome::Untrustworthy(TokenFault::SIGNATURE);

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

/// The outcome of a sign-in when `keys` are published under a new id and one of them signed; every row has a provider of its
/// own, because fetches for unknown keys are rate-limited.
async fn published(keys: Value, header: Value, key: Key) -> Outcome {
    // Sets of thousands of keys take long to read on a busy machine, and no provider stalls here.
    let patient = ProviderSettings { timeout: Duration::from_secs(60), ..settings() };
    let test_client = TestClient::with(patient, |_| {}).await;
    test_client
        .outcome(|b| {
            b.key_set = keys;
            b.header = header;
            b.key = key;
        })
        .await
}

#[tokio::test]
async fn oc_24_use_key_ops_and_alg_are_honoured() {
    let key = || jwk(&Key::RsaA, "new");
    for (name, keys, expected) in [
        ("plain", json!([key()]), Outcome::SignedIn),
        ("verify among operations", json!([with(key(), "key_ops", json!(["sign", "verify"]))]), Outcome::SignedIn),
        ("the pinned algorithm", json!([with(key(), "alg", json!("RS256"))]), Outcome::SignedIn),
        ("use null", json!([with(key(), "use", Value::Null)]), Outcome::SignedIn),
        ("use empty", json!([with(key(), "use", json!(""))]), Outcome::SignedIn),
        ("alg null", json!([with(key(), "alg", Value::Null)]), Outcome::SignedIn),
        ("alg empty", json!([with(key(), "alg", json!(""))]), Outcome::SignedIn),
        ("operations null", json!([with(key(), "key_ops", Value::Null)]), Outcome::SignedIn),
        ("no operations", json!([with(key(), "key_ops", json!([]))]), Outcome::SignedIn),
        ("id null", json!([with(key(), "kid", Value::Null)]), BAD),
        ("for encryption", json!([with(key(), "use", json!("enc"))]), BAD),
        ("odd use", json!([with(key(), "use", json!(["sig"]))]), BAD),
        ("for wrapping keys", json!([with(key(), "key_ops", json!(["wrapKey"]))]), BAD),
        ("odd operations", json!([with(key(), "key_ops", json!("verify"))]), BAD),
        ("another algorithm", json!([with(key(), "alg", json!("RS512"))]), BAD),
        ("an encryption algorithm", json!([with(key(), "alg", json!("RSA-OAEP"))]), BAD),
        ("another id", json!([with(key(), "kid", json!("other"))]), BAD),
        ("no keys", json!([]), BAD),
    ] {
        let outcome = published(json!({"keys": keys}), json!({"kid": "new"}), Key::RsaA).await;
        assert_eq!(outcome, expected, "{name}");
    }
}

#[tokio::test]
async fn oc_24_unusable_keys_are_skipped() {
    let proper = jwk(&Key::RsaA, "new");
    let mixed = json!([
        {}, null, 1, "key", {"kty": "RSA"}, {"kty": "RSA", "n": "!", "e": "AQAB"}, {"kty": "PQ", "kid": "new"},
        {"kty": "oct", "kid": "new", "k": "c2VjcmV0"}, {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "new"}, {"kty": "OKP", "crv": "Ed448", "x": "AA"},
        with(proper.clone(), "kid", json!(7)), with(proper.clone(), "e", json!("AQ")),
        with(proper.clone(), "e", json!("AQAA")), jwk(&Key::P256, "new"), jwk(&Key::RsaB, "new"), proper,
    ]);
    assert_eq!(published(json!({"keys": mixed}), json!({"kid": "new"}), Key::RsaA).await, Outcome::SignedIn);
}

#[tokio::test]
async fn oc_24_short_rsa_keys_are_refused() {
    let keys = json!({"keys": [jwk(&Key::Rsa1024, "new")]});
    assert_eq!(published(keys.clone(), json!({"kid": "new"}), Key::Rsa1024).await, BAD);
    assert_eq!(published(keys, json!({"kid": null}), Key::Rsa1024).await, BAD);
}

#[tokio::test]
async fn oc_24_without_kid_eight_keys_are_tried() {
    for (before, expected) in [(0, Outcome::SignedIn), (7, Outcome::SignedIn), (8, BAD)] {
        let mut keys = vec![jwk(&Key::RsaA, "other"); before];
        keys.push(jwk(&Key::RsaB, "b"));
        let outcome = published(json!({"keys": keys}), json!({"kid": null}), Key::RsaB).await;
        assert_eq!(outcome, expected, "{before} others first");
    }
}

#[tokio::test]
async fn oc_24_ten_thousand_keys_do_no_harm() {
    let many = vec![jwk(&Key::P256, "other"); 10_000];
    let outcome = published(json!({"keys": many}), json!({"kid": "new"}), Key::RsaA).await;
    assert_eq!(outcome, BAD, "too long a set is not read");
    let mut keys = vec![jwk(&Key::RsaA, "new")];
    keys.extend(vec![jwk(&Key::P256, "other"); 1000]);
    assert_eq!(published(json!({"keys": keys}), json!({"kid": "new"}), Key::RsaA).await, Outcome::SignedIn);
}

#[tokio::test]
async fn jw_3_ecdsa_signatures_are_in_range_and_of_exact_length() {
    let test_client =
        TestClient::with(settings(), |party| party.id_token_signed_response_alg = SigningAlgorithm::ES256).await;
    let sign_in = |key: Key| {
        test_client.outcome(|b| {
            b.header = json!({"alg": "ES256", "kid": "ec"});
            b.key_set = json!({"keys": [jwk(&Key::P256, "ec")]});
            b.key = key;
        })
    };
    assert_eq!(sign_in(Key::P256).await, Outcome::SignedIn);
    for bytes in [vec![0; 64], vec![0xff; 64], vec![1; 63], vec![1; 65], vec![1; 96], vec![0x30, 6, 2, 1, 1, 2, 1, 1]] {
        assert_eq!(sign_in(Key::Bytes(bytes)).await, BAD);
    }
}

#[tokio::test]
async fn f_03_rotation_needs_one_fetch() {
    let test_client = TestClient::new().await;
    let fetched = test_client.asked("/keys");
    let rotate = |b: &mut crate::op::Behaviour| {
        b.header = json!({"kid": "b"});
        b.key_set = json!({"keys": [jwk(&Key::RsaA, "a"), jwk(&Key::RsaB, "b")]});
        b.key = Key::RsaB;
    };
    test_client.op.behave(rotate);
    let outcomes = join_all((0..20).map(|_| test_client.sign_in())).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(test_client.asked("/keys") - fetched, 1, "one fetch for all of them");
}

#[tokio::test]
async fn f_03_without_kid_a_bad_signature_fetches_too() {
    let test_client = TestClient::new().await;
    let fetched = test_client.asked("/keys");
    let outcome = test_client
        .outcome(|b| {
            b.header = json!({"kid": null});
            b.key_set = json!({"keys": [jwk(&Key::RsaB, "b")]});
            b.key = Key::RsaB;
        })
        .await;
    assert_eq!(outcome, Outcome::SignedIn);
    assert_eq!(test_client.asked("/keys") - fetched, 1);
}

#[tokio::test]
async fn oc_24_junk_key_ids_are_braked() {
    let test_client = TestClient::new().await;
    let fetched = test_client.asked("/keys");
    for _ in 0..12 {
        assert_eq!(test_client.outcome(|b| b.header = json!({"kid": "junk"})).await, BAD);
    }
    assert_eq!(test_client.asked("/keys") - fetched, 5, "a burst of five, and no more within ten seconds");
    assert_eq!(test_client.outcome(|_| {}).await, Outcome::SignedIn, "known keys work on");
}

#[tokio::test]
async fn oc_24_a_bad_signature_by_a_known_key_fetches_nothing() {
    let test_client = TestClient::new().await;
    let fetched = test_client.asked("/keys");
    assert_eq!(test_client.outcome(|b| b.key = Key::RsaB).await, BAD);
    assert_eq!(test_client.asked("/keys"), fetched);
}

#[tokio::test]
async fn f_03_the_last_good_keys_outlive_failed_fetches() {
    let frequent = ProviderSettings {
        refresh_interval: Duration::from_millis(50),
        timeout: Duration::from_millis(500),
        ..settings()
    };
    let test_client = TestClient::with(frequent, |_| {}).await;
    let failures: [fn(&mut crate::op::Behaviour); 7] = [
        |b| b.keys = Reply::Status(404),
        |b| b.key_set = json!({"keys": []}),
        |b| b.key_set = json!({}),
        |b| b.key_set = json!({"keys": "none"}),
        |b| b.keys = Reply::Text(200, "text/html", "<html>".to_owned()),
        |b| b.keys = Reply::Huge(2 << 20),
        |b| b.keys = Reply::Truncated,
    ];
    for misbehave in failures {
        test_client.op.reform();
        test_client.op.behave(misbehave);
        let before = test_client.asked("/keys");
        let refreshed = async {
            while test_client.asked("/keys") < before + 3 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), refreshed).await.expect("keys are refreshed");
        assert!(test_client.sign_in().await.is_ok());
    }
}
