//! What Envoy gets to see: every field that decides between *allow* and *deny*.

use super::*;
use crate::domain::decision::Reason;
use proptest::prelude::*;

fn note() -> Note {
    Note { id: "1-1".into(), application: None, user: Some("alice".into()), reason: Reason::SignInRequired }
}

fn page(status: u16, cookies: Vec<String>) -> Page {
    Page {
        status,
        headers: vec![(Cow::Borrowed("allow"), "GET".into())],
        content_type: "text/plain",
        body: "b".into(),
        cookies,
    }
}

fn denied_response(verdict: Verdict) -> (i32, DeniedHttpResponse) {
    let response = render(Decision { verdict, note: note() });
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!("is a denial") };
    (response.status.expect("has a status").code, denied)
}

fn lines(denied: &DeniedHttpResponse) -> Vec<(String, String, i32)> {
    let line = |option: &HeaderValueOption| {
        let header = option.header.clone().expect("has a header");
        (header.key, header.value, option.append_action)
    };
    denied.headers.iter().map(line).collect()
}

#[test]
fn a_redirect_is_a_denial_with_its_cookies_side_by_side() {
    let redirect =
        Redirect { status: 302, location: "https://idp.example/a".into(), cookies: vec!["a=1".into(), "b=2".into()] };
    let (code, denied) = denied_response(Verdict::Redirect(redirect));
    assert_eq!((code, denied.status.as_ref().map(|status| status.code)), (16, Some(302)));
    let lines = lines(&denied);
    assert!(lines.contains(&("location".into(), "https://idp.example/a".into(), 2)), "{lines:?}");
    assert_eq!(
        lines.iter().filter(|(name, ..)| name == "set-cookie").map(|(.., action)| *action).collect::<Vec<_>>(),
        [0, 0]
    );
    assert!(lines.contains(&("cache-control".into(), "no-store".into(), 2)));
}

#[test]
fn metadata_names_user_reason_and_id() {
    let response = render(Decision { verdict: Verdict::Deny(page(401, vec![])), note: note() });
    let fields = response.dynamic_metadata.expect("has metadata").fields;
    let mut names: Vec<_> = fields.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["decision_id", "reason", "user"]);
}

#[test]
fn bytes_that_are_no_text_travel_raw() {
    let header = overwrite(Cow::Borrowed("cookie"), b"a=\xff".to_vec()).header.expect("has a header");
    assert_eq!((header.value.as_str(), header.raw_value.as_slice()), ("", b"a=\xff".as_slice()));
}

proptest! {
    /// No page, whatever its status, is ever an allow: the code is not zero and a status is set.
    #[test]
    fn no_denial_has_code_zero(status in 100u16..1000, is_page: bool) {
        let page = page(status, vec![]);
        let (code, denied) = denied_response(if is_page { Verdict::Page(page) } else { Verdict::Deny(page) });
        prop_assert_ne!(code, 0);
        prop_assert_eq!(denied.status.map(|s| s.code), Some(i32::from(status)));
    }
}
