//! Verification of answers: a fast wrong answer counts for nothing.

use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;

use super::sessions::user_name;

/// The number of headers that a signed-in request receives: the identity headers, and the cookies without our own.
pub(crate) const HEADERS: usize = 11;
const USER: &str = "x-authentik-username";
const ASSERTION: &str = "x-gatepost-assertion";
const UNAUTHENTICATED: i32 = 16;

/// The request is allowed, with the name of this session's user and all other headers.
pub(crate) fn signed_in(answer: &CheckResponse, session: usize) -> Result<(), String> {
    allowed_with_headers(answer, session)?;
    if header(answer, USER) == Some(&user_name(session)) { Ok(()) } else { odd(answer) }
}

/// The same with an assertion.
pub(crate) fn asserted(answer: &CheckResponse, session: usize) -> Result<(), String> {
    let is_signed = header(answer, ASSERTION).is_some_and(|token| token.split('.').count() == 3);
    let is_allowed = code(answer) == Some(0) && is_ok(answer) && headers(answer).count() == HEADERS + 1;
    if is_allowed && is_signed && header(answer, USER) == Some(&user_name(session)) { Ok(()) } else { odd(answer) }
}

/// The request is allowed, with as many headers, for any user.
pub(crate) fn allowed_with_headers(answer: &CheckResponse, _: usize) -> Result<(), String> {
    if code(answer) == Some(0) && is_ok(answer) && headers(answer).count() == HEADERS { Ok(()) } else { odd(answer) }
}

/// The request is allowed without identity headers.
pub(crate) fn public(answer: &CheckResponse, _: usize) -> Result<(), String> {
    if code(answer) == Some(0) && is_ok(answer) && headers(answer).count() == 0 { Ok(()) } else { odd(answer) }
}

/// The browser is sent to the provider.
pub(crate) fn redirect(answer: &CheckResponse, _: usize) -> Result<(), String> {
    let location = header(answer, "location").is_some_and(|location| location.contains("code_challenge="));
    let binding = header(answer, "set-cookie").is_some();
    if code(answer) == Some(UNAUTHENTICATED) && location && binding { Ok(()) } else { odd(answer) }
}

/// The headers set on an allowed request: names and values.
pub(crate) fn headers(answer: &CheckResponse) -> impl Iterator<Item = (&str, &str)> {
    let headers = match &answer.http_response {
        Some(HttpResponse::OkResponse(ok)) => ok.headers.as_slice(),
        Some(HttpResponse::DeniedResponse(denied)) => denied.headers.as_slice(),
        _ => &[],
    };
    let lines = headers.iter().filter_map(|option| option.header.as_ref());
    lines.map(|header| (header.key.as_str(), header.value.as_str()))
}

fn header<'a>(answer: &'a CheckResponse, name: &str) -> Option<&'a str> {
    headers(answer).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn code(answer: &CheckResponse) -> Option<i32> {
    answer.status.as_ref().map(|status| status.code)
}

fn is_ok(answer: &CheckResponse) -> bool {
    matches!(answer.http_response, Some(HttpResponse::OkResponse(_)))
}

fn odd(answer: &CheckResponse) -> Result<(), String> {
    Err(format!("not the answer that was expected: {answer:?}"))
}
