//! Every duty about an ID Token's claims and form, in tables.

use openidconnect::core::CoreIdToken;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::crypto::sealing::{SealingKey, SealingKeys};
use crate::domain::oidc::jws::Purpose;
use crate::domain::oidc::sign_in::{Attempt, AttemptId, Binding};
use crate::testing::signing::verified;
use crate::testing::{application, signing};

const NOW: u64 = 1_900_000_000;
const ISSUER: &str = "https://op.example/o/wiki/";
const ACCESS_TOKEN: &str = "dNZX1hEZ9wBCzNL40Upu646bdzQA";

/// The nonce of attempt `id`.
fn nonce(id: u8) -> Nonce {
    let binding = Binding::new([7; 32]);
    let keys = SealingKeys::new(SealingKey::new([1; 32]), vec![]);
    Attempt::begin(AttemptId::new([id; 16]), &binding, "/".into(), 0, Timestamp::from_unix(NOW), &keys).nonce(&binding)
}

fn proper() -> Value {
    json!({
        "iss": ISSUER, "sub": "248289761001", "aud": "wiki", "nonce": nonce(1).expose(),
        "exp": NOW + 300, "iat": NOW, "email": "alice@example.test",
    })
}

use signing::token as token_of;

/// The relying party of the wiki.
fn party(algorithm: SigningAlgorithm) -> RelyingParty {
    let known = application("https://wiki.example.com").relying_party;
    RelyingParty { issuer: ISSUER.into(), id_token_signed_response_alg: algorithm, ..known }
}

fn check_raw_at(raw: &str, algorithm: SigningAlgorithm, now: u64) -> Result<VerifiedIdToken, TokenFault> {
    let (party, nonce) = (party(algorithm), nonce(1));
    let signed = verified(raw, Purpose::IdToken(&party))?;
    let (access_token, now) = (Some(ACCESS_TOKEN), Timestamp::from_unix(now));
    VerifiedIdToken::check(signed, &ExpectedIdToken { relying_party: &party, nonce: Some(&nonce), access_token, now })
}

fn check_raw(raw: &str) -> Result<VerifiedIdToken, TokenFault> {
    check_raw_at(raw, SigningAlgorithm::RS256, NOW)
}

/// Checks the proper claims with `changes` applied; `null` removes a claim.
fn fault_of(changes: &Value) -> Option<TokenFault> {
    let mut claims = proper();
    let (Value::Object(members), Value::Object(changes)) = (&mut claims, changes) else { panic!("objects") };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), value.clone())
        };
    }
    check_raw(&token_of(r#"{"alg":"RS256"}"#, &claims.to_string())).err()
}

#[track_caller]
fn check(duty: &str, rows: &[(Value, Option<TokenFault>)]) {
    for (changes, expected) in rows {
        assert_eq!(fault_of(changes), *expected, "{duty}: {changes}");
    }
}

#[test]
fn a_proper_token_passes_and_tells_what_it_says() {
    let verified = check_raw(&token_of(r#"{"alg":"RS256"}"#, &proper().to_string())).expect("is proper");
    assert_eq!(verified.user(), &User { issuer: ISSUER.into(), subject: "248289761001".into() });
    assert_eq!(verified.expires(), Timestamp::from_unix(NOW + 300));
    assert_eq!(verified.claims().text("email"), Some("alice@example.test"));
}

#[test]
fn oc_02_issuer_byte_for_byte() {
    let other = Some(TokenFault::ISSUER);
    check(
        "OC-2",
        &[
            (json!({"iss": ISSUER}), None),
            (json!({"iss": "https://op.example/o/wiki//"}), other.clone()),
            (json!({"iss": "https://op.example/o/wiki"}), other.clone()),
            (json!({"iss": "https://OP.example/o/wiki/"}), other.clone()),
            (json!({"iss": "http://op.example/o/wiki/"}), other.clone()),
            (json!({"iss": ""}), other.clone()),
            (json!({"iss": [ISSUER]}), other.clone()),
            (json!({"iss": null}), other.clone()),
        ],
    );
}

#[test]
fn oc_03_04_this_client_alone() {
    let (audience, party) = (Some(TokenFault::AUDIENCE), Some(TokenFault::AuthorizedParty));
    check(
        "OC-3",
        &[
            (json!({"aud": "wiki"}), None),
            (json!({"aud": ["wiki"]}), None),
            (json!({"aud": ["wiki", "other"]}), audience.clone()),
            (json!({"aud": ["other"]}), audience.clone()),
            (json!({"aud": []}), audience.clone()),
            (json!({"aud": 1}), audience.clone()),
            (json!({"aud": [null]}), audience.clone()),
            (json!({"aud": "Wiki"}), audience.clone()),
            (json!({"aud": {"wiki": "wiki"}}), audience.clone()),
            (json!({"aud": null}), audience.clone()),
        ],
    );
    check(
        "OC-4",
        &[
            (json!({"azp": "wiki"}), None),
            (json!({"aud": ["wiki"], "azp": "wiki"}), None),
            (json!({"azp": "other"}), party.clone()),
            (json!({"azp": ["wiki"]}), party.clone()),
            (json!({"azp": 1}), party.clone()),
            (json!({"aud": ["wiki", "other"], "azp": "wiki"}), audience.clone()),
        ],
    );
    let null = proper().to_string().replacen("\"wiki\"", "null", 1);
    assert_eq!(check_raw(&token_of(r#"{"alg":"RS256"}"#, &null)).err(), audience);
}

#[test]
fn oc_03_further_audiences_are_those_that_the_operator_names() {
    let trusted = ["project", "4711"].map(str::to_owned);
    let fault = |aud: Value, azp: Value| {
        let mut claims = proper();
        claims["aud"] = aud;
        claims["azp"] = azp;
        let raw = token_of(r#"{"alg":"RS256"}"#, &claims.to_string());
        let party = RelyingParty { trusted_audiences: trusted.to_vec(), ..party(SigningAlgorithm::RS256) };
        let (signed, nonce) = (verified(&raw, Purpose::IdToken(&party)).unwrap(), nonce(1));
        let (access_token, now) = (Some(ACCESS_TOKEN), Timestamp::from_unix(NOW));
        let expected = ExpectedIdToken { relying_party: &party, nonce: Some(&nonce), access_token, now };
        VerifiedIdToken::check(signed, &expected).err()
    };
    for (aud, azp, expected) in [
        (json!("wiki"), Value::Null, None),
        (json!(["wiki"]), Value::Null, None),
        (json!(["wiki", "project", "4711"]), json!("wiki"), None),
        (json!(["4711", "wiki"]), Value::Null, None),
        (json!(["wiki", "other"]), json!("wiki"), Some(TokenFault::AUDIENCE)),
        (json!(["wiki", "project", "other"]), json!("wiki"), Some(TokenFault::AUDIENCE)),
        (json!(["wiki", "PROJECT"]), json!("wiki"), Some(TokenFault::AUDIENCE)),
        (json!(["wiki", 4711]), json!("wiki"), Some(TokenFault::AUDIENCE)),
        (json!(["project", "4711"]), json!("wiki"), Some(TokenFault::AUDIENCE)),
        (json!("project"), json!("wiki"), Some(TokenFault::AUDIENCE)),
        (json!([]), json!("wiki"), Some(TokenFault::AUDIENCE)),
        (json!(["wiki", "project"]), json!("project"), Some(TokenFault::AuthorizedParty)),
    ] {
        assert_eq!(fault(aud.clone(), azp), expected, "{aud}");
    }
}

#[test]
fn oc_08_times_are_numbers_in_range() {
    let (exp, iat, nbf) = (Some(TokenFault::Time("exp")), Some(TokenFault::Time("iat")), Some(TokenFault::Time("nbf")));
    for (name, fault) in [("exp", exp.clone()), ("iat", iat.clone()), ("nbf", nbf.clone())] {
        for value in [
            json!(1e300),
            json!(-1),
            json!(-0.5),
            json!("123"),
            json!(9_223_372_036_854_775_808_u64),
            json!(253_402_300_800_u64),
            json!(true),
            json!([NOW]),
        ] {
            check("OC-8", &[(json!({name: value}), fault.clone())]);
        }
    }
    check(
        "OC-8",
        &[
            (json!({"exp": null}), exp.clone()),
            (json!({"iat": null}), iat.clone()),
            (json!({"nbf": null}), None),
            (json!({"exp": 1.5}), Some(TokenFault::Expired(NOW - 1))),
            #[expect(clippy::cast_precision_loss, reason = "such numbers are far below 2^53")]
            (json!({"exp": NOW as f64 + 300.5, "iat": NOW as f64 - 0.25}), None),
            (json!({"exp": 253_402_300_799_u64}), None),
        ],
    );
    let null = proper().to_string().replacen('{', r#"{"nbf":null,"at_hash":null,"azp":null,"#, 1);
    assert_eq!(check_raw(&token_of(r#"{"alg":"RS256"}"#, &null)).err(), None, "null is absent");
}

#[test]
fn oc_08_f_04_leeway_is_a_minute_each_way() {
    check(
        "F-4",
        &[
            (json!({"exp": NOW - 30}), None),
            (json!({"exp": NOW - 59}), None),
            (json!({"exp": NOW - 61}), Some(TokenFault::Expired(61))),
            (json!({"exp": NOW - 600}), Some(TokenFault::Expired(600))),
            (json!({"iat": NOW + 30}), None),
            (json!({"iat": NOW + 59}), None),
            (json!({"iat": NOW + 60}), None),
            (json!({"iat": NOW + 61}), Some(TokenFault::IssuedAt(61))),
            (json!({"iat": NOW + 600}), Some(TokenFault::IssuedAt(600))),
            (json!({"nbf": NOW + 60}), None),
            (json!({"nbf": NOW + 61}), Some(TokenFault::NotBefore(61))),
        ],
    );
    assert!(TokenFault::Expired(600).to_string().contains("600 s"), "the message names the skew");
    // A time after 2038.
    let late = 2_208_988_800;
    let claims = proper().to_string().replace(&(NOW + 300).to_string(), &(late + 300).to_string());
    assert!(check_raw_at(&token_of(r#"{"alg":"RS256"}"#, &claims), SigningAlgorithm::RS256, late).is_ok());
}

#[test]
fn oc_09_nonce_is_this_attempts() {
    let fault = Some(TokenFault::Nonce);
    let mut altered = nonce(1).expose().to_owned();
    altered.pop();
    check(
        "OC-9",
        &[
            (json!({"nonce": null}), fault.clone()),
            (json!({"nonce": ""}), fault.clone()),
            (json!({"nonce": altered}), fault.clone()),
            (json!({"nonce": format!("{}x", nonce(1).expose())}), fault.clone()),
            (json!({"nonce": nonce(2).expose()}), fault.clone()),
            (json!({"nonce": [nonce(1).expose()]}), fault.clone()),
            (json!({"nonce": 1}), fault.clone()),
        ],
    );
}

#[test]
fn oc_10_subject_is_ascii_of_a_length() {
    let fault = Some(TokenFault::Subject);
    check(
        "OC-10",
        &[
            (json!({"sub": "x".repeat(255)}), None),
            (json!({"sub": null}), fault.clone()),
            (json!({"sub": ""}), fault.clone()),
            (json!({"sub": 1}), fault.clone()),
            (json!({"sub": "x".repeat(256)}), fault.clone()),
            (json!({"sub": "x".repeat(300)}), fault.clone()),
            (json!({"sub": "jürgen"}), fault.clone()),
        ],
    );
}

#[test]
fn oc_12_at_hash_belongs_to_the_access_token() {
    let half = |algorithm, length: usize| {
        URL_SAFE_NO_PAD.encode(&digest::digest(algorithm, ACCESS_TOKEN.as_bytes()).as_ref()[..length])
    };
    let fault = Some(TokenFault::AccessTokenHash);
    check(
        "OC-12",
        &[
            (json!({"at_hash": half(&digest::SHA256, 16)}), None),
            (json!({"at_hash": half(&digest::SHA256, 32)}), fault.clone()),
            (json!({"at_hash": half(&digest::SHA512, 32)}), fault.clone()),
            (json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}), fault.clone()),
            (json!({"at_hash": ""}), None),
            (json!({"at_hash": 1}), fault.clone()),
        ],
    );
    for (name, hash, length) in
        [("ES384", &digest::SHA384, 24), ("ES512", &digest::SHA512, 32), ("EdDSA", &digest::SHA512, 32)]
    {
        let mut claims = proper();
        claims["at_hash"] = half(hash, length).into();
        let raw = token_of(&json!({"alg": name}).to_string(), &claims.to_string());
        let algorithm = SigningAlgorithm::parse(name).expect("is registered");
        assert!(check_raw_at(&raw, algorithm, NOW).is_ok(), "{name}");
    }
}

#[test]
fn oc_12_at_hash_without_an_access_token_is_refused() {
    let Value::Object(claims) = json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}) else { panic!("an object") };
    let checked = check_access_token_hash(&claims, SigningAlgorithm::RS256, None);
    assert_eq!(checked, Err(TokenFault::AccessTokenHash));
}

#[test]
fn oc_05_07_header_says_what_was_pinned_and_nothing_more() {
    use TokenFault::{Header, Malformed};
    for (header, expected) in [
        (r#"{"alg":"RS256"}"#, None),
        (r#"{"alg":"RS256","typ":"JWT","kid":"a"}"#, None),
        (r#"{"alg":"RS256","typ":"application/jwt"}"#, None),
        // OC-7: keys named by the token itself have no effect
        (r#"{"alg":"RS256","jku":"https://evil.example","jwk":{},"x5u":"https://evil.example","x5c":[]}"#, None),
        (r#"{"alg":"none"}"#, Some(TokenFault::ALGORITHM)),
        (r#"{"alg":"None"}"#, Some(TokenFault::ALGORITHM)),
        (r#"{"alg":"NONE"}"#, Some(TokenFault::ALGORITHM)),
        (r#"{"alg":"rs256"}"#, Some(TokenFault::ALGORITHM)),
        (r#"{"alg":"PS256"}"#, Some(TokenFault::ALGORITHM)),
        (r#"{"alg":"ES256"}"#, Some(TokenFault::ALGORITHM)),
        (r#"{"alg":"HS256"}"#, Some(TokenFault::ALGORITHM)),
        (r#"{"alg":["RS256"]}"#, Some(TokenFault::ALGORITHM)),
        ("{}", Some(TokenFault::ALGORITHM)),
        (r#"{"alg":"RS256","crit":["b64"],"b64":false}"#, Some(Header)),
        (r#"{"alg":"RS256","crit":[]}"#, Some(Header)),
        // JW-4: another kind of token.
        (r#"{"alg":"RS256","typ":"logout+jwt"}"#, Some(Header)),
        (r#"{"alg":"RS256","typ":"at+jwt"}"#, Some(Header)),
        (r#"{"alg":"RS256","typ":"application/at+jwt"}"#, Some(Header)),
        (r#"{"alg":"RS256","typ":"token-introspection+jwt"}"#, Some(Header)),
        (r#"{"alg":"RS256","typ":1}"#, Some(Header)),
        (r#"{"alg":"RS256","alg":"none"}"#, Some(Malformed)),
        (r#"["RS256"]"#, Some(Malformed)),
    ] {
        assert_eq!(check_raw(&token_of(header, &proper().to_string())).err(), expected, "{header}");
    }
}

#[test]
fn oc_07_a_repeated_claim_is_refused() {
    let doubled = proper().to_string().replacen('{', r#"{"iss":"https://evil.example","#, 1);
    assert_eq!(check_raw(&token_of(r#"{"alg":"RS256"}"#, &doubled)).err(), Some(TokenFault::Malformed));
}

/// Why the claims are not checked by the library: its `IdTokenVerifier` accepts none of these tokens, and cannot verify
/// a signature without parsing the claims.
#[test]
fn the_library_refuses_id_tokens_that_providers_send() {
    let with = |name: &str, value: Value| {
        let mut claims = proper();
        claims[name] = value;
        token_of(r#"{"alg":"RS256"}"#, &claims.to_string())
    };
    assert!(with("name", "Alice".into()).parse::<CoreIdToken>().is_ok());
    for (name, value) in [
        ("address", "1 Main Street".into()),
        ("address", "".into()),
        ("email_verified", "".into()),
        ("updated_at", "".into()),
        ("amr", "pwd".into()),
    ] {
        let token = with(name, value);
        assert!(check_raw(&token).is_ok(), "{name}");
        assert!(token.parse::<CoreIdToken>().is_err(), "{name}: it takes them, and may be used now");
    }
}

#[test]
fn jw_4_a_logout_token_is_no_id_token() {
    check(
        "JW-4",
        &[(
            json!({"nonce": null, "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
            Some(TokenFault::Nonce),
        )],
    );
}

#[test]
fn oc_01_jw_1_form_is_strict() {
    let good = token_of(r#"{"alg":"RS256"}"#, &proper().to_string());
    let (signed, signature) = good.rsplit_once('.').expect("has dots");
    let (header, payload) = signed.split_once('.').expect("has dots");
    for (raw, expected) in [
        (String::new(), TokenFault::Malformed),
        (signed.to_owned(), TokenFault::Malformed),
        (format!("{good}.x"), TokenFault::Malformed),
        (format!("{good}.x.y"), TokenFault::Encrypted),
        (format!("{good}="), TokenFault::Malformed),
        (format!("{good}\n"), TokenFault::Malformed),
        (format!(" {good}"), TokenFault::Malformed),
        (format!("{signed}.+/=="), TokenFault::Malformed),
        // The last character of a group has bits that must be zero.
        (format!("{signed}.c2l"), TokenFault::Malformed),
        (format!("{header}=.{payload}.{signature}"), TokenFault::Malformed),
        (format!("{header}.{payload}\u{0}.{signature}"), TokenFault::Malformed),
        (format!(".{payload}.{signature}"), TokenFault::Malformed),
        (format!("{header}..{signature}"), TokenFault::Malformed),
        (format!("{signed}.{}", "A".repeat(64 * 1024)), TokenFault::TooLong),
        (token_of(r#"{"alg":"RS256"}"#, "[]"), TokenFault::Malformed),
        (token_of(r#"{"alg":"RS256"}"#, "\u{feff}{}"), TokenFault::Malformed),
        (token_of(r#"{"alg":"RS256"}"#, &"[".repeat(10_000)), TokenFault::Malformed),
    ] {
        assert_eq!(check_raw(&raw).err(), Some(expected), "{raw:.80}");
    }
}

#[test]
fn oc_13_user_info_completes_but_never_replaces() {
    let signed_in = |user_info: Value| {
        let verified = check_raw(&token_of(r#"{"alg":"RS256"}"#, &proper().to_string())).expect("is proper");
        let Value::Object(user_info) = user_info else { panic!("an object") };
        SignedIn::new(verified, None).complete(user_info)
    };
    let completed = signed_in(json!({
        "sub": "248289761001", "email": "mallory@example.test", "name": "Alice", "sid": "another", "exp": 1,
    }))
    .expect("is the same user");
    assert_eq!(completed.claims().text("email"), Some("alice@example.test"));
    assert_eq!(completed.claims().text("name"), Some("Alice"));
    assert_eq!(completed.claims().value("sid"), None);
    for other in [json!({}), json!({"sub": "other"}), json!({"sub": 248_289_761_001_u64}), json!({"sub": null})] {
        assert_eq!(signed_in(other).err(), Some(TokenFault::OtherSubject));
    }
}

proptest! {
    #[test]
    fn no_input_panics(raw in "\\PC{0,80}", claims in "[\\[\\]{}\",:a-z0-9]{0,80}") {
        let _ = check_raw(&raw);
        let _ = check_raw(&token_of(&claims, &claims));
    }
}
