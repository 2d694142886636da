//! Identity headers: ours once, nobody else's in any spelling.

use super::*;
use crate::domain::application::{Application, Mode};
use crate::domain::backend::{Backend, BackendAllow, Backends};
use crate::domain::claims::ClaimPath;
use crate::domain::session::{Lifetimes, Session};
use crate::domain::testing::{application, request, signed_in};
use crate::domain::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_unix(1_000_000);
const LIFETIMES: Lifetimes = Lifetimes { absolute: Duration::from_secs(86_400), idle: Duration::from_secs(3600) };

fn sent(names: &[&str]) -> RequestHead {
    let lines: Vec<(&str, &str)> = names.iter().map(|name| (*name, "eve")).collect();
    request("app.example.com", "/", &lines)
}

fn passing(head: &RequestHead) -> Passing<'_> {
    Passing { head, rest_of_cookies: None }
}

fn allowed_as(application: &Application, claims: &Value, incoming: &[&str]) -> Allow {
    let session = Arc::new(Session::begin(signed_in(claims, NOW), application, NOW, LIFETIMES));
    let live = session.live(NOW, application, NOW, LIFETIMES).expect("is live");
    let facts = OutpostFacts { name: "outpost", jwks_uri: Some("https://sso.example.com/jwks") };
    allow_signed_in(&Identity::Session(live), application, facts, passing(&sent(incoming)))
}

fn allowed(claims: &Value, incoming: &[&str]) -> Allow {
    allowed_as(&application("https://app.example.com"), claims, incoming)
}

fn value<'a>(allow: &'a Allow, name: &str) -> Option<&'a str> {
    let (_, value) = allow.set().iter().find(|(set, _)| set == name)?;
    Some(std::str::from_utf8(value).expect("is text"))
}

#[test]
fn the_headers_of_a_user() {
    let allow = allowed(
        &json!({ "preferred_username": "alice", "groups": ["admins", "staff"], "entitlements": ["e1"], "email": "a@example.com", "name": "Älice" }),
        &[],
    );
    for (name, expected) in [
        ("x-authentik-username", Some("alice")),
        ("x-authentik-groups", Some("admins|staff")),
        ("x-authentik-entitlements", Some("e1")),
        ("x-authentik-email", Some("a@example.com")),
        ("x-authentik-name", Some("Älice")),
        ("x-authentik-uid", Some("subject")),
        ("x-authentik-meta-outpost", Some("outpost")),
        ("x-authentik-meta-provider", Some("Wiki")),
        ("x-authentik-meta-app", Some("wiki")),
        ("x-authentik-meta-version", Some(concat!("goauthentik.io/outpost/", env!("CARGO_PKG_VERSION")))),
        ("x-authentik-jwt", None),
        ("x-authentik-meta-jwks", None),
    ] {
        assert_eq!(value(&allow, name), expected, "{name}");
    }
}

#[test]
fn the_token_is_passed_on_only_where_switched_on() {
    let application = Application { jwt_headers: true, ..application("https://app.example.com") };
    let allow = allowed_as(&application, &json!({}), &[]);
    assert_eq!(value(&allow, "x-authentik-jwt"), Some("access-token"));
    assert_eq!(value(&allow, "x-authentik-meta-jwks"), Some("https://sso.example.com/jwks"));
}

#[test]
fn h9_a_list_is_forged_by_nobody() {
    let allow =
        allowed(&json!({ "groups": ["staff|admins", "a,b", "x\r\ny", "", " ok", 7, "ok"], "name": "a\nb" }), &[]);
    assert_eq!(value(&allow, "x-authentik-groups"), Some("a,b|7|ok"));
    assert_eq!(value(&allow, "x-authentik-name"), None);
    assert!(allow.remove().contains(&Cow::Borrowed("x-authentik-name")));
}

#[test]
fn h9_spellings_that_fold_to_ours_are_removed() {
    let spellings = [
        "X_authentik_username",
        "X.authentik.username",
        "x-authentik_uid",
        "X-AUTHENTIK.EMAIL",
        "x-authentik-jwt",
        "x-authentik-anything",
        "X-Gatepost-Backend-Host",
        "x_gatepost_cluster",
        "x-envoy-original-dst-host",
    ];
    let allow = allowed(&json!({}), &spellings);
    for name in spellings {
        assert!(allow.remove().iter().any(|removed| removed.eq_ignore_ascii_case(name)), "{name}");
    }
    let kept = allowed(&json!({}), &["x-custom", "authorization", "x-authentikx", "x-envoy-original-path"]);
    for name in ["x-custom", "authorization", "x-authentikx", "x-envoy-original-path"] {
        assert!(!kept.remove().iter().any(|removed| removed == name), "{name}");
    }
}

#[test]
fn the_cookie_line_is_rewritten_or_removed() {
    let (proof, application) = (public_path(), application("https://app.example.com"));
    let head = sent(&[]);
    let allowed = |rest: &[u8]| {
        allow_public(&proof, &application, Passing { rest_of_cookies: Some(rest.to_vec()), ..passing(&head) })
    };
    let allow = allowed(b"a=1");
    assert_eq!(allow.set(), [(Cow::Borrowed("cookie"), b"a=1".to_vec())]);
    let allow = allowed(b"");
    assert!(allow.set().is_empty() && allow.remove().contains(&Cow::Borrowed("cookie")));
}

#[test]
fn in_mode_proxy_every_allow_names_a_backend_and_the_host_that_was_asked_for() {
    let own = Backend::parse("http://own.internal:8080", true).expect("is a backend").0;
    let allow = BackendAllow::parse(&["b.internal"]).expect("is a list");
    let mode = Mode::Proxy(Backends::new(own, allow));
    let application = Application { mode, ..application("https://app.example.com:8443") };
    let spellings =
        ["X-Forwarded-Host", "x_forwarded_host", "x.forwarded-host", "x-gatepost-backend-host", "x-forwarded-hostx"];
    let claims = json!({ "ak_proxy": { "backend_override": "http://b.internal" } });
    let signed_in = allowed_as(&application, &claims, &spellings);
    let public = allow_public(&public_path(), &application, passing(&sent(&spellings)));
    for (allow, expected) in [(signed_in, "b.internal"), (public, "own.internal:8080")] {
        assert_eq!(allow.upstream().map(Upstream::host), Some(expected));
        assert_eq!(value(&allow, "x-forwarded-host"), Some("app.example.com"));
        let removed = |name: &str| allow.remove().iter().any(|removed| removed == name);
        assert!(!removed("x-forwarded-host") && !removed("x-forwarded-hostx"));
        for name in ["x_forwarded_host", "x.forwarded-host", "x-gatepost-backend-host"] {
            assert!(removed(name), "{name}");
        }
    }
    let elsewhere = allowed(&claims, &spellings);
    assert!(elsewhere.upstream().is_none() && value(&elsewhere, "x-forwarded-host").is_none());
}

fn public_path() -> PublicPath {
    let application = Application { pass_preflight: true, ..application("https://app.example.com") };
    PublicPath::preflight(&application, crate::domain::request::ClientKind::Preflight).expect("is let through")
}

fn own(header: &str, value: OwnValue) -> OwnHeader {
    OwnHeader { name: HeaderName::parse(header).expect("is a name"), value }
}

fn claim(path: &str, separator: &str) -> OwnValue {
    let path = ClaimPath::parse(path).expect("is a path");
    OwnValue::Claim(path, Separator::parse(separator).expect("is a separator"))
}

fn planned(settings: HeaderSettings) -> Application {
    Application { headers: HeaderPlan::new(settings), ..application("https://app.example.com") }
}

/// The names set for this user, with their values, those of `meta` left out.
fn told(settings: HeaderSettings, claims: &Value) -> Vec<(String, String)> {
    let allow = allowed_as(&planned(settings), claims, &[]);
    let told = allow.set().iter().filter(|(name, _)| !name.starts_with("x-authentik-meta-"));
    told.map(|(name, value)| (name.to_string(), String::from_utf8(value.clone()).expect("is text"))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn each_set_says_the_same_in_its_own_names() {
    let claims =
        json!({ "preferred_username": "alice", "groups": ["a", "b"], "email": "a@example.com", "name": "Alice" });
    let legacy = [
        ("x-auth-username", "alice"),
        ("x-auth-groups", "a|b"),
        ("x-forwarded-email", "a@example.com"),
        ("x-forwarded-preferred-username", "alice"),
        ("x-forwarded-user", "subject"),
    ];
    let authentik = [
        ("x-authentik-username", "alice"),
        ("x-authentik-groups", "a|b"),
        ("x-authentik-email", "a@example.com"),
        ("x-authentik-name", "Alice"),
        ("x-authentik-uid", "subject"),
    ];
    let of = |sets: &[HeaderSet]| told(HeaderSettings { sets: sets.to_vec(), ..HeaderSettings::default() }, &claims);
    assert_eq!(of(&[HeaderSet::Authentik]), pairs(&authentik));
    assert_eq!(of(&[HeaderSet::Legacy]), pairs(&legacy));
    assert_eq!(of(&[HeaderSet::Authentik, HeaderSet::Legacy]), [pairs(&authentik), pairs(&legacy)].concat());
    assert_eq!(of(&[]), []);
}

#[test]
fn own_headers_say_what_the_operator_chose_and_win_over_sets() {
    let own = vec![
        own("X-Team", claim("team.name", "|")),
        own("X-Roles", claim("/https:~1~1example.com~1roles", ",")),
        own("X_Authentik_Username", claim("email", "|")),
        own("X-Via-Gatepost", OwnValue::Text("yes".into())),
        own("X-Level", claim("level", "|")),
        own("X-Nothing", claim("team", "|")),
    ];
    let claims = json!({
        "team": { "name": "red" }, "https://example.com/roles": ["a", "b|c", "d,e"], "email": "a@example.com", "level": 7,
        "preferred_username": "alice",
    });
    let settings = HeaderSettings { own, ..HeaderSettings::default() };
    let expected = [
        ("x-team", "red"),
        ("x-roles", "a,b|c"),
        ("x_authentik_username", "a@example.com"),
        ("x-via-gatepost", "yes"),
        ("x-level", "7"),
        ("x-authentik-email", "a@example.com"),
        ("x-authentik-uid", "subject"),
    ];
    assert_eq!(told(settings.clone(), &claims), pairs(&expected));
    let spoofed = ["x-authentik-username", "x.team", "X-Nothing", "x_nothing"];
    let allow = allowed_as(&planned(settings), &claims, &spoofed);
    for name in spoofed {
        assert!(allow.remove().iter().any(|removed| removed.eq_ignore_ascii_case(name)), "{name}");
    }
}

#[test]
fn every_set_keeps_authentiks_names_and_its_own_from_everybody() {
    let names = |sets: &[HeaderSet]| {
        let application = planned(HeaderSettings { sets: sets.to_vec(), ..HeaderSettings::default() });
        let head = sent(&["X_Forwarded.User", "x-forwarded-for"]);
        allow_public(&public_path(), &application, passing(&head)).remove().to_vec()
    };
    for sets in [&[][..], &[HeaderSet::Legacy], &[HeaderSet::Authentik]] {
        let removed = names(sets);
        assert!(removed.contains(&"x-authentik-username".into()) && removed.contains(&"x_authentik_uid".into()));
        let has_legacy = sets.contains(&HeaderSet::Legacy);
        for name in ["x-forwarded-user", "x_auth_groups", "x.forwarded.email", "x_forwarded.user"] {
            assert_eq!(removed.contains(&name.into()), has_legacy, "{name}");
        }
        assert!(!removed.contains(&"x-forwarded-for".into()));
    }
}

fn with_additional(headers: &Value) -> Value {
    json!({ "email": "a@example.com", "ak_proxy": { "user_attributes": { "pw": "p", "additionalHeaders": headers } } })
}

#[test]
fn additional_headers_are_set_and_known_names_are_owned() {
    let names = ["X-Known", "X-Other"].map(|name| HeaderName::parse(name).expect("is a name")).to_vec();
    let additional = Some(AdditionalHeaders { names, ..AdditionalHeaders::authentik() });
    let application = planned(HeaderSettings { additional, ..HeaderSettings::default() });
    let claims =
        with_additional(&json!({ "X-Known": 1, "X-Free": ["a", "b"], "x-authentik-uid": "0", "Host": "evil" }));
    let spoofed = ["x_known", "X-Other", "x.other", "X_Free", "x_fr.ee", "x-free"];
    let allow = allowed_as(&application, &claims, &spoofed);
    assert_eq!((value(&allow, "x-known"), value(&allow, "x-free")), (Some("1"), Some("a|b")));
    assert_eq!((value(&allow, "x-authentik-uid"), value(&allow, "host")), (Some("subject"), None));
    let removed = |allow: &Allow, name: &str| allow.remove().iter().any(|removed| *removed == *name);
    for name in ["x_known", "x-other", "x.other", "x_free", "x.free"] {
        assert!(removed(&allow, name), "{name}");
    }
    assert!(!removed(&allow, "x_fr.ee"), "that is another name");
    let public = allow_public(&public_path(), &application, passing(&sent(&spoofed)));
    assert!(removed(&public, "x-known") && removed(&public, "x_other"));
    assert!(!removed(&public, "x-free"), "nobody said that this name is ours");
}

#[test]
fn authorization_is_the_additional_headers_first_then_basics_then_the_clients() {
    let basic = Some(BasicAuth { user_attribute: None, password_attribute: "pw".into() });
    let application = planned(HeaderSettings { basic, ..HeaderSettings::default() });
    for (claims, expected) in [
        (with_additional(&json!({ "Authorization": "Token t" })), Some("Token t")),
        (with_additional(&json!({})), Some("Basic YUBleGFtcGxlLmNvbTpw")),
        (json!({ "email": "a@example.com" }), None),
    ] {
        let allow = allowed_as(&application, &claims, &["authorization"]);
        assert_eq!(value(&allow, "authorization"), expected);
        assert!(!allow.remove().contains(&"authorization".into()));
    }
}

#[test]
fn a_rehearsal_tells_what_is_left_out_and_what_does_not_fit() {
    let budget = Budget { max_bytes: 1000, max_count: 60 };
    let basic = Some(BasicAuth { user_attribute: Some("login".into()), password_attribute: "pw".into() });
    let application = planned(HeaderSettings { budget, basic, ..HeaderSettings::default() });
    let rehearse = |claims: &Value| {
        let session = Session::begin(signed_in(claims, NOW), &application, NOW, LIFETIMES);
        rehearse(session.record(), &application, OutpostFacts { name: "outpost", jwks_uri: None })
    };
    let mut claims = with_additional(&json!({ "Host": "x", "X-A": {} }));
    claims["ak_proxy"]["user_attributes"]["login"] = json!("a:b");
    let rehearsal = rehearse(&claims);
    let dropped = [
        ("Host".to_owned(), Dropped::Name(NameFault::OfTheMessage)),
        ("X-A".to_owned(), Dropped::Value),
        ("authorization".to_owned(), Dropped::Credentials),
    ];
    assert_eq!((rehearsal.dropped.as_slice(), rehearsal.fits), (&dropped[..], Ok(())));
    let groups: Vec<String> = (0..200).map(|number| format!("group-{number}")).collect();
    let over = rehearse(&json!({ "groups": groups })).fits.expect_err("is too much");
    assert_eq!(over.largest, "x-authentik-groups");
    assert!(over.bytes > over.largest_bytes && over.largest_bytes > 1000, "{over}");
}

/// Everything that a CGI backend could take for an identity header.
fn folds_to_owned(name: &str) -> bool {
    HeaderSet::Authentik.entries().iter().any(|entry| entry.name.as_str() == folded(name))
}

/// What an identity provider may say, with the names that matter more often than chance would have it.
fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,6}|[ -~\r\n\t\u{85}]{0,8}|a\\|b".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(header_names(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn header_names() -> impl Strategy<Value = String> {
    let usual =
        "[xX][-_.](authentik|Forwarded|gatepost|envoy|team|original)[-_.](user|username|for|host|groups|cluster|url|a)";
    let forbidden =
        "[Hh]ost|[Cc]ookie|content[-_.]length|[Tt]ransfer-[Ee]ncoding|:path|:authority|te|upgrade|expect|connection";
    prop_oneof![Just(usual), Just(forbidden), Just("authorization|\\PC{0,8}|[!-~]{0,8}")]
        .prop_flat_map(|pattern| pattern)
}

/// A name as the most forgiving backend reads it.
fn folded(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

/// The request as it reaches the application: what is removed is removed last.
fn upstream(incoming: &[String], allow: &Allow) -> Vec<(String, String)> {
    let kept = incoming.iter().map(|name| (name.to_ascii_lowercase(), "eve".to_owned()));
    let kept = kept.filter(|(name, _)| !allow.set().iter().any(|(set, _)| set == name));
    let set = allow.set().iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value).into_owned()));
    kept.chain(set).filter(|(name, _)| !allow.remove().iter().any(|removed| removed == name)).collect()
}

proptest! {
    /// PR-5: after the answer is applied, every identity header is ours or gone, once, and no name is in both lists.
    #[test]
    fn nothing_that_a_client_sent_survives(
        names in prop::collection::vec("[xX][-_.]([aA]uthentik)[-_.](username|groups|uid|jwt|meta[-_.]app)", 0..6),
        signed_in: bool,
        groups in prop::collection::vec("\\PC{0,6}", 0..4),
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let allow = if signed_in { allowed(&json!({ "groups": groups }), &names) } else { allow_public(&public_path(), &application("https://app.example.com"), passing(&sent(&names))) };
        for name in names.iter().map(|name| name.to_ascii_lowercase()).filter(|name| folds_to_owned(name)) {
            let set = allow.set().iter().filter(|(set, _)| *set == name).count();
            let removed = allow.remove().iter().filter(|removed| **removed == name).count();
            prop_assert_eq!(set + removed, 1, "{}", name);
        }
        for (name, value) in allow.set() {
            prop_assert!(!allow.remove().contains(name));
            prop_assert!(!String::from_utf8_lossy(value).contains(char::is_control));
        }
    }

    /// PR-5: whatever claims and client say, what an application could take for an identity header is ours, once and legal.
    #[test]
    fn pr_5_identity_headers_are_ours_legal_and_unambiguous_or_absent(
        claims in prop::collection::btree_map("preferred_username|groups|email|team|roles", json_values(), 0..5),
        additional in json_values(),
        incoming in prop::collection::vec("[xX][-_.](authentik|forwarded|auth|team|known)[-_.](username|user|groups|id|x)", 0..8),
    ) {
        let known = HeaderName::parse("X-Known-X").expect("is a name");
        let application = planned(HeaderSettings {
            sets: vec![HeaderSet::Authentik, HeaderSet::Legacy],
            own: vec![own("X-Team-Id", claim("team", "|")), own("X-Auth-Username", claim("roles", ","))],
            additional: Some(AdditionalHeaders { names: vec![known], ..AdditionalHeaders::authentik() }),
            ..HeaderSettings::default()
        });
        let mut claims: serde_json::Map<String, Value> = claims.into_iter().collect();
        claims.insert("ak_proxy".into(), json!({ "user_attributes": { "additionalHeaders": additional } }));
        let names: Vec<&str> = incoming.iter().map(String::as_str).collect();
        let allow = allowed_as(&application, &Value::Object(claims.clone()), &names);
        let upstream = upstream(&incoming, &allow);
        let ours = ["x-authentik-username", "x-authentik-groups", "x-auth-username", "x-auth-groups", "x-forwarded-user",
            "x-team-id", "x-known-x"];
        for name in ours {
            let seen: Vec<_> = upstream.iter().filter(|(seen, _)| folded(seen) == name).collect();
            prop_assert!(seen.len() <= 1, "{:?}", seen);
            for (seen, value) in seen {
                prop_assert!(seen == name && value != "eve", "{} is not ours", seen);
                prop_assert!(!value.contains(char::is_control) && value.trim() == value && !value.is_empty());
            }
        }
        let groups = claims.get("groups").and_then(Value::as_array).cloned().unwrap_or_default();
        let groups: Vec<String> = groups.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
        for group in upstream.iter().filter(|(name, _)| name == "x-authentik-groups").flat_map(|(_, value)| value.split('|')) {
            prop_assert!(groups.iter().any(|known| known == group), "{} is nobody's group", group);
        }
    }

    /// No JSON sets a header that is not the user's to have, and none stands in both lists.
    #[test]
    fn additional_headers_never_set_a_forbidden_name(headers in prop::collection::btree_map(header_names(), json_values(), 0..8)) {
        let headers = Value::Object(headers.into_iter().collect());
        let plain = allowed(&json!({ "email": "a@example.com" }), &[]);
        let allow = allowed(&with_additional(&headers), &[]);
        let planned = |name: &str| plain.set().iter().any(|(set, _)| set == name);
        for (name, value) in allow.set().iter().filter(|(name, _)| !planned(name)) {
            let folded = folded(name);
            let beginnings = ["x-authentik-", "x-forwarded-", "x-gatepost-", "x-envoy-"];
            prop_assert!(!beginnings.iter().any(|beginning| folded.starts_with(beginning)), "{}", name);
            let forbidden = ["host", "cookie", "content-length", "transfer-encoding", "te", "upgrade", "expect", "connection"];
            prop_assert!(!forbidden.contains(&folded.as_str()) && !name.contains([':', ' ']), "{}", name);
            prop_assert!(!String::from_utf8_lossy(value).contains(char::is_control));
            prop_assert!(!allow.remove().contains(name), "{}", name);
            prop_assert_eq!(allow.set().iter().filter(|(other, _)| other == name).count(), 1);
        }
        for (name, value) in plain.set() {
            prop_assert!(allow.set().contains(&(name.clone(), value.clone())), "{} changed", name);
        }
    }
}
