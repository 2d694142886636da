//! Rules that ask how and when the user signed in: `acr` and `max_age`.

use super::*;
use crate::domain::oidc::credentials::VerifiedCredential;
use proptest::prelude::*;

const AT: u64 = NOW.as_unix();

fn requirement(acr: &[&str], max_age: Option<u64>) -> AuthenticationRequirement {
    AuthenticationRequirement { acr: texts(acr), max_age: max_age.map(Duration::from_secs) }
}

fn asking(acr: &[&str], max_age: Option<u64>, rule: Rule) -> Rule {
    Rule { authentication: Some(requirement(acr, max_age)), ..rule }
}

#[test]
fn acr_is_one_text_of_the_id_token_byte_for_byte() {
    let rules = rules(&[asking(&["mfa", "urn:x:hwk"], None, rule(&[], &[], None))]);
    for acr in ["mfa", "urn:x:hwk"] {
        assert_eq!(outcome(&rules, &identity(&json!({ "acr": acr })), "GET", "/"), Ok(1));
    }
    let wrong = [
        json!("MFA"),
        json!("mfa "),
        json!("mfa urn:x:hwk"),
        json!(["mfa"]),
        json!({ "mfa": 1 }),
        json!(1),
        json!(""),
        json!(null),
    ];
    for acr in wrong {
        let user = identity(&json!({ "acr": acr, "amr": ["mfa"] }));
        assert_eq!(outcome(&rules, &user, "GET", "/"), Err(Forbidden::OtherSignIn), "{acr}");
    }
    assert_eq!(outcome(&rules, &member(&["mfa"]), "GET", "/"), Err(Forbidden::OtherSignIn), "absent");
}

#[test]
fn max_age_counts_from_auth_time_and_a_future_one_does_not_count() {
    let rules = rules(&[asking(&[], Some(900), rule(&[], &[], None))]);
    for (auth_time, passes) in [
        (json!(AT), true),
        (json!(AT - 900), true),
        (json!(AT - 901), false),
        (json!(AT + 60), true),
        (json!(AT + 61), false),
        (json!(AT * 1000), false),
        (json!(0), false),
        (json!(AT.to_string()), false),
        (json!(null), false),
        (json!(-1), false),
        (json!(1e300), false),
    ] {
        let user = identity(&json!({ "auth_time": auth_time }));
        let expected = if passes { Ok(1) } else { Err(Forbidden::OtherSignIn) };
        assert_eq!(outcome(&rules, &user, "GET", "/"), expected, "{auth_time}");
    }
    assert_eq!(outcome(&rules, &member(&[]), "GET", "/"), Err(Forbidden::OtherSignIn), "absent: never met");
}

#[test]
fn a_credential_of_a_program_meets_neither() {
    let claims = json!({ "acr": "mfa", "auth_time": AT });
    let credential = VerifiedCredential::of_sign_in(signed_in(&claims, NOW));
    let robot = Identity::Credential(Arc::new(credential));
    for asked in [asking(&["mfa"], None, rule(&[], &[], None)), asking(&[], Some(900), rule(&[], &[], None))] {
        let rules = rules(&[asked]);
        assert_eq!(outcome(&rules, &identity(&claims), "GET", "/"), Ok(1));
        assert_eq!(outcome(&rules, &robot, "GET", "/"), Err(Forbidden::NoRuleHolds), "another sign-in is no help");
        assert!(explained(&rules, &robot, "GET", "/").contains("a credential of a program is none"));
    }
}

#[test]
fn only_a_rule_that_otherwise_holds_asks_for_a_sign_in() {
    let rules = rules(&[
        asking(&["mfa"], None, rule(&["/admin"], &["GET"], Some("admins"))),
        asking(&["hwk"], Some(60), rule(&["/admin"], &[], Some("staff"))),
        asking(&[], Some(900), rule(&["/admin"], &["PUT"], Some("staff"))),
        rule(&["/"], &[], None),
    ]);
    let (admin, staff, guest) = (member(&["admins", "staff"]), member(&["staff"]), member(&["guests"]));
    let asked = |who: &Identity, method: &str, any_method: bool| {
        let mut head = request("wiki.example.com", "/admin/x", &[]);
        method.clone_into(&mut head.method);
        rules.requirement(rules.sign_ins_asked(
            who.claims(),
            &head,
            if any_method { Compared::Path } else { Compared::All },
        ))
    };
    assert_eq!(outcome(&rules, &guest, "GET", "/admin"), Err(Forbidden::NoRuleHolds));
    assert_eq!(outcome(&rules, &guest, "GET", "/"), Ok(4));
    assert_eq!(asked(&guest, "GET", true), None);
    assert_eq!(asked(&staff, "GET", false), Some(requirement(&["hwk"], Some(60))));
    assert_eq!(asked(&staff, "PUT", false), Some(requirement(&["hwk"], Some(60))), "the shortest age of both");
    assert_eq!(asked(&admin, "GET", false), Some(requirement(&["mfa", "hwk"], Some(60))), "any of these");
    assert_eq!(asked(&admin, "POST", false), asked(&staff, "GET", false));
    assert_eq!(asked(&admin, "POST", true), asked(&admin, "GET", false));
    let strong = identity(&json!({ "groups": ["staff"], "acr": "hwk", "auth_time": AT - 60 }));
    assert_eq!(outcome(&rules, &strong, "GET", "/admin"), Ok(2));
    assert_eq!(outcome(&rules, &strong, "GET", "/admin%2f"), Err(Forbidden::OddPath));
    assert_eq!(rules.requirement(RequirementSet::from_bits(1 << 63)), None, "none of these rules");
}

#[test]
fn the_provider_is_asked_in_the_words_of_openid_connect() {
    let parameters = |acr: &[&str], max_age| {
        let parameters = requirement(acr, max_age).parameters();
        let shown = parameters.iter().map(|it| format!("{}={}", it.name, it.value.as_str()));
        shown.collect::<Vec<_>>().join("&")
    };
    assert_eq!(parameters(&["mfa", "hwk"], Some(900)), "acr_values=mfa hwk&max_age=900");
    assert_eq!(parameters(&["mfa"], None), "acr_values=mfa");
    assert_eq!(parameters(&[], Some(60)), "max_age=60");
    let all = [
        requirement(&["a"], None),
        requirement(&["b"], None),
        requirement(&["a"], Some(60)),
        requirement(&["a", "b"], None),
    ];
    let fingerprints: std::collections::BTreeSet<u64> =
        all.iter().map(AuthenticationRequirement::fingerprint).collect();
    assert_eq!(fingerprints.len(), all.len());
}

#[test]
fn a_rule_and_what_is_missing_are_told() {
    let asked = asking(&["mfa", "hwk"], Some(5400), rule(&["/admin"], &["GET"], Some("admins")));
    assert_eq!(asked.to_string(), "paths /admin, methods GET: groups admins, acr mfa or hwk, max_age 90m");
    assert_eq!(asking(&[], Some(3601), rule(&[], &[], None)).to_string(), "anyone, max_age 3601s");
    let rules = rules(&[asked]);
    for (claims, expected) in [
        (
            json!({ "groups": ["admins"] }),
            "rule 1: the claim `acr` is absent, the ID Token has no `auth_time`, so `max_age` is never met: configure the provider to send it",
        ),
        (
            json!({ "groups": ["admins"], "acr": "pwd", "auth_time": AT - 6000 }),
            "rule 1: `acr` has none of: mfa, hwk, the sign-in at the provider (`auth_time`) is older than 90m",
        ),
        (
            json!({ "groups": ["admins"], "acr": "hwk", "auth_time": AT + 3600 }),
            "rule 1: `auth_time` lies in the future: the provider's clock and this server's differ",
        ),
        (
            json!({ "groups": ["admins"], "acr": "hwk", "auth_time": "now" }),
            "rule 1: `auth_time` is not a time, not a number of seconds",
        ),
    ] {
        assert_eq!(explained(&rules, &identity(&claims), "GET", "/admin"), expected, "{claims}");
    }
}

proptest! {
    /// PR-10: asking for a sign-in never allows more, and the explanation agrees with the decision.
    #[test]
    fn pr_10_asking_for_a_sign_in_never_widens(
        acr in prop::option::of(prop::sample::select(vec!["mfa", "hwk"])),
        wanted in prop::sample::subsequence(vec!["mfa", "hwk", "x"], 0..=3),
        max_age in prop::option::of(0_u64..2000),
        auth_time in prop::option::of(AT - 2000..AT + 200),
        group in prop::option::of(prop::sample::select(vec!["a", "b"])),
    ) {
        let user = identity(&json!({ "groups": ["a"], "acr": acr, "auth_time": auth_time }));
        let plain = rule(&[], &[], group);
        let asked = rules(&[asking(&wanted, max_age, plain.clone())]);
        let passes_asked = outcome(&asked, &user, "GET", "/");
        prop_assert!(passes_asked.is_err() || passes(&rules(&[plain]), &user, "GET", "/"));
        let head = request("wiki.example.com", "/", &[]);
        let applicable = asked.applicable(&head.target).expect("covers all");
        let obstacles = applicable[0].obstacles(user.claims(), user.known_by(NOW), &head);
        prop_assert_eq!(obstacles.is_empty(), passes_asked.is_ok());
    }
}
