//! The operator's choices: sets, own headers, additional headers, HTTP Basic, the budget.

use super::*;

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
    let of = |sets: &[HeaderSet]| {
        identity_headers(HeaderSettings { sets: sets.to_vec(), ..HeaderSettings::default() }, &claims)
    };
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
    assert_eq!(identity_headers(settings.clone(), &claims), pairs(&expected));
    let spoofed = ["x-authentik-username", "x.team", "X-Nothing", "x_nothing"];
    let allow = allowed_as(&planned(settings), &claims, &spoofed);
    for name in spoofed {
        assert!(allow.remove().any(|removed| removed.eq_ignore_ascii_case(name)), "{name}");
    }
}

#[test]
fn tokens_are_sent_under_own_names_and_in_place_of_the_clients_authorization() {
    let own = vec![
        own("Authorization", OwnValue::Token(TokenKind::AccessToken)),
        own("X-Id-Token", OwnValue::Token(TokenKind::IdToken)),
    ];
    let application = planned(HeaderSettings { own, ..HeaderSettings::default() });
    let spoofed = ["authorization", "x_id_token"];
    let allow = allowed_as(&application, &json!({}), &spoofed);
    assert_eq!(value(&allow, "authorization"), Some("Bearer access-token"));
    assert!(value(&allow, "x-id-token").is_some_and(|token| token.split('.').count() == 3));
    assert!(allow.remove().any(|removed| removed == "x_id_token"));
    let public = allow_public(&public_path(), &application, forwarded(&sent(&spoofed)));
    for name in ["authorization", "x-id-token", "x_id_token"] {
        assert!(public.remove().any(|removed| removed == name), "{name}");
    }
}

#[test]
fn every_set_keeps_authentiks_names_and_its_own_from_everybody() {
    let names = |sets: &[HeaderSet]| {
        let application = planned(HeaderSettings { sets: sets.to_vec(), ..HeaderSettings::default() });
        let head = sent(&["X_Forwarded.User", "x-forwarded-for"]);
        allow_public(&public_path(), &application, forwarded(&head)).remove().map(str::to_owned).collect::<Vec<_>>()
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
    let removed = |allow: &Allow, name: &str| allow.remove().any(|removed| *removed == *name);
    for name in ["x_known", "x-other", "x.other", "x_free", "x.free"] {
        assert!(removed(&allow, name), "{name}");
    }
    assert!(!removed(&allow, "x_fr.ee"), "that is another name");
    let public = allow_public(&public_path(), &application, forwarded(&sent(&spoofed)));
    assert!(removed(&public, "x-known") && removed(&public, "x_other"));
    assert!(!removed(&public, "x-free"), "nobody said that this name is ours");
}

/// A UserInfo answer may be as large as a megabyte, and reading it must not take quadratic time.
#[test]
fn any_number_of_additional_headers_is_read_and_none_too_many_sent() {
    let headers: serde_json::Map<_, _> = (0..20_000).map(|number| (format!("X-{number}"), json!(1))).collect();
    let claims = with_additional(&Value::Object(headers));
    let claims = Claims::new(claims.as_object().cloned().unwrap_or_default());
    let application = application("https://app.example.com");
    let session = Session::begin(signed_in(&json!({}), NOW), &application, NOW, LIFETIMES);
    let outpost = OutpostFacts { name: "outpost", jwks_uri: None, signer: None };
    let about = UserFacts { claims: &claims, ..session.record().into() };
    let facts = Facts { about, application: (&application).into(), outpost };
    assert!(preview(&application.headers, &facts).fits.expect_err("is too much").count > 20_000);
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
        assert!(!allow.remove().any(|removed| removed == "authorization"));
    }
}

#[test]
fn a_rehearsal_tells_what_is_left_out_and_what_does_not_fit() {
    let budget = Budget { max_bytes: 1000, max_count: 60 };
    let basic = Some(BasicAuth { user_attribute: Some("login".into()), password_attribute: "pw".into() });
    let application = planned(HeaderSettings { basic, budget, ..HeaderSettings::default() });
    let preview = |claims: &Value| {
        let session = Session::begin(signed_in(claims, NOW), &application, NOW, LIFETIMES);
        let outpost = OutpostFacts { name: "outpost", jwks_uri: None, signer: None };
        preview(
            &application.headers,
            &Facts { about: session.record().into(), application: (&application).into(), outpost },
        )
    };
    let mut claims = with_additional(&json!({ "Host": "x", "X-A": {} }));
    claims["ak_proxy"]["user_attributes"]["login"] = json!("a:b");
    let header_preview = preview(&claims);
    let dropped = [
        ("Host".to_owned(), Dropped::Name(NameFault::OfTheMessage)),
        ("X-A".to_owned(), Dropped::Value),
        ("authorization".to_owned(), Dropped::Credentials),
    ];
    assert_eq!((header_preview.dropped.as_slice(), header_preview.fits), (&dropped[..], Ok(())));
    let groups: Vec<String> = (0..200).map(|number| format!("group-{number}")).collect();
    let over = preview(&json!({ "groups": groups })).fits.expect_err("is too much");
    assert_eq!(over.largest, "x-authentik-groups");
    assert!(over.bytes > over.largest_bytes && over.largest_bytes > 1000, "{over}");
}

#[test]
fn a_user_without_a_name_is_noticed_whatever_header_should_hold_it() {
    let unnamed = |settings: HeaderSettings, claims: &Value| {
        let application = planned(settings);
        let session = Session::begin(signed_in(claims, NOW), &application, NOW, LIFETIMES);
        let outpost = OutpostFacts { name: "outpost", jwks_uri: None, signer: None };
        let facts = Facts { about: session.record().into(), application: (&application).into(), outpost };
        preview(&application.headers, &facts)
            .unnamed
            .into_iter()
            .map(|it| (it.header, it.claim, it.cause))
            .collect::<Vec<_>>()
    };
    let name = "x-authentik-username";
    let plain = HeaderSettings::default;
    let by_mail = || HeaderSettings { own: vec![own("X-authentik-username", claim("email", "|"))], ..plain() };
    let legacy = || HeaderSettings { sets: vec![HeaderSet::Legacy], ..plain() };
    for (settings, claims, expected) in [
        (plain(), json!({ "preferred_username": "alice" }), None),
        (plain(), json!({ "email": "a@example.com" }), Some((name, "preferred_username", NoName::Absent))),
        (plain(), json!({ "preferred_username": null }), Some((name, "preferred_username", NoName::Absent))),
        (plain(), json!({ "preferred_username": ["alice"] }), Some((name, "preferred_username", NoName::Unusable))),
        (plain(), json!({ "preferred_username": "a\nb" }), Some((name, "preferred_username", NoName::Unusable))),
        (by_mail(), json!({ "email": "a@example.com" }), None),
        (by_mail(), json!({ "preferred_username": "alice" }), Some((name, "email", NoName::Absent))),
        (legacy(), json!({}), Some(("x-auth-username", "preferred_username", NoName::Absent))),
        (HeaderSettings { sets: Vec::new(), ..plain() }, json!({}), None),
    ] {
        let expected: Vec<_> =
            expected.into_iter().map(|(header, claim, cause)| (header, claim.to_owned(), cause)).collect();
        assert_eq!(unnamed(settings, &claims), expected, "{claims}");
    }
}
