//! Any query at the callback. `@STATE@` in it stands for the state of a sign-in that the browser has begun.

use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use gatepost::testing::ISSUER;

use super::oracle;
use super::test_outpost::{TestOutpost, binding, navigation};

/// Requests the callback with the query.
pub fn run(input: &[u8]) {
    let test_outpost = TestOutpost::new();
    let state = test_outpost.state();
    let query = String::from_utf8_lossy(input).replace("@STATE@", &state);
    let path = format!("/outpost.goauthentik.io/callback?{query}");
    let request = navigation("wiki.example.com", &path, &[("cookie", binding().as_bytes())]);
    let response = test_outpost.check(&request);
    oracle::check(&request, &response);

    let legal = query.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'#') && path.len() <= 8 * 1024;
    let redeemed = legal && is_usable(&query, &state);
    assert_eq!(test_outpost.exchanges(), usize::from(redeemed), "codes redeemed for {query}");
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!("never an allow") };
    let headers = denied.headers.iter().filter_map(|option| option.header.as_ref());
    let cookies: Vec<&str> = headers.filter(|it| it.key == "set-cookie").map(|it| it.value.as_str()).collect();
    let named = |name: &str| cookies.iter().filter(|cookie| cookie.starts_with(name)).count();
    // The second cookie counts sign-ins that lead back to a sign-in.
    let (sessions, counters) = (named("__Host-gatepost-session-wiki="), named("__Secure-gatepost-completed-wiki="));
    let expected = usize::from(redeemed);
    assert_eq!((sessions, counters), (expected, expected), "a session for a redeemed code: {cookies:?}");
    assert_eq!(cookies.len(), 2 * expected, "nothing else: {cookies:?}");
}

/// The slow reference: every parameter at most once, the state that was sent, the issuer of the request, and a code.
fn is_usable(query: &str, state: &str) -> bool {
    let all = |wanted: &str| -> Vec<String> {
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.filter(|(name, _)| decoded(name) == wanted).map(|(_, value)| decoded(value)).collect()
    };
    all("state") == [state]
        && all("iss") == [ISSUER]
        && all("error").is_empty()
        && all("error_description").len() <= 1
        && matches!(all("code").as_slice(), [code] if (1..=4096).contains(&code.len()))
}

/// Form-decoding by hand (WHATWG URL, section 5.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|it| *first == b'%' && it.iter().all(u8::is_ascii_hexdigit));
        let octet = digits.and_then(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok());
        bytes.push(octet.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = &behind[if octet.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
