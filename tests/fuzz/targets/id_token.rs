//! Any ID Token: as it is, and as header, payload and UserInfo on a line each, which are encoded and signed first so that
//! the fuzzer gets past the base64 and the signature. `@NONCE@` stands for the nonce of the attempt.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::domain::oidc::id_token::{ExpectedIdToken, SignedIn, VerifiedIdToken};
use gatepost::domain::oidc::jws::Purpose;
use gatepost::domain::oidc::sign_in::{Attempt, AttemptId, Binding, Nonce};
use gatepost::domain::time::Timestamp;
use gatepost::testing::{ISSUER, NOW, sealing_keys, signing};
use serde_json::{Map, Value};

use super::test_outpost::relying_party;

const CLIENT: &str = "wiki";
/// The latest `exp` in the past and the latest `iat` in the future, with the leeway of a minute; and a fraction.
const TIMES: (f64, f64) = (1_899_999_940.0, 1_900_000_061.0);

/// Checks the token in both interpretations of the input.
pub fn run(input: &[u8]) {
    let nonce = nonce();
    let text = String::from_utf8_lossy(input).replace("@NONCE@", nonce.expose());
    check(&text, &nonce, None);
    let mut lines = text.splitn(3, '\n');
    if let (Some(header), Some(payload)) = (lines.next(), lines.next()) {
        check(&signing::token(header, payload), &nonce, lines.next());
    }
}

fn nonce() -> Nonce {
    let (binding, now) = (Binding::new([2; 32]), Timestamp::from_unix(NOW));
    Attempt::begin(AttemptId::new([3; 16]), &binding, String::new(), 0, now, &sealing_keys(1)).nonce(&binding)
}

fn check(raw: &str, nonce: &Nonce, user_info: Option<&str>) {
    let (party, now) = (relying_party(CLIENT), Timestamp::from_unix(NOW));
    let expected = ExpectedIdToken { relying_party: &party, nonce: Some(nonce), access_token: Some("access"), now };
    let Ok(signed) = signing::verified(raw, Purpose::IdToken(&party)) else { return };
    let Ok(token) = VerifiedIdToken::check(signed, &expected) else { return };
    let claims = payload(raw);
    assert_eq!(claims["iss"], ISSUER);
    assert!(claims["aud"] == CLIENT || claims["aud"].as_array().is_some_and(|all| all.iter().all(|it| it == CLIENT)));
    assert!(present(&claims, "azp").is_none_or(|party| party == CLIENT));
    assert_eq!(claims["nonce"], nonce.expose());
    let seconds = |name: &str| claims[name].as_f64().expect("a number");
    assert!(seconds("exp") > TIMES.0 && seconds("iat") < TIMES.1);
    let subject = claims["sub"].as_str().expect("a text").to_owned();
    assert!((1..=255).contains(&subject.len()) && subject.is_ascii());
    assert_eq!((token.user().subject.as_str(), token.user().issuer.as_str()), (subject.as_str(), ISSUER));

    let Some(more) = user_info.and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok()) else { return };
    let same = more.get("sub").and_then(Value::as_str) == Some(&subject);
    let completed = SignedIn::new(token, None).complete(more.clone());
    assert_eq!(completed.is_ok(), same, "UserInfo of the same subject, and no other");
    let Ok(signed_in) = completed else { return };
    let merged = signed_in.claims().as_object();
    for (name, value) in &claims {
        // A qualifier of an address that the ID Token does not contain is superseded by UserInfo's address.
        let about = QUALIFIED.iter().find(|(_, qualifier)| qualifier == name).map(|(claim, _)| *claim);
        if present(&claims, name).is_some() && about.is_none_or(|claim| present(&claims, claim).is_some()) {
            assert_eq!(merged.get(name), Some(value), "UserInfo overrules the ID Token in `{name}`");
        }
    }
    for (claim, qualifier) in QUALIFIED {
        let pair = |of: &Map<String, Value>| (present(of, claim).cloned(), present(of, qualifier).cloned());
        let (sources, whole) = ([pair(&claims), pair(&more)], pair(merged));
        // A source's statement that the claim is unverified is kept beside a claim without a statement.
        let denied = sources.iter().any(|(_, said)| said.as_ref().is_some_and(|said| said == false || said == "false"));
        let is_denied = denied && whole.1 == Some(false.into()) && sources.contains(&(whole.0.clone(), None));
        assert!(is_denied || sources.contains(&whole), "`{claim}` is of one source");
    }
}

/// Claims and their qualifiers.
const QUALIFIED: [(&str, &str); 2] = [("email", "email_verified"), ("phone_number", "phone_number_verified")];

/// A member with a non-empty value.
fn present<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null() && *value != "")
}

/// The payload as another JSON reader parses it.
fn payload(raw: &str) -> Map<String, Value> {
    let part = raw.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}
