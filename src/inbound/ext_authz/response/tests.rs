//! The encoded answers: every field that decides between *allow* and *deny*.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use envoy_types::pb::envoy::service::auth::v3::OkHttpResponse;
use http::header::ALLOW;

use crate::domain::application::{Application, Mode};
use crate::domain::decision::{Allow, ForwardedRequest, Reason, allow_signed_in};
use crate::domain::policy::backend::{Backend, BackendAllow, Backends};
use crate::domain::policy::identity::Identity;
use crate::domain::policy::identity_headers::OutpostFacts;
use crate::domain::session::{Lifetimes, Session};
use crate::domain::time::Timestamp;
use crate::inbound::ext_authz::{backend_metadata, cookie_line};
use crate::testing::{application, request, signed_in};
use proptest::prelude::*;

/// The answer as Envoy decodes it.
fn render(decision: Decision) -> CheckResponse {
    let mut message = Vec::new();
    write(decision, &LeftOutCookiesLog::none(), &mut message);
    CheckResponse::decode(message.as_slice()).expect("is an answer")
}

fn audit() -> AuditRecord {
    AuditRecord { id: "1-1".into(), application: None, user: Some("alice".into()), reason: Reason::SignInRequired }
}

fn page(status: u16, cookies: Vec<String>) -> Page {
    Page {
        status: StatusCode::from_u16(status).expect("is a status"),
        headers: vec![(ALLOW, http::HeaderValue::from_static("GET"))],
        content_type: "text/plain",
        body: "b".into(),
        cookies,
        lines: Vec::new(),
        framed: false,
    }
}

fn denied_response(verdict: Verdict) -> (i32, DeniedHttpResponse) {
    let response = render(Decision { verdict, audit: audit() });
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
    let redirect = Redirect {
        status: StatusCode::FOUND,
        location: "https://idp.example/a".into(),
        cookies: vec!["a=1".into(), "b=2".into()],
    };
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
    let response = render(Decision { verdict: Verdict::Deny(page(401, vec![])), audit: audit() });
    let fields = response.dynamic_metadata.expect("has metadata").fields;
    let mut names: Vec<_> = fields.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["decision_id", "reason", "user"]);
}

#[test]
fn what_envoy_would_make_two_headers_of_is_not_sent() {
    for location in ["https://a.example/\r\nset-cookie: x=1", "https://a.example/\0", "https://a.example/\x7f"] {
        let redirect = Redirect { status: StatusCode::FOUND, location: location.into(), cookies: vec!["a=1".into()] };
        let (code, denied) = denied_response(Verdict::Redirect(redirect));
        assert_eq!((code, denied.status.map(|status| status.code), denied.headers.len()), (16, Some(500), 0));
    }
}

#[test]
fn a_status_without_content_has_no_body() {
    for (status, body) in [(200, "b"), (204, ""), (304, ""), (401, "b")] {
        assert_eq!(denied_response(Verdict::Page(page(status, vec![]))).1.body, body, "{status}");
    }
}

/// Envoy reads no raw value: the remaining cookies are sent as text, and when none remains the `cookie` line is removed.
#[test]
fn a_cookie_that_is_no_text_is_lost_alone() {
    let none = serde_json::json!({});
    for (rest, expected) in [
        (&b"app=1; n=caf\xe9; z=2"[..], Some("app=1; z=2")),
        (b"app=1; n=caf\xc3\xa9", Some("app=1; n=caf\u{e9}")),
        (b"n=caf\xe9", None),
    ] {
        let Some(HttpResponse::OkResponse(ok)) =
            allowed_with("http://own.internal", true, &none, &[], Some(rest)).http_response
        else {
            panic!("is allowed")
        };
        let lines: Vec<_> = ok.headers.into_iter().filter_map(|option| option.header).collect();
        assert!(lines.iter().all(|header| header.raw_value.is_empty()), "{lines:?}");
        let cookie = lines.iter().find(|header| header.key == "cookie").map(|header| header.value.as_str());
        assert_eq!(cookie, expected);
        assert_eq!(ok.headers_to_remove.iter().any(|name| name == "cookie"), expected.is_none());
    }
}

/// The answer to a request of a signed-in user whose application has this backend.
fn allowed_at(
    backend: &str,
    check_certificate: bool,
    ak_proxy: &serde_json::Value,
    headers: &[(&str, &str)],
) -> CheckResponse {
    let rest_of_cookies = headers.iter().find(|(name, _)| *name == "cookie").map(|(_, rest)| rest.as_bytes());
    allowed_with(backend, check_certificate, ak_proxy, headers, rest_of_cookies)
}

/// The same with the remaining part of the request's cookies.
fn allowed_with(
    backend: &str,
    check_certificate: bool,
    ak_proxy: &serde_json::Value,
    headers: &[(&str, &str)],
    rest_of_cookies: Option<&[u8]>,
) -> CheckResponse {
    let own = Backend::parse(backend, check_certificate).expect("is a backend").0;
    let allow = BackendAllow::parse(&["b.internal", "fd00::/8"]).expect("is a list");
    let mode = Mode::Proxy(Backends::new(own, allow));
    let application = Application { mode, ..application("https://app.example.com") };
    let head = request("app.example.com", "/x?y", headers);
    let (now, day) = (Timestamp::from_unix(1_000_000), Duration::from_secs(86_400));
    let lifetimes = Lifetimes { absolute: day, idle: day };
    let signed_in = signed_in(&serde_json::json!({ "ak_proxy": ak_proxy }), now);
    let session = Arc::new(Session::begin(signed_in, &application, now, lifetimes));
    let identity = Identity::Session(session.live(now, &application, now, lifetimes).expect("is live"));
    let facts = OutpostFacts { name: "outpost", jwks_uri: None, signer: None };
    let permit = application.rules.permit(&identity, &head, now).expect("nothing is forbidden");
    let rest_of_cookies = rest_of_cookies.map(<[u8]>::to_vec);
    let allow = allow_signed_in(permit, &application, facts, ForwardedRequest { head: &head, rest_of_cookies });
    let (expected, audit) = (spelled_out(&allow), audit());
    let backend_metadata: Vec<_> = allow.upstream().into_iter().flat_map(backend_metadata::metadata).collect();
    let response = render(Decision { verdict: Verdict::Allow(allow), audit: audit.clone() });
    assert_eq!(
        response.status,
        Some(Status { code: 0, message: audit.reason.as_str().to_owned(), details: Vec::new() })
    );
    let Some(HttpResponse::OkResponse(ok)) = &response.http_response else { panic!("is allowed") };
    assert_eq!(ok, &expected);
    let identity_headers: HashMap<_, _> =
        allowed::entries(&audit).map(|(name, text)| (name, text.to_owned())).chain(backend_metadata).collect();
    let fields = response.dynamic_metadata.iter().flat_map(|metadata| &metadata.fields);
    let text =
        |value: &Value| if let Some(Kind::StringValue(text)) = &value.kind { text.clone() } else { panic!("no text") };
    assert_eq!(fields.map(|(name, value)| (name.as_str(), text(value))).collect::<HashMap<_, _>>(), identity_headers);
    response
}

/// The answer that the full encoder would write.
fn spelled_out(allow: &Allow) -> OkHttpResponse {
    let backend_metadata: Vec<_> = allow.upstream().into_iter().flat_map(backend_metadata::headers).collect();
    let is_steering = |name: &str| backend_metadata.iter().any(|(set, _)| *set == name);
    let text = |value: &[u8]| cookie_line::carried(value).text;
    let identity_headers = allow.set().map(|(name, value)| match String::from_utf8(value.as_bytes().to_vec()) {
        Ok(value) => (name.as_str(), value),
        Err(_) => (name.as_str(), text(value.as_bytes())),
    });
    let identity_headers =
        identity_headers.chain(backend_metadata.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let (lost, identity_headers): (Vec<_>, Vec<_>) =
        identity_headers.partition(|(name, value)| *name == "cookie" && value.is_empty());
    let remove = allow.remove().filter(|name| !is_steering(name)).chain(lost.iter().map(|(name, _)| *name));
    let overwrite = |name: &str, value| option(name, value, HeaderAppendAction::OverwriteIfExistsOrAdd);
    OkHttpResponse {
        headers: identity_headers.into_iter().map(|(name, value)| overwrite(name, value)).collect(),
        headers_to_remove: remove.map(ToString::to_string).collect(),
        response_headers_to_add: allow.cookies().iter().cloned().map(cookie).collect(),
        ..OkHttpResponse::default()
    }
}

/// The metadata and headers of an answer that select the backend.
fn backend_metadata(response: CheckResponse) -> Vec<(String, String)> {
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!("is allowed") };
    let text = |value: Value| if let Some(Kind::StringValue(text)) = value.kind { text } else { panic!("is a text") };
    let fields = response.dynamic_metadata.expect("has metadata").fields.into_iter();
    let lines = ok.headers.into_iter().filter_map(|option| option.header).map(|header| (header.key, header.value));
    let all = fields.map(|(name, value)| (name, text(value))).chain(lines);
    let steers = |name: &str| name.starts_with("backend_") || name.starts_with("x-gatepost-") || name.starts_with(':');
    let mut backend_metadata: Vec<_> = all.filter(|(name, _)| steers(name)).collect();
    backend_metadata.sort();
    assert!(!ok.headers_to_remove.iter().any(|removed| backend_metadata.iter().any(|(name, _)| name == removed)));
    backend_metadata
}

#[test]
fn a_backend_is_named_where_envoy_looks_for_it() {
    let none = serde_json::json!({});
    let other = serde_json::json!({ "backend_override": "https://[fd00::1]/team", "host_header": "tenant.example" });
    let spoofed = [("x-gatepost-backend-host", "evil.test"), ("x_gatepost_backend_host", "evil.test")];
    for (backend, checked, ak_proxy, expected) in [
        (
            "http://own.internal:8080",
            true,
            &none,
            vec![
                ("backend_host", "own.internal"),
                ("backend_port", "8080"),
                ("backend_protocol", "http"),
                ("x-gatepost-backend-host", "own.internal:8080"),
            ],
        ),
        (
            "https://own.internal",
            false,
            &none,
            vec![
                ("backend_certified_name", "own.internal"),
                ("backend_host", "own.internal"),
                ("backend_port", "443"),
                ("backend_protocol", "https_unverified"),
                ("backend_server_name", "own.internal"),
                ("x-gatepost-backend-host", "own.internal"),
            ],
        ),
        (
            "http://own.internal",
            true,
            &other,
            vec![
                (":path", "/team/x?y"),
                ("backend_certified_name", "fd00::1"),
                ("backend_host", "[fd00::1]"),
                ("backend_port", "443"),
                ("backend_protocol", "https"),
                ("x-gatepost-backend-host", "tenant.example"),
            ],
        ),
    ] {
        let backend_metadata = backend_metadata(allowed_at(backend, checked, ak_proxy, &spoofed));
        let backend_metadata: Vec<_> =
            backend_metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(backend_metadata, expected, "{backend}");
    }
}

proptest! {
    /// The hand-written bytes mean the same as those of the full encoder, for any claims and any request.
    #[test]
    fn the_handwritten_answer_is_the_encoded_one(
        claims in prop::collection::btree_map("preferred_username|groups|email|name|roles", "\\PC{0,200}", 0..5),
        additional in prop::collection::btree_map("[Xx][-_][a-z]{1,3}", "\\PC{0,4}", 0..4),
        cookie in prop::option::of("\\PC{0,300}"),
        sent in prop::collection::vec("[xX][-_.](authentik|gatepost|a)[-_.](user|uid|b)", 0..4),
    ) {
        let mut ak_proxy = serde_json::json!({ "user_attributes": { "additionalHeaders": additional } });
        ak_proxy["more"] = serde_json::json!(claims);
        let lines = sent.iter().map(|name| (name.as_str(), "eve"));
        let lines: Vec<_> = lines.chain(cookie.iter().map(|rest| ("cookie", rest.as_str()))).collect();
        allowed_at("http://own.internal", true, &ak_proxy, &lines);
    }

    /// No page is an allow, with any status: its code is not zero and a status is set.
    #[test]
    fn no_denial_has_code_zero(status in 100u16..1000, is_page: bool) {
        let page = page(status, vec![]);
        let (code, denied) = denied_response(if is_page { Verdict::Page(page) } else { Verdict::Deny(page) });
        prop_assert_ne!(code, 0);
        prop_assert_eq!(denied.status.map(|s| s.code), Some(i32::from(status)));
    }
}
