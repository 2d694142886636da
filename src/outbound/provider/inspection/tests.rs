//! The judgements, by tables.

use http::header::{AGE, DATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use url::Url;

use super::authorization::{Next, Verdict, next};
use super::fetched::clock;
use crate::domain::time::Timestamp;
use crate::outbound::finding::Level;
use crate::outbound::http_answer::Answer;

fn headers(lines: &[(http::HeaderName, &'static str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
}

#[test]
fn clocks_that_differ_are_a_warning_from_five_seconds_and_a_failure_beyond_the_leeway() {
    // Sun, 06 Nov 1994 08:49:37 GMT.
    const THEN: u64 = 784_111_777;
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (now, level) in [
        (THEN, Level::Ok),
        (THEN + 4, Level::Ok),
        (THEN + 5, Level::Warn),
        (THEN - 5, Level::Warn),
        (THEN + 60, Level::Warn),
        (THEN + 61, Level::Fail),
        (THEN - 3600, Level::Fail),
    ] {
        let found = clock(&headers(&[(DATE, date)]), Timestamp::from_unix(now));
        assert_eq!(found.level, level, "{now}: {}", found.text);
    }
    let cached = clock(&headers(&[(DATE, date), (AGE, "3600")]), Timestamp::from_unix(THEN + 3600));
    assert_eq!(cached.level, Level::Ok, "{}", cached.text);
    for lines in [&[][..], &[(DATE, "yesterday")]] {
        assert_eq!(clock(&headers(lines), Timestamp::from_unix(THEN)).level, Level::Note);
    }
}

fn answer(status: u16, location: Option<&str>, body: &str) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        content_type: None,
        location: location.map(str::to_owned),
        headers: HeaderMap::new(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn only_an_error_that_names_the_client_is_a_refusal() {
    let at = Url::parse("https://sso.example.com/auth?client_id=wiki").unwrap();
    let back = Url::parse("https://wiki.example.com/outpost.goauthentik.io/callback?x=y").unwrap();
    let judge = |redirected, answer: &Answer| match next(&at, redirected, answer, &back) {
        Next::Follow(to) => format!("follow {to}"),
        Next::Done(Verdict::SignIn) => "sign-in".to_owned(),
        Next::Done(Verdict::Returned(error)) => format!("returned {}", error.unwrap_or_default()),
        Next::Done(Verdict::Refused(_)) => "refused".to_owned(),
        Next::Done(Verdict::Unknown(_)) => "unknown".to_owned(),
    };
    let redirect = |to| answer(302, Some(to), "");
    for (redirected, answer, expected) in [
        (false, redirect("/login/17"), "follow https://sso.example.com/login/17"),
        (false, redirect("https://login.example.net/"), "sign-in"),
        (
            false,
            redirect("https://wiki.example.com/outpost.goauthentik.io/callback?error=invalid_scope"),
            "returned invalid_scope",
        ),
        (false, redirect("https://wiki.example.com/outpost.goauthentik.io/callback?code=1"), "returned "),
        (false, redirect("/error?error=unauthorized_client"), "refused"),
        (false, answer(302, None, ""), "unknown"),
        (false, answer(200, None, "<FORM method=post>"), "sign-in"),
        (false, answer(200, None, "<p>hello"), "unknown"),
        (
            true,
            answer(200, None, r#"<form method="post"><input name="error" value="invalid_scope"/></form>"#),
            "returned invalid_scope",
        ),
        (false, answer(400, None, "document.clientWidth"), "unknown"),
        (false, answer(403, None, "the client is unknown"), "refused"),
        (true, answer(200, None, "<script src=flow.js>"), "sign-in"),
        (false, answer(200, None, "Error 400: redirect_uri_mismatch"), "refused"),
        (false, answer(200, None, "AADSTS50011: The redirect URI"), "refused"),
        (false, answer(400, None, "Invalid parameter: redirect_uri"), "refused"),
        (false, answer(400, None, "invalid_client: client is unknown"), "refused"),
        (false, answer(400, None, "out of order"), "unknown"),
        (false, answer(503, None, "the client must wait"), "unknown"),
    ] {
        assert_eq!(judge(redirected, &answer), expected, "{:?}", String::from_utf8_lossy(&answer.body));
    }
}
