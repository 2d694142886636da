//! Sparse ID Tokens: UserInfo completes the identity headers of the application.

use gatepost::domain::oidc::claims::ClaimPath;
use gatepost::domain::policy::identity_headers::{
    HeaderName, HeaderPlan, HeaderSettings, OwnHeader, OwnValue, Separator,
};
use gatepost::domain::policy::{AccessRules, ClaimCondition, Conditions, EmailVerified, MailDomain, Principals};
use gatepost::testing::ManualClock;
use gatepost::testing::rule;
use serde_json::json;

use crate::browser::{Browser, WIKI};
use crate::capture::Log;
use crate::op::signing::Key;
use crate::op::{CLIENT_ID, HostileOp, Reply, SUBJECT};
use crate::test_outpost::{Storage, TestOutpost, application, wiki, wiki_with};

#[tokio::test]
async fn oc_13_a_sparse_token_is_completed_from_user_info() {
    for signed in [false, true] {
        let (test_outpost, op) = wiki().await;
        op.behave(|b| {
            b.sparse = true;
            b.signed_user_info = signed.then(|| (Key::RsaA, json!({})));
        });
        let answer = Browser::default().sign_in(&test_outpost, &op, WIKI).await;
        for (name, value) in [
            ("x-authentik-username", Some("alice")),
            ("x-authentik-name", Some("Alice Doe")),
            ("x-authentik-email", Some("alice@example.test")),
            ("x-authentik-groups", Some("admins|staff")),
            ("x-authentik-uid", Some(SUBJECT)),
            ("x-authentik-meta-app", Some("wiki")),
            ("x-authentik-jwt", None),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
        let asked = op.recorded("/userinfo");
        assert_eq!(asked.len(), 1);
        assert!(asked[0].authorization().unwrap().starts_with("Bearer ") && asked[0].query.is_empty(), "in the header");
    }
}

#[tokio::test]
async fn oc_13_a_claim_that_only_an_own_header_needs_is_asked_for() {
    let own = |header: &str| {
        let path = ClaimPath::parse("team.name").unwrap();
        OwnHeader { name: HeaderName::parse(header).unwrap(), value: OwnValue::Claim(path, Separator::BAR) }
    };
    for (header, asked) in [(None, 0), (Some("X-Team"), 1)] {
        let (test_outpost, op) = wiki_with(|application| {
            let own = header.map(own).into_iter().collect();
            application.headers = HeaderPlan::new(HeaderSettings { own, ..HeaderSettings::default() });
            application.relying_party.claims = application.headers.claims_read();
        })
        .await;
        op.behave(|b| b.user = json!({ "team": { "name": "red" } }));
        let answer = Browser::default().sign_in(&test_outpost, &op, WIKI).await;
        assert_eq!(answer.header("x-team"), header.map(|_| "red"));
        assert_eq!(op.recorded("/userinfo").len(), asked);
    }
}

#[tokio::test]
async fn oc_13_user_info_overrules_nothing_and_invents_no_header() {
    let (test_outpost, op) = wiki().await;
    op.behave(|b| {
        b.claims = json!({"email": null});
        b.user = json!({
            "preferred_username": "mallory", "name": "a\r\nx-authentik-groups: admins", "iss": "https://evil.example/",
            "groups": ["a|admins", "x\ny"], "email": "late@example.test",
        });
    });
    let answer = Browser::default().sign_in(&test_outpost, &op, WIKI).await;
    assert_eq!(answer.header("x-authentik-username"), Some("alice"), "the ID Token's word stands");
    assert_eq!(answer.header("x-authentik-groups"), Some("admins|staff"));
    assert_eq!(answer.header("x-authentik-email"), Some("late@example.test"), "what was missing is completed");
    assert_eq!(op.recorded("/userinfo").len(), 1);
    assert!(!answer.headers.iter().any(|(_, value)| value.contains(['\r', '\n'])));
}

#[tokio::test]
async fn pr_5_claims_that_cannot_stand_in_a_header_are_left_out() {
    let (test_outpost, op) = wiki().await;
    op.behave(|b| {
        b.claims = json!({
            "preferred_username": "eve\r\nx-authentik-groups: admins", "name": 7, "email": ["x"],
            "groups": ["ok", "a|admins", "x\u{0}y", "", 5, "ä"],
        });
    });
    let answer = Browser::default().sign_in(&test_outpost, &op, WIKI).await;
    assert_eq!(answer.header("x-authentik-username"), None);
    assert_eq!((answer.header("x-authentik-name"), answer.header("x-authentik-email")), (None, None));
    assert_eq!(answer.header("x-authentik-groups"), Some("ok|ä"));
}

#[tokio::test]
async fn oc_13_user_info_that_fails_keeps_nobody_out() {
    let (test_outpost, op) = wiki().await;
    for (name, reply) in [
        ("HTML", Reply::Text(200, "text/html", "<html>".to_owned())),
        ("array", Reply::Text(200, "application/json", "[]".to_owned())),
        ("empty", Reply::Text(200, "application/json", String::new())),
        ("5 MB", Reply::Huge(5_000_000)),
        ("bomb", Reply::Bomb),
        ("401", Reply::Status(401)),
        ("403", Reply::Status(403)),
        ("404", Reply::Status(404)),
        ("500", Reply::Status(500)),
    ] {
        op.reform();
        op.behave(|b| {
            b.claims = json!({"name": null, "groups": null});
            b.user_info = reply;
        });
        let answer = Browser::default().sign_in(&test_outpost, &op, WIKI).await;
        assert_eq!(answer.header("x-authentik-username"), Some("alice"), "{name}");
        assert_eq!(answer.header("x-authentik-name"), None, "{name}");
    }
    op.reform();
    op.behave(|b| {
        b.sparse = true;
        b.user = json!({"sub": "mallory"});
    });
    let mut browser = Browser::default();
    let page = browser.come_back(&test_outpost, &op, WIKI).await;
    page.expect_refusal(403, "another user");
    assert!(!browser.has_session());
}

#[tokio::test]
async fn jwt_headers_only_where_they_are_switched_on() {
    let (test_outpost, op) = wiki_with(|application| application.jwt_headers = true).await;
    let answer = Browser::default().sign_in(&test_outpost, &op, WIKI).await;
    assert!(answer.header("x-authentik-jwt").unwrap().starts_with("access-"));
    assert_eq!(answer.header("x-authentik-meta-jwks"), Some(format!("{}keys", op.issuer()).as_str()));
}

#[tokio::test]
async fn oc_13_a_claim_that_only_an_access_rule_reads_is_asked_for() {
    let claim = ClaimCondition { path: ClaimPath::parse("team.name").unwrap(), values: vec!["red".to_owned()] };
    let principals = Principals::matching(Conditions { claims: vec![claim], ..Conditions::default() }).unwrap();
    let rules = AccessRules::new(vec![rule(principals)]).unwrap();
    for (team, allowed) in [("red", true), ("blue", false)] {
        let (test_outpost, op) = wiki_with(|application| {
            application.relying_party.claims = rules.claims_read();
            application.rules = rules.clone();
        })
        .await;
        op.behave(|b| b.user = json!({ "team": { "name": team } }));
        let mut browser = Browser::default();
        browser.come_back(&test_outpost, &op, WIKI).await;
        let answer = browser.open(&test_outpost, WIKI).await;
        assert_eq!((answer.allowed, op.recorded("/userinfo").len()), (allowed, 1), "{answer:?}");
        assert_eq!(answer.reason, if allowed { "signed_in" } else { "forbidden" });
    }
}

#[tokio::test]
async fn a_user_without_a_name_is_told_at_the_sign_in_and_once() {
    let log = Log::start();
    let (test_outpost, op) = wiki().await;
    op.behave(|b| {
        b.claims = json!({ "preferred_username": null });
        b.user = json!({ "preferred_username": null });
    });
    let answer = Browser::default().sign_in(&test_outpost, &op, WIKI).await;
    assert_eq!(answer.header("x-authentik-username"), None);
    let told = log.take();
    let lines: Vec<&str> =
        told.lines().filter(|line| line.contains("the header for the user's name has no value")).collect();
    let [line] = lines.as_slice() else { panic!("one line: {told}") };
    for part in
        ["WARN", "wiki", "x-authentik-username", "preferred_username", "does not give the claim", "claim_headers"]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
    Browser::default().sign_in(&test_outpost, &op, WIKI).await;
    assert!(
        !log.take().contains("the header for the user's name has no value"),
        "the second user without a name is no news"
    );
}

/// The log names each failed condition of a rule by what is wrong with its claim, without the claim's value.
#[tokio::test]
async fn a_403_by_rules_says_in_the_log_which_condition_failed() {
    let condition = |conditions: Conditions| rule(Principals::matching(conditions).unwrap());
    let rules = AccessRules::new(vec![
        condition(Conditions { groups: vec!["admins".to_owned()], ..Conditions::default() }),
        condition(Conditions {
            email_domains: vec![MailDomain::parse("example.test").unwrap()],
            ..Conditions::default()
        }),
    ])
    .unwrap();
    for (claims, expected) in [
        (json!({ "groups": "admins" }), "rule 1: `groups` is a text, not a list; rule 2: `email` is not verified"),
        (json!({ "groups": ["hush"] }), "rule 1: `groups` has none of: admins; rule 2: `email` is not verified"),
        (
            json!({ "groups": null, "_claim_names": { "groups": "src1" } }),
            "rule 1: the provider omitted `groups` and refers to another source for it (`_claim_names`)",
        ),
    ] {
        let log = Log::start();
        let (test_outpost, op) = wiki_with(|application| application.rules = rules.clone()).await;
        op.behave(|b| {
            b.claims = claims.clone();
            b.claims["email_verified"] = json!(false);
            b.user = json!({ "groups": null });
        });
        let mut browser = Browser::default();
        browser.come_back(&test_outpost, &op, WIKI).await;
        log.take();
        let answer = browser.open(&test_outpost, WIKI).await;
        assert_eq!((answer.allowed, answer.reason.as_str()), (false, "forbidden"));
        let told = log.take();
        let line = told.lines().find(|line| line.contains("no access rule allows this user")).unwrap_or_default();
        assert!(line.contains("INFO") && line.contains(expected), "{told}");
        assert!(!told.contains("hush") && !told.contains("@example.test"), "{told}");
    }
}

/// A provider whose UserInfo fails is reported once, until it works again.
#[tokio::test]
async fn oc_13_user_info_that_fails_is_warned_of_once() {
    let log = Log::start();
    let (test_outpost, op) = wiki().await;
    for reply in [Reply::Status(404), Reply::Status(401)] {
        log.take();
        for expected in [1, 0, 0] {
            op.behave(|b| (b.claims, b.user_info) = (json!({ "groups": null }), reply.clone()));
            Browser::default().sign_in(&test_outpost, &op, WIKI).await;
            let text = log.take();
            let told: Vec<&str> = text.lines().filter(|line| line.contains("WARN")).collect();
            assert_eq!(told.len(), expected, "{told:?}");
            let says = |line: &&str| line.contains("userinfo: status") && line.contains(op.issuer());
            assert!(told.iter().all(says), "{told:?}");
        }
        op.behave(|b| b.user_info = Reply::Proper);
        Browser::default().sign_in(&test_outpost, &op, WIKI).await;
    }
}

#[tokio::test]
async fn metadata_of_no_use_and_other_algorithms_are_warned_of_at_the_start() {
    let log = Log::start();
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    op.behave(|b| {
        b.metadata = json!({
            "revocation_endpoint": "http://op.example/revoke", "id_token_signing_alg_values_supported": ["ES256"],
        });
    });
    let test_outpost = TestOutpost::new(vec![application("wiki", op.issuer())], &clock, &Storage::default());
    Browser::default().begin(&test_outpost, WIKI).await;
    let text = log.take();
    let told: Vec<&str> = text.lines().filter(|line| line.contains("WARN")).collect();
    let has = |words: &[&str]| told.iter().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(has(&["`revocation_endpoint`", "http://op.example/revoke", op.issuer()]), "{told:?}");
    assert!(has(&["id_token_signing_alg_values_supported", "ES256", "RS256", CLIENT_ID]), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
}

/// How `email_domains` treats the providers' ways to state that an address is verified, or to state nothing.
#[tokio::test]
async fn oc_14_rules_on_addresses_follow_the_providers_word_or_the_operators() {
    for (absent, verified, allowed) in [
        (EmailVerified::Required, json!(true), true),
        (EmailVerified::Required, json!("true"), true),
        (EmailVerified::Required, json!(null), false),
        (EmailVerified::Required, json!("false"), false),
        (EmailVerified::Assumed, json!(null), true),
        (EmailVerified::Assumed, json!(""), true),
        (EmailVerified::Assumed, json!(false), false),
        (EmailVerified::Assumed, json!("false"), false),
    ] {
        let email_domains = vec![MailDomain::parse("example.test").unwrap()];
        let conditions = Conditions { email_domains, email_verified: absent, ..Conditions::default() };
        let principals = Principals::matching(conditions).unwrap();
        let rules = AccessRules::new(vec![rule(principals)]).unwrap();
        let (test_outpost, op) = wiki_with(|application| {
            application.relying_party.claims = rules.claims_read();
            application.rules = rules.clone();
        })
        .await;
        op.behave(|b| {
            b.claims = json!({ "email_verified": verified });
            b.user = json!({ "email": "alice@elsewhere.test", "email_verified": true });
        });
        let mut browser = Browser::default();
        browser.come_back(&test_outpost, &op, WIKI).await;
        let answer = browser.open(&test_outpost, WIKI).await;
        assert_eq!(answer.allowed, allowed, "{absent:?} {verified}: {answer:?}");
    }
}

/// The attack: the ID Token's mail address, combined with UserInfo's verification of another address.
#[tokio::test]
async fn oc_14_email_verified_of_another_address_does_not_count() {
    for (claims, user) in [
        (json!({ "email": "mallory@example.test", "email_verified": null }), json!({ "email": "m@evil.test" })),
        (json!({ "email": null }), json!({ "email": "mallory@example.test", "email_verified": null })),
    ] {
        let email_domains = vec![MailDomain::parse("example.test").unwrap()];
        let principals = Principals::matching(Conditions { email_domains, ..Conditions::default() }).unwrap();
        let rules = AccessRules::new(vec![rule(principals)]).unwrap();
        let (test_outpost, op) = wiki_with(|application| {
            application.relying_party.claims = rules.claims_read();
            application.rules = rules.clone();
        })
        .await;
        op.behave(|b| (b.claims, b.user) = (claims.clone(), user.clone()));
        let mut browser = Browser::default();
        browser.come_back(&test_outpost, &op, WIKI).await;
        let answer = browser.open(&test_outpost, WIKI).await;
        assert_eq!(answer.reason, "forbidden", "{claims} {user}: {answer:?}");
        assert_eq!(op.recorded("/userinfo").len(), 1, "which was asked");
    }
}
