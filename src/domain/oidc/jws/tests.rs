//! Neither an unsigned token nor one that was signed for another purpose becomes a verified token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::domain::oidc::id_token::{self, VerifiedIdToken};
use crate::domain::oidc::logout_token::{self, VerifiedLogoutToken};
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::time::Timestamp;
use crate::testing::signing::verified;
use crate::testing::{application, signing};

const NOW: Timestamp = Timestamp::from_unix(1_900_000_000);

fn party() -> RelyingParty {
    application("https://wiki.example.com").relying_party
}

/// Claims that are valid for an ID Token without a nonce, and, with `events`, for a logout token.
fn claims() -> Value {
    json!({
        "iss": party().issuer, "aud": "wiki", "sub": "subject", "jti": "1", "iat": NOW.as_unix(), "exp": NOW.as_unix() + 300,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    })
}

#[test]
fn only_the_token_that_was_signed_is_verified() {
    let party = party();
    let token = signing::token(r#"{"alg":"RS256"}"#, &claims().to_string());
    assert!(verified(&token, Purpose::IdToken(&party)).is_ok());
    let (message, signature) = token.rsplit_once('.').expect("has dots");
    let (header, _) = message.split_once('.').expect("has dots");
    let other = signing::token(r#"{"alg":"RS256"}"#, &claims().to_string().replace("subject", "somebody"));
    let (other_message, other_signature) = other.rsplit_once('.').expect("has dots");
    for (forged, fault) in [
        (format!("{message}."), TokenFault::SIGNATURE),
        (format!("{message}.c2ln"), TokenFault::SIGNATURE),
        (format!("{message}.{other_signature}"), TokenFault::SIGNATURE),
        (format!("{other_message}.{signature}"), TokenFault::SIGNATURE),
        (format!("{header}.e30.{signature}"), TokenFault::SIGNATURE),
    ] {
        assert_eq!(verified(&forged, Purpose::IdToken(&party)).err(), Some(fault), "{forged:.60}");
    }
}

#[test]
fn jw_4_a_signature_counts_for_the_purpose_that_it_was_verified_for() {
    let party = party();
    let algorithms = [SigningAlgorithm::RS256];
    let access_token = Purpose::AccessToken { algorithms: &algorithms, token_type: Some("jwt") };
    let purposes = [Purpose::IdToken(&party), Purpose::UserInfo(&party), Purpose::LogoutToken(&party), access_token];
    for purpose in purposes {
        // A header that each purpose accepts: without a type where it may be absent.
        let header = if purpose.kind() == TokenKind::AccessToken {
            r#"{"alg":"RS256","typ":"JWT"}"#
        } else {
            r#"{"alg":"RS256"}"#
        };
        let token = signing::token(header, &claims().to_string());
        let signed = || verified(&token, purpose).expect("is signed");
        let id_token = id_token::ExpectedIdToken { relying_party: &party, nonce: None, access_token: None, now: NOW };
        let is_id_token = VerifiedIdToken::check(signed(), &id_token).is_ok();
        let logout_token = logout_token::ExpectedLogoutToken { relying_party: &party, now: NOW };
        let is_logout_token = VerifiedLogoutToken::check(signed(), &logout_token).is_ok();
        let is_user_info = signed().into_user_info().is_ok();
        let is_access_token = signed().into_parts(TokenKind::AccessToken).is_ok();
        let is = [is_id_token, is_user_info, is_logout_token, is_access_token];
        let expected = [TokenKind::IdToken, TokenKind::UserInfo, TokenKind::LogoutToken, TokenKind::AccessToken];
        assert_eq!(is, expected.map(|kind| kind == purpose.kind()), "{:?}", purpose.kind());
    }
}

/// A P-256 key whose coordinate `x` begins with a zero byte: one of 256 keys.
fn key_with_a_leading_zero() -> EcdsaKeyPair {
    let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    loop {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("has random bytes");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("is a key");
        if matches!(key.public_key().as_ref(), [4, 0, second, ..] if *second != 0) {
            return key;
        }
    }
}

#[test]
fn a_coordinate_counts_with_and_without_zeros_at_its_beginning() {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key = key_with_a_leading_zero();
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let message = format!("{}.{}", text(br#"{"alg":"ES256"}"#), text(claims().to_string().as_bytes()));
    let signature = key.sign(&SystemRandom::new(), message.as_bytes()).expect("signs");
    let token = SecretString::from(format!("{message}.{}", text(signature.as_ref())));
    let relying_party = RelyingParty { id_token_signed_response_alg: SigningAlgorithm::ES256, ..party() };
    for (x, expected) in [
        (x.to_vec(), true),
        (x[1..].to_vec(), true),
        ([&[0], x].concat(), true),
        ([&[1], x].concat(), false),
        (x[..31].to_vec(), false),
        (x[2..].to_vec(), false),
        (vec![0; 32], false),
        (Vec::new(), false),
    ] {
        let keys = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": text(&x), "y": text(y) }] });
        let is_verified = KeySet::parse(keys.to_string().as_bytes())
            .is_some_and(|keys| keys.verify(&token, Purpose::IdToken(&relying_party)).is_ok());
        assert_eq!(is_verified, expected, "{x:?}");
    }
}
