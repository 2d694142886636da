//! Answers as authentik writes them, older and newer ones, and what is wrong with others.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::*;

const UUID: &str = "3b1c0e0e-5a55-4d7c-9d0e-0c6f6f0f2a11";

fn outpost(changes: &Value) -> Result<Outpost, String> {
    let mut outpost = json!({
        "pk": UUID, "name": "edge", "type": "proxy", "providers": [7], "refresh_interval_s": 300,
        "config": {"authentik_host": "https://auth.example.com/", "log_level": "info"}, "managed": null,
    });
    merge(&mut outpost, changes);
    read(outpost)
}

fn provider(changes: &Value) -> Value {
    let at = |path: &str| format!("https://auth.example.com/application/o/{path}");
    let mut provider = json!({
        "pk": 7, "name": "Wiki provider", "internal_host": "", "external_host": "https://wiki.example.com",
        "internal_host_ssl_validation": true, "client_id": "abc", "client_secret": "very secret",
        "oidc_configuration": {
            "issuer": at("wiki/"), "authorization_endpoint": at("authorize/"), "token_endpoint": at("token/"),
            "userinfo_endpoint": at("userinfo/"), "end_session_endpoint": at("wiki/end-session/"),
            "introspection_endpoint": at("introspect/"), "jwks_uri": at("wiki/jwks/"),
            "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["HS256"],
            "subject_types_supported": ["public"], "token_endpoint_auth_methods_supported": ["client_secret_post"],
        },
        "cookie_secret": "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "certificate": null, "skip_path_regex": "^/public\r\n\n",
        "basic_auth_enabled": false, "basic_auth_password_attribute": "", "basic_auth_user_attribute": "",
        "mode": "forward_single", "cookie_domain": "", "access_token_validity": 86400.5, "intercept_header_auth": true,
        "scopes_to_request": ["ak_proxy", "openid"], "assigned_application_slug": "wiki",
        "assigned_application_name": "Wiki",
    });
    merge(&mut provider, changes);
    provider
}

/// `"absent"` removes a member.
fn merge(value: &mut Value, changes: &Value) {
    for (name, change) in changes.as_object().into_iter().flatten() {
        if change == "absent" {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = change.clone();
        }
    }
}

#[test]
fn intervals_are_kept_within_reason() {
    for (seconds, expected) in [
        (json!(300), 300),
        (json!(300.0), 300),
        (json!(7200), 7200),
        (json!(30), 30),
        (json!(29), 30),
        (json!(1), 30),
        (json!(0), 300),
        (json!(-5), 300),
        (json!(null), 300),
        (json!("absent"), 300),
    ] {
        let outpost = outpost(&json!({ "refresh_interval_s": seconds })).unwrap();
        assert_eq!(outpost.refresh_interval(), Duration::from_secs(expected), "{seconds}");
    }
}

#[test]
fn an_old_outpost_lacks_what_it_may_lack() {
    for changes in [
        json!({ "config": {}, "managed": "absent" }),
        json!({ "config": null }),
        json!({ "config": "absent", "refresh_interval_s": "absent" }),
        json!({ "config": { "authentik_host": null, "log_level": null } }),
        json!({ "config": { "authentik_host": "", "log_level": "" }, "managed": "" }),
        json!({ "config": { "docker_labels": { "a": 1 } }, "of_the_future": [1] }),
    ] {
        let outpost = outpost(&changes).unwrap();
        assert_eq!(outpost.config, OutpostConfig::default(), "{changes}");
        assert!(!outpost.is_embedded());
    }
    assert!(outpost(&json!({ "managed": "goauthentik.io/outposts/embedded" })).unwrap().is_embedded());
}

#[test]
fn what_is_wrong_is_named_without_its_value() {
    for (changes, member) in [
        (json!({ "name": "absent" }), "name"),
        (json!({ "pk": "../../x" }), "pk"),
        (json!({ "pk": UUID.replace('-', "") }), "pk"),
        (json!({ "refresh_interval_s": 1.5 }), "refresh_interval_s"),
        (json!({ "config": { "log_level": 5 } }), "config.log_level"),
    ] {
        assert_eq!(outpost(&changes).err().as_deref(), Some(member), "{changes}");
    }
}

#[test]
fn every_optional_member_of_a_provider_may_be_absent_null_or_empty() {
    let optional = [
        "internal_host",
        "internal_host_ssl_validation",
        "client_id",
        "client_secret",
        "cookie_secret",
        "certificate",
        "skip_path_regex",
        "basic_auth_enabled",
        "basic_auth_password_attribute",
        "basic_auth_user_attribute",
        "mode",
        "cookie_domain",
        "access_token_validity",
        "intercept_header_auth",
    ];
    let all = |value: &Value| {
        let changes: serde_json::Map<String, Value> =
            optional.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
        Providers::from_items(vec![provider(&changes.into())]).valid.pop()
    };
    let absent = all(&json!("absent")).expect("is valid");
    assert_eq!(all(&Value::Null), Some(absent.clone()));
    assert!(absent.internal_host_ssl_validation && absent.intercept_header_auth && !absent.basic_auth_enabled);
    assert_eq!(absent.mode, ProxyMode::Proxy);
    assert!(absent.client_secret.is_none() && absent.access_token_validity.is_none() && absent.certificate.is_none());
    let empty = provider(&json!({
        "internal_host": "", "client_id": "", "client_secret": "", "certificate": "", "skip_path_regex": "",
        "cookie_domain": "", "mode": "absent", "access_token_validity": null,
    }));
    assert_eq!(Providers::from_items(vec![empty]).valid, [absent]);
}

#[test]
fn a_full_provider_is_read() {
    let all = Providers::from_items(vec![provider(&json!({ "certificate": UUID, "pk": 7.0, "new": {} }))]);
    assert_eq!(all.invalid, []);
    let provider = &all.valid[0];
    assert_eq!((provider.pk, provider.mode), (7, ProxyMode::ForwardSingle));
    assert_eq!(provider.certificate.as_deref(), Some(UUID));
    assert_eq!(provider.access_token_validity, Some(Duration::from_millis(86_400_500)));
    assert_eq!(provider.skip_path_regex.as_deref(), Some("^/public\r\n\n"));
    assert_eq!(provider.client_secret.as_ref().unwrap().as_secret().expose_secret(), "very secret");
    let printed = format!("{provider:?}");
    assert!(!printed.contains("very secret") && !printed.contains("ABCDEF"), "{printed}");
}

#[test]
fn scopes_in_another_order_are_no_change() {
    let read = |changes: &Value| Providers::from_items(vec![provider(changes)]).valid.pop().expect("is valid");
    let one = read(&json!({}));
    assert_eq!(one, read(&json!({ "scopes_to_request": ["openid", "ak_proxy", "openid"] })));
    assert_ne!(one, read(&json!({ "scopes_to_request": ["openid"] })));
    assert_ne!(one, read(&json!({ "client_secret": "another" })));
}

#[test]
fn a_provider_that_is_wrong_leaves_the_others_alone() {
    for (changes, member) in [
        (json!({ "external_host": "absent" }), "external_host"),
        (json!({ "assigned_application_slug": null }), "assigned_application_slug"),
        (json!({ "scopes_to_request": "absent" }), "scopes_to_request"),
        (
            json!({ "oidc_configuration": { "issuer": "https://auth.example.com/" } }),
            "oidc_configuration.authorization_endpoint",
        ),
        (json!({ "client_secret": 12_345 }), "client_secret"),
        (json!({ "mode": "very secret" }), "mode"),
        (json!({ "certificate": "../x" }), "certificate"),
        (json!({ "access_token_validity": -1 }), "access_token_validity"),
        (json!({ "access_token_validity": 1e300 }), "access_token_validity"),
        (json!({ "pk": "very secret" }), "pk"),
    ] {
        let all = Providers::from_items(vec![provider(&changes), provider(&json!({ "pk": 8 }))]);
        assert_eq!(all.valid.iter().map(|provider| provider.pk).collect::<Vec<_>>(), [8], "{changes}");
        let [invalid] = all.invalid.as_slice() else { panic!("{changes}") };
        assert_eq!(invalid.member, member);
        let text = invalid.to_string();
        assert!(text.contains("\"Wiki provider\"") && text.contains(member), "{text}");
        assert!(!text.contains("very secret") && !text.contains("12345"), "{text}");
    }
    let all = Providers::from_items(vec![json!(null), json!("x"), json!({}), provider(&json!({}))]);
    assert_eq!((all.valid.len(), all.invalid.len()), (1, 3));
}

#[test]
fn what_was_read_is_written_so_that_it_is_read_alike() {
    let all = Providers::from_items(vec![provider(&json!({})), provider(&json!({ "client_secret": null, "pk": 8 }))]);
    for provider in all.valid {
        let written = serde_json::to_vec(&provider).unwrap();
        assert_eq!(serde_json::from_slice::<ProxyOutpostConfig>(&written).unwrap(), provider);
    }
    let outpost = outpost(&json!({ "refresh_interval_s": 77, "managed": "x" })).unwrap();
    let written = serde_json::to_vec(&outpost).unwrap();
    assert_eq!(serde_json::from_slice::<Outpost>(&written).unwrap(), outpost);
}
