//! For any claims and any client, identity headers are Gatepost's own and legal, or absent.

use super::*;
use crate::domain::oidc::claims::GroupsClaim;
use proptest::prelude::*;

/// Whether a CGI backend could read the name as an identity header.
fn folds_to_owned(name: &str) -> bool {
    HeaderSet::Authentik.entries(&GroupsClaim::default()).iter().any(|entry| entry.name.as_str() == folded(name))
}

/// Values that an identity provider may send, with a bias towards the names that matter.
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

/// The name as the most lenient backend reads it.
fn folded(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

/// The request as it reaches the application: headers are removed after others are set.
fn upstream(incoming: &[String], allow: &Allow) -> Vec<(String, String)> {
    let kept = incoming.iter().map(|name| (name.to_ascii_lowercase(), "eve".to_owned()));
    let kept = kept.filter(|(name, _)| !allow.set().any(|(set, _)| set == name.as_str()));
    let set =
        allow.set().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    kept.chain(set).filter(|(name, _)| !allow.remove().any(|removed| removed == name)).collect()
}

proptest! {
    /// PR-5: after the answer is applied, every identity header is Gatepost's or absent, occurs once, and no name is in
    /// both lists.
    #[test]
    fn nothing_that_a_client_sent_survives(
        names in prop::collection::vec("[xX][-_.]([aA]uthentik)[-_.](username|groups|uid|jwt|meta[-_.]app)", 0..6),
        signed_in: bool,
        groups in prop::collection::vec("\\PC{0,6}", 0..4),
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let allow = if signed_in { allowed(&json!({ "groups": groups }), &names) } else { allow_public(&public_path(), &application("https://app.example.com"), forwarded(&sent(&names))) };
        for name in names.iter().map(|name| name.to_ascii_lowercase()).filter(|name| folds_to_owned(name)) {
            let set = allow.set().filter(|(set, _)| set == name.as_str()).count();
            let removed = allow.remove().filter(|removed| *removed == name).count();
            prop_assert_eq!(set + removed, 1, "{}", name);
        }
        for (name, value) in allow.set() {
            prop_assert!(!allow.remove().any(|removed| removed == name));
            prop_assert!(!String::from_utf8_lossy(value.as_bytes()).contains(char::is_control));
        }
    }

    /// PR-5: whatever claims and client contain, a header that an application could read as an identity header is
    /// Gatepost's, occurs once and is legal.
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

    /// No JSON value sets a header that claims must not set, and no name is in both lists.
    #[test]
    fn additional_headers_never_set_a_forbidden_name(headers in prop::collection::btree_map(header_names(), json_values(), 0..8)) {
        let headers = Value::Object(headers.into_iter().collect());
        let plain = allowed(&json!({ "email": "a@example.com" }), &[]);
        let allow = allowed(&with_additional(&headers), &[]);
        let planned = |name: &str| plain.set().any(|(set, _)| set == name);
        for (name, value) in allow.set().filter(|(name, _)| !planned(name.as_str())) {
            let folded = folded(name.as_str());
            let beginnings = ["x-authentik-", "x-forwarded-", "x-gatepost-", "x-envoy-"];
            prop_assert!(!beginnings.iter().any(|beginning| folded.starts_with(beginning)), "{}", name);
            let forbidden = ["host", "cookie", "content-length", "transfer-encoding", "te", "upgrade", "expect", "connection"];
            prop_assert!(!forbidden.contains(&folded.as_str()) && !name.as_str().contains([':', ' ']), "{}", name);
            prop_assert!(!String::from_utf8_lossy(value.as_bytes()).contains(char::is_control));
            prop_assert!(!allow.remove().any(|removed| removed == name), "{}", name);
            prop_assert_eq!(allow.set().filter(|(other, _)| other == name).count(), 1);
        }
        for (name, value) in plain.set() {
            prop_assert!(allow.set().any(|line| *line == (name.clone(), value.clone())), "{} changed", name);
        }
    }
}
