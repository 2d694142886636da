//! Which parts of an answer reach the library, and why it does not read everything.

use openidconnect::core::{CoreGenderClaim, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{EmptyAdditionalClaims, UserInfoClaims};
use serde_json::json;

use super::*;

fn answer(status: u16, body: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap();
    let headers = http::HeaderMap::new();
    Answer { status, content_type: None, location: None, headers, body: body.into() }
}

/// What the library parses from a token answer with these members in addition to the usual ones.
fn token_response(members: &Value) -> Result<TokenResponse, String> {
    let mut body = json!({ "token_type": "Bearer", "access_token": "a", "id_token": "e30.e30.c2ln" });
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    let readable = readable(Operation::Token, &answer(200, &body.to_string())).map_err(|fault| fault.to_string())?;
    serde_json::from_value(readable.into()).map_err(|fault: serde_json::Error| fault.to_string())
}

#[test]
fn what_no_sign_in_needs_keeps_nobody_out() {
    use oauth2::TokenResponse as _;
    for (members, access_token, expires_in, refresh_token) in [
        (json!({ "expires_in": 300, "refresh_token": "r" }), "a", Some(300), Some("r")),
        (json!({ "expires_in": "300", "refresh_token": 7 }), "a", None, None),
        (json!({ "expires_in": -1, "refresh_token": "" }), "a", None, None),
        (json!({ "expires_in": 1e300, "refresh_token": null }), "a", None, None),
        (json!({ "scope": ["openid"], "access_token": "" }), "", None, None),
        (json!({ "scope": null, "access_token": null }), "", None, None),
    ] {
        let response = token_response(&members).unwrap_or_else(|fault| panic!("{members}: {fault}"));
        assert_eq!(response.access_token().secret(), access_token, "{members}");
        assert_eq!(response.expires_in().map(|lasts| lasts.as_secs()), expires_in, "{members}");
        assert_eq!(response.refresh_token().map(|token| token.secret().as_str()), refresh_token, "{members}");
        assert!(!format!("{response:?}").contains("e30"), "no token is shown");
    }
}

#[test]
fn faults_name_the_member_and_no_value() {
    for (members, named) in [
        (json!({ "token_type": null }), "`token_type`"),
        (json!({ "token_type": 7 }), "`token_type`"),
        (json!({ "id_token": ["hunter2"] }), "`id_token`"),
        (json!({ "access_token": { "hunter2": 7 } }), "`access_token`"),
    ] {
        let fault = token_response(&members).expect_err("is no answer");
        assert!(fault.contains(named) && !fault.contains("hunter2"), "{members}: {fault}");
    }
}

#[test]
fn in_3_only_a_boolean_says_whether_a_token_is_active() {
    for active in
        [json!(true), json!(false), json!("true"), json!(1), json!(null), json!([true]), json!({"true": true})]
    {
        let body = json!({ "active": active, "exp": "tomorrow", "aud": { "x": 1 }, "scope": ["read"] });
        let readable = readable(Operation::Introspection, &answer(200, &body.to_string())).unwrap();
        let response = serde_json::from_value::<IntrospectionResponse>(readable.into());
        assert_eq!(response.is_ok(), active.is_boolean(), "{active}");
        let Ok(response) = response else { continue };
        assert_eq!(Value::Object(response.extra_fields().members.clone()), body, "the others stay whole");
    }
}

#[test]
fn a_refusal_is_the_providers_word_and_nothing_else_it_says() {
    let refusal = r#"{"error":"invalid_grant","error_description":7,"error_uri":[]}"#;
    for (operation, status, is_refusal) in [
        (Operation::Token, 400, true),
        (Operation::Token, 401, true),
        (Operation::Token, 403, false),
        (Operation::Introspection, 400, true),
        (Operation::Introspection, 401, false),
        (Operation::Revocation, 503, false),
    ] {
        let read = readable(operation, &answer(status, refusal));
        let reported = read.as_ref().ok().map(|members| Value::Object(members.clone()));
        assert_eq!(reported, is_refusal.then(|| json!({ "error": "invalid_grant" })), "{operation:?} {status}");
        assert!(is_refusal || matches!(read, Err(CallFault::Status(said)) if said.as_u16() == status), "{status}");
    }
}

/// The reason why UserInfo is parsed here: the library refuses the whole answer for values that providers send.
#[test]
fn the_library_refuses_user_info_that_providers_send() {
    type Claims = UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim>;
    let read = |members: &Value| -> Result<CoreUserInfoClaims, _> {
        Claims::from_json::<std::io::Error>(members.to_string().as_bytes(), None)
    };
    assert!(read(&json!({ "sub": "s" })).is_ok());
    for (name, value) in [("address", "1 Main Street"), ("address", ""), ("email_verified", ""), ("updated_at", "")] {
        let members = json!({ "sub": "s", name: value });
        assert!(read(&members).is_err(), "{members}: it takes them, and may be used now");
    }
}

/// The reason why metadata is parsed here.
#[test]
fn the_library_refuses_metadata_for_one_part_that_is_no_use() {
    let proper = json!({
        "issuer": "https://op.example", "authorization_endpoint": "https://op.example/auth",
        "token_endpoint": "https://op.example/token", "jwks_uri": "https://op.example/keys",
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    assert!(serde_json::from_value::<CoreProviderMetadata>(proper.clone()).is_ok());
    for (name, value) in [("userinfo_endpoint", ""), ("op_tos_uri", ""), ("scopes_supported", "openid")] {
        let mut metadata = proper.clone();
        metadata[name] = value.into();
        let read = serde_json::from_value::<CoreProviderMetadata>(metadata);
        assert!(read.is_err(), "{name}: it takes them, and may be used now");
    }
}
