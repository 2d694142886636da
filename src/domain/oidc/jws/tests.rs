//! Neither an unsigned token nor one that was signed for another purpose becomes a verified token.

use serde_json::json;

use super::*;
use crate::domain::oidc::id_token::{self, VerifiedIdToken};
use crate::domain::oidc::logout_token::{self, VerifiedLogoutToken};
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::testing::{application, signing, verified};
use crate::domain::time::Timestamp;

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
    let access_token = Purpose::AccessToken { algorithms: &algorithms, token_type: "jwt" };
    let purposes = [Purpose::IdToken(&party), Purpose::UserInfo(&party), Purpose::LogoutToken(&party), access_token];
    for purpose in purposes {
        // A header that each purpose accepts: without a type where it may be absent.
        let header =
            if purpose.kind() == Kind::AccessToken { r#"{"alg":"RS256","typ":"JWT"}"# } else { r#"{"alg":"RS256"}"# };
        let token = signing::token(header, &claims().to_string());
        let signed = || verified(&token, purpose).expect("is signed");
        let id_token = id_token::Expected { relying_party: &party, nonce: None, access_token: None, now: NOW };
        let is_id_token = VerifiedIdToken::check(signed(), &id_token).is_ok();
        let logout_token = logout_token::Expected { relying_party: &party, now: NOW };
        let is_logout_token = VerifiedLogoutToken::check(signed(), &logout_token).is_ok();
        let is_user_info = signed().into_user_info().is_ok();
        let is_access_token = signed().into_parts(Kind::AccessToken).is_ok();
        let is = [is_id_token, is_user_info, is_logout_token, is_access_token];
        let expected = [Kind::IdToken, Kind::UserInfo, Kind::LogoutToken, Kind::AccessToken];
        assert_eq!(is, expected.map(|kind| kind == purpose.kind()), "{:?}", purpose.kind());
    }
}
