//! Which credential a request presents, and that no other header is read.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::domain::http::CookieForm;

fn headers(values: &[&str]) -> HeaderLines {
    let lines = values.iter().map(|value| ("authorization".to_owned(), value.as_bytes().to_vec()));
    HeaderLines::new(lines, CookieForm::Lines)
}

fn both() -> AcceptedCredentials {
    let verify = BearerCheck::Introspection(IntrospectionRules::Clients(Vec::new()));
    AcceptedCredentials {
        intercept: true,
        bearer: Some(verify.into()),
        basic: Some(BasicRules { scopes: vec!["openid".into()], pass_on: true }),
    }
}

/// The presented credential as a text, for a table.
fn read(values: &[&str], accepted: &AcceptedCredentials) -> String {
    let presented = Presented::read(&headers(values), accepted);
    assert_eq!(presented.is_some(), accepted.apply_to(&headers(values)), "{values:?}");
    match presented {
        None => "nothing".to_owned(),
        Some(Presented { scheme, credential: Ok(Credential::Token(token)) }) => {
            format!("{} token {}", scheme.as_str(), token.expose_secret())
        }
        Some(Presented { scheme, credential: Ok(Credential::AppPassword(it)) }) => {
            format!("{} {} / {}", scheme.as_str(), it.user, it.password.expose_secret())
        }
        Some(Presented { scheme, credential: Err(refusal) }) => format!("{} {refusal:?}", scheme.as_str()),
    }
}

#[test]
fn br_1_one_line_of_a_configured_scheme() {
    for (values, expected) in [
        (&["Bearer abc"][..], "Bearer token abc"),
        (&["bEARER   a.b-c_d~e+f/g== "], "Bearer token a.b-c_d~e+f/g=="),
        (&["Basic YWxpY2U6cGFzczp3b3Jk"], "Basic alice / pass:word"),
        (&["BASIC w4Rsw6k6xZLDpA=="], "Basic Älé / Œä"),
        (&["Basic Z29hdXRoZW50aWsuaW8vdG9rZW46YWJj"], "Basic token abc"),
        (&[], "nothing"),
        (&[""], "nothing"),
        (&["Digest username=\"alice\""], "nothing"),
        (&["Bearerabc"], "nothing"),
        (&["Digest a, Bearer b"], "nothing"),
        (&["Digest a", "Negotiate b"], "nothing"),
        (&["Bearer"], "Bearer Malformed"),
        (&["Bearer "], "Bearer Malformed"),
        (&["Bearer a b"], "Bearer Malformed"),
        (&["Bearer a,Bearer b"], "Bearer Malformed"),
        (&["Bearer a\"b"], "Bearer Malformed"),
        (&["Bearer ="], "Bearer Malformed"),
        (&["Bearer ä"], "Bearer Malformed"),
        (&["Basic"], "Basic Malformed"),
        (&["Basic alice:password"], "Basic Malformed"),
        (&["Basic YWxpY2U"], "Basic Malformed"),
        (&["Basic YWxpY2U="], "Basic Malformed"),
        (&["Basic OnBhc3M="], "Basic Malformed"),
        (&["Basic YWxpY2U6"], "Basic Malformed"),
        (&["Basic YTpiCg=="], "Basic Malformed"),
        (&["Basic /////w=="], "Basic Malformed"),
        (&["Basic Z29hdXRoZW50aWsuaW8vdG9rZW46YSBi"], "Basic Malformed"),
        (&["Bearer a", "Bearer a"], "Bearer Ambiguous"),
        (&["Digest a", "Bearer b"], "Bearer Ambiguous"),
        (&["Basic YTpi", "Bearer b"], "Basic Ambiguous"),
    ] {
        assert_eq!(read(values, &both()), expected, "{values:?}");
    }
    let long = format!("Bearer {}", "a".repeat(64 * 1024 + 1));
    assert_eq!(read(&[&long], &both()), "Bearer Malformed", "JW-1");
}

#[test]
fn br_1_schemes_that_are_not_configured_are_left_alone() {
    let only_basic = AcceptedCredentials { bearer: None, ..both() };
    assert_eq!(read(&["Bearer abc"], &only_basic), "nothing");
    let token_user = read(&["Basic Z29hdXRoZW50aWsuaW8vdG9rZW46YWJj"], &only_basic);
    assert_eq!(token_user, "Basic goauthentik.io/token / abc", "nobody judges tokens, so it is a user like others");
    let only_bearer = AcceptedCredentials { basic: None, ..both() };
    assert_eq!(read(&["Basic YTpi"], &only_bearer), "nothing");
    for none in [AcceptedCredentials::default(), AcceptedCredentials { intercept: false, ..both() }] {
        assert_eq!(read(&["Bearer abc"], &none), "nothing");
        assert_eq!(read(&["Basic YTpi"], &none), "nothing");
    }
}

#[test]
fn a_used_credential_is_passed_on_by_the_rules_of_its_own_scheme() {
    let accepted = both();
    assert!(!accepted.pass_on(&headers(&["Bearer abc"])));
    assert!(accepted.pass_on(&headers(&["Basic YTpi"])));
}

#[test]
fn nothing_shows_a_credential() {
    let shown = ["Bearer s3cret-token", "Basic YWxpY2U6czNjcmV0LXRva2Vu"]
        .map(|line| format!("{:?}", Presented::read(&headers(&[line]), &both())));
    assert!(shown.iter().all(|text| !text.contains("s3cret") && !text.contains("czNjcmV0")), "{shown:?}");
}

proptest! {
    /// Whatever is sent, a header with an accepted scheme is always read as a credential, and any other header never.
    #[test]
    fn br_1_reading_is_total(values in prop::collection::vec("(?i)(bearer|basic|digest|)[ \\t]{0,2}[\\x20-\\x7e]{0,12}", 0..3)) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let mine = |value: &&str| {
            let name = value.split(' ').next().unwrap_or_default();
            name.eq_ignore_ascii_case("bearer") || name.eq_ignore_ascii_case("basic")
        };
        let presented = Presented::read(&headers(&values), &both());
        prop_assert_eq!(presented.is_some(), values.iter().any(mine));
        if let Some(Presented { credential: Ok(_), .. }) = presented {
            prop_assert_eq!(values.len(), 1, "a credential is read from a single line only");
        }
    }
}
