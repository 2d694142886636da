//! Which rules allow which requests: tables, with the path rows of `docs/security.md`.

mod issuers;
mod properties;
mod sign_ins;

use super::*;
use crate::domain::oidc::claims::ClaimPath;
use crate::domain::session::{Lifetimes, Session};
use crate::domain::time::Timestamp;
use crate::testing::{self, application, request, signed_in};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_unix(1_000_000);

fn identity(claims: &Value) -> Identity {
    let (application, now) = (application("https://wiki.example.com"), NOW);
    let lifetimes = Lifetimes { absolute: Duration::from_hours(1), idle: Duration::from_hours(1) };
    let session = Arc::new(Session::begin(signed_in(claims, now), &application, now, lifetimes));
    Identity::Session(session.live(now, &application, now, lifetimes).expect("is alive"))
}

/// A user in these groups.
pub(super) fn member(groups: &[&str]) -> Identity {
    identity(&json!({ "groups": groups }))
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// A rule for a group (or, without one, for every user) at some paths and methods.
pub(super) fn rule(paths: &[&str], methods: &[&str], group: Option<&str>) -> Rule {
    let conditions = Conditions { groups: texts(group.as_slice()), ..Conditions::default() };
    Rule {
        paths: paths.iter().map(|path| PathPrefix::parse(path).expect("is a prefix")).collect(),
        methods: methods.iter().map(|method| Method::parse(method).expect("is a method")).collect(),
        ..testing::rule(Principals::matching(conditions).unwrap_or(Principals::Any))
    }
}

pub(super) fn rules(list: &[Rule]) -> AccessRules {
    AccessRules::new(list.to_vec()).expect("are not empty")
}

/// The number of the rule that allows a request, or why none does.
fn outcome(rules: &AccessRules, who: &Identity, method: &str, target: &str) -> Result<usize, Forbidden> {
    let mut head = request("wiki.example.com", target, &[]);
    method.clone_into(&mut head.method);
    rules.permit(who, &head, NOW).map(|permit| permit.rule().unwrap_or_default())
}

pub(super) fn passes(rules: &AccessRules, who: &Identity, method: &str, target: &str) -> bool {
    outcome(rules, who, method, target).is_ok()
}

#[test]
fn without_rules_every_signed_in_user_passes() {
    assert_eq!(outcome(&AccessRules::default(), &member(&[]), "DELETE", "/a%2fb/%2561"), Ok(0));
    assert!(AccessRules::new(Vec::new()).is_none(), "a_35_an_empty_list_is_no_list");
}

fn claim(path: &str, values: &[&str]) -> ClaimCondition {
    ClaimCondition { path: ClaimPath::parse(path).expect("is a path"), values: texts(values) }
}

/// Whether a rule with these conditions allows a user with these claims.
fn meets(conditions: &Conditions, claims: &Value) -> bool {
    let principals = Principals::matching(conditions.clone()).expect("names somebody");
    passes(&rules(&[testing::rule(principals)]), &identity(claims), "GET", "/")
}

#[test]
fn a_36_groups_are_texts_of_a_list_byte_for_byte() {
    let wanted = Conditions { groups: texts(&["a", "b"]), ..Conditions::default() };
    for groups in [json!(["b"]), json!(["x", "a"]), json!([1, "a"])] {
        assert!(meets(&wanted, &json!({ "groups": groups })), "{groups}");
    }
    for groups in
        [json!(["A", "a ", ""]), json!("a"), json!({ "a": true }), json!([["a"]]), json!(["a|b"]), json!(null)]
    {
        assert!(!meets(&wanted, &json!({ "groups": groups })), "{groups}");
    }
    assert!(!meets(&wanted, &json!({ "Groups": ["a"] })));
}

#[test]
fn a_36_addresses_and_domains_count_when_they_are_verified() {
    let emails = vec![MailAddress::parse("a@b.example").expect("is an address")];
    let email_domains = vec![MailDomain::parse("b.example").expect("is a domain")];
    let by_address = Conditions { emails, ..Conditions::default() };
    let by_domain = Conditions { email_domains, ..Conditions::default() };
    for (email, verified, address, domain) in [
        ("a@B.example", json!(true), true, true),
        ("x@b.example", json!(true), false, true),
        ("a@a.b.example", json!(true), false, false),
        ("a@b.example", json!("true"), true, true),
        ("a@b.example", json!("false"), false, false),
        ("a@b.example", json!("yes"), false, false),
        ("a@b.example", json!(1), false, false),
        ("a@b.example", json!(null), false, false),
    ] {
        let claims = json!({ "email": email, "email_verified": verified });
        assert_eq!((meets(&by_address, &claims), meets(&by_domain, &claims)), (address, domain), "{claims}");
    }
}

#[test]
fn oc_14_where_it_is_assumed_an_address_counts_unless_it_is_said_to_be_unverified() {
    let email_domains = vec![MailDomain::parse("b.example").expect("is a domain")];
    let assumed = Conditions { email_domains, email_verified: EmailVerified::Assumed, ..Conditions::default() };
    for (claims, expected) in [
        (json!({ "email": "a@b.example" }), true),
        (json!({ "email": "a@b.example", "email_verified": null }), true),
        (json!({ "email": "a@b.example", "email_verified": true }), true),
        (json!({ "email": "a@b.example", "email_verified": false }), false),
        (json!({ "email": "a@b.example", "email_verified": "false" }), false),
        (json!({ "email": "a@b.example", "email_verified": 0 }), false),
        (json!({ "email": "a@c.example" }), false),
        (json!({}), false),
    ] {
        assert_eq!(meets(&assumed, &claims), expected, "{claims}");
    }
    let empty = Conditions { email_verified: EmailVerified::Assumed, ..Conditions::default() };
    assert_eq!(Principals::matching(empty), None, "it is no condition by itself");
}

#[test]
fn a_36_any_claim_by_its_path_and_the_text_of_its_value() {
    for (path, values, claims, expected) in [
        ("team.name", &["red"][..], json!({ "team": { "name": "red" } }), true),
        ("team.name", &["red"], json!({ "team.name": "red" }), false),
        ("/team.name", &["red"], json!({ "team.name": "red" }), true),
        ("level", &["3", "4"], json!({ "level": 4 }), true),
        ("level", &["4"], json!({ "level": 4.5 }), false),
        ("staff", &["true"], json!({ "staff": true }), true),
        ("staff", &["true"], json!({ "staff": false }), false),
        ("roles", &["x"], json!({ "roles": ["y", "x"] }), true),
        ("roles", &["x"], json!({ "roles": [["x"], { "x": "x" }] }), false),
        ("roles", &["null"], json!({ "roles": null }), false),
        ("roles", &["x"], json!({}), false),
    ] {
        let conditions = Conditions { claims: vec![claim(path, values)], ..Conditions::default() };
        assert_eq!(meets(&conditions, &claims), expected, "{path} {values:?}: {claims}");
    }
}

#[test]
fn of_each_key_one_value_and_every_key() {
    let both = Conditions { claims: vec![claim("a", &["1"]), claim("b", &["2"])], ..Conditions::default() };
    assert!(meets(&both, &json!({ "a": 1, "b": 2 })) && !meets(&both, &json!({ "a": 1, "b": 3 })));
    let grouped = Conditions { groups: texts(&["x"]), ..both };
    assert!(meets(&grouped, &json!({ "groups": ["x"], "a": 1, "b": 2 })));
    assert!(!meets(&grouped, &json!({ "groups": [], "a": 1, "b": 2 })));
    assert!(!meets(&grouped, &json!({ "groups": ["x"], "b": 2 })));
    assert_eq!(Principals::matching(Conditions::default()), None, "no condition is not everybody");
}

/// RS-C: every user everywhere, only admins below `/admin`.
fn rs_c() -> AccessRules {
    rules(&[rule(&[], &[], None), rule(&["/admin"], &[], Some("admins"))])
}

#[test]
fn rs_c_a_protected_prefix() {
    let (rules, admin, user) = (rs_c(), member(&["admins"]), member(&["staff"]));
    for target in ["/", "/x", "/administrator", "/x?next=/admin", "/x/admin", "/group%2Fproject", "/x%5cy", "/C%23"] {
        assert_eq!(outcome(&rules, &user, "GET", target), Ok(1), "{target}");
    }
    for target in ["/admin", "/admin/", "/admin/x", "/admin?x=/public", "/admin/x;y=1", "/admin/caf%c3%a9", "/admin/a."]
    {
        assert_eq!(outcome(&rules, &admin, "GET", target), Ok(2), "{target}");
        assert_eq!(outcome(&rules, &user, "GET", target), Err(Forbidden::NoRuleHolds), "{target}");
    }
    let odd = [
        "//admin",
        "/admin;x",
        "/;/admin",
        "/%61dmin",
        "/admin%20",
        "/admin.",
        "/admin%23x",
        "/admin%3fx",
        "/admin%2Fx",
        "/x%2f..;/admin",
        "/%2fadmin",
        "/%5cadmin",
        "/%2561dmin",
        "/x/%252e%252e/admin",
        "/admin/%2541",
        "/admin/a%2fb",
    ];
    for target in odd {
        let Ok(_) = RequestTarget::parse(target.to_owned()) else { continue };
        for who in [&admin, &user] {
            assert_eq!(outcome(&rules, who, "GET", target), Err(Forbidden::OddPath), "{target}");
        }
    }
    // The prefix protects whatever the case, but allows only its exact spelling.
    for target in ["/ADMIN", "/Admin/x"] {
        assert_eq!(outcome(&rules, &admin, "GET", target), Err(Forbidden::NoRuleHolds), "{target}");
    }
}

#[test]
fn n4_without_rules_for_paths_a_known_user_passes_with_every_spelling() {
    let rules = rules(&[rule(&[], &[], Some("staff")), rule(&["/"], &["GET"], Some("guests"))]);
    for target in ["/a%2Fb", "/x%5cy", "/%2561dmin", "//x;y/z", "/C%23"] {
        assert_eq!(outcome(&rules, &member(&["staff"]), "GET", target), Ok(1), "{target}");
        assert_eq!(outcome(&rules, &member(&["guests"]), "GET", target), Ok(2), "{target}");
        assert_eq!(outcome(&rules, &member(&["guests"]), "PUT", target), Err(Forbidden::NoRuleHolds), "{target}");
    }
}

/// RS-E: a rule for a method covers only that method.
#[test]
fn n8_methods_are_compared_byte_for_byte() {
    let rules = rules(&[rule(&["/public"], &["GET"], None), rule(&[], &[], Some("admins"))]);
    let (admin, user) = (member(&["admins"]), member(&[]));
    assert!(passes(&rules, &user, "GET", "/public/a"));
    for method in ["POST", "get", "FOO", "HEAD", "GETX", ""] {
        assert!(!passes(&rules, &user, method, "/public/a"), "{method}");
        // Only the longest path applies: a request that it denies is not allowed by a shorter one.
        assert!(!passes(&rules, &admin, method, "/public/a"), "{method}");
        assert!(passes(&rules, &admin, method, "/x"), "{method}");
    }
}

#[test]
fn n9_a_request_passes_by_one_whole_rule() {
    let rules = rules(&[rule(&["/a"], &["GET"], Some("readers")), rule(&["/a"], &["PUT"], Some("writers"))]);
    let (reader, writer) = (member(&["readers"]), member(&["writers"]));
    assert_eq!(outcome(&rules, &reader, "GET", "/a"), Ok(1));
    assert_eq!(outcome(&rules, &writer, "PUT", "/a"), Ok(2));
    assert!(!passes(&rules, &reader, "PUT", "/a") && !passes(&rules, &writer, "GET", "/a"));
    assert_eq!(outcome(&rules, &reader, "GET", "/b"), Err(Forbidden::NotCovered));
    assert!(rules.leaves_gaps() && !rs_c().leaves_gaps() && !AccessRules::default().leaves_gaps());
}

#[test]
fn the_longest_path_decides_alone() {
    let rules = rules(&[
        rule(&["/", "/a/b"], &[], Some("root")),
        rule(&["/a", "/c/"], &[], Some("a")),
        rule(&["/A"], &[], Some("upper")),
    ]);
    let all = member(&["root", "a", "upper"]);
    for (target, number) in
        [("/x", 1), ("/a", 2), ("/a/", 2), ("/a/bb", 2), ("/a/b", 1), ("/a/b/c", 1), ("/c", 2), ("/cc", 1), ("/A/x", 3)]
    {
        assert_eq!(outcome(&rules, &all, "GET", target), Ok(number), "{target}");
    }
    assert!(!passes(&rules, &member(&["root"]), "GET", "/a") && !passes(&rules, &member(&["a"]), "GET", "/a/b"));
    assert!(!passes(&rules, &member(&["a"]), "GET", "/A") && !passes(&rules, &member(&["upper"]), "GET", "/a"));
}

#[test]
fn what_is_no_canonical_prefix_is_refused() {
    for text in ["", "a", "*", "https://x/a"] {
        assert_eq!(PathPrefix::parse(text), Err(PathPrefixFault::NotAPath), "{text}");
    }
    for text in ["//", "/a//b", "/a/../b", "/%61", "/a%2fb", "/a;x", "/a?x", "/a.", "/a#x", "/é", "/a b", "/a\\b"] {
        assert_eq!(PathPrefix::parse(text), Err(PathPrefixFault::NotCanonical), "{text}");
    }
    for (text, shown) in [("/", "/"), ("/a/", "/a"), ("/.well-known/x", "/.well-known/x")] {
        assert_eq!(PathPrefix::parse(text).map(|prefix| prefix.to_string()), Ok(shown.to_owned()), "{text}");
    }
}

#[test]
fn a_rule_is_shown_in_the_words_of_the_file() {
    assert_eq!(
        rule(&["/a/", "/b"], &["GET", "PUT"], Some("x")).to_string(),
        "paths /a or /b, methods GET or PUT: groups x"
    );
    assert_eq!(rule(&[], &[], None).to_string(), "anyone");
}

fn explained(rules: &AccessRules, who: &Identity, method: &str, target: &str) -> String {
    let mut head = request("wiki.example.com", target, &[]);
    method.clone_into(&mut head.method);
    let cause = rules.permit(who, &head, NOW).expect_err("is forbidden");
    rules.explain(cause, who.issued_claims(), who.known_by(NOW), &head).to_string()
}

#[test]
fn an_explanation_says_of_each_rule_that_decides_what_is_in_the_way() {
    let rules = rules(&[
        rule(&["/admin"], &["GET", "HEAD"], Some("admins")),
        rule(&["/admin"], &["PUT"], Some("staff")),
        rule(&["/shared"], &[], None),
        rule(&["/b"], &[], Some("staff")),
    ]);
    let (guest, staff) = (member(&["guests"]), member(&["staff"]));
    for (who, method, target, expected) in [
        (
            &guest,
            "PUT",
            "/admin/x",
            "rule 1: the method is PUT, the rule is for GET or HEAD, `groups` has none of: admins; rule 2: `groups` has none of: staff",
        ),
        (
            &staff,
            "GET",
            "/admin",
            "rule 1: `groups` has none of: admins; rule 2: the method is GET, the rule is for PUT",
        ),
        (&staff, "GET", "/B", "rule 4: the path is not spelled like /b, which is compared byte for byte"),
        (&staff, "GET", "/other", "no access rule covers the path, so it is denied to every user"),
        (&staff, "GET", "/b%2Fc", "the path can be read in several ways, and a rule covers one of them"),
    ] {
        assert_eq!(explained(&rules, who, method, target), expected, "{method} {target}");
    }
}

#[test]
fn an_explanation_of_many_rules_stays_short() {
    let many: Vec<Rule> = (0..40).map(|number| rule(&[], &[], Some(&format!("g{number}")))).collect();
    let said = explained(&rules(&many), &member(&[]), "GET", "/");
    assert!(said.ends_with("; and 35 more rules") && said.len() < 500, "{said}");
}
