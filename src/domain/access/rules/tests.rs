//! Who passes by which rules: tables of the path rules (security specification, section 4.1), and properties.

use super::*;
use crate::domain::claims::ClaimPath;
use crate::domain::session::{Lifetimes, Session};
use crate::domain::testing::{application, request, signed_in};
use crate::domain::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn identity(claims: &Value) -> Identity {
    let (application, now) = (application("https://wiki.example.com"), Timestamp::from_unix(1_000_000));
    let lifetimes = Lifetimes { absolute: Duration::from_hours(1), idle: Duration::from_hours(1) };
    let session = Arc::new(Session::begin(signed_in(claims, now), &application, now, lifetimes));
    Identity::Session(session.live(now, &application, now, lifetimes).expect("is alive"))
}

/// Somebody of these groups.
fn member(groups: &[&str]) -> Identity {
    identity(&json!({ "groups": groups }))
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// A rule for a group (or, without one, for anyone) at some paths and methods.
fn rule(paths: &[&str], methods: &[&str], group: Option<&str>) -> Rule {
    let conditions = Conditions { groups: texts(group.as_slice()), ..Conditions::default() };
    Rule {
        paths: paths.iter().map(|path| PathPrefix::parse(path).expect("is a prefix")).collect(),
        methods: methods.iter().map(|method| Method::parse(method).expect("is a method")).collect(),
        who: Who::those(conditions).unwrap_or(Who::Anyone),
    }
}

fn rules(list: &[Rule]) -> AccessRules {
    AccessRules::new(list.to_vec()).expect("are not empty")
}

/// The rule by which a request passes, or why it does not.
fn outcome(rules: &AccessRules, who: &Identity, method: &str, target: &str) -> Result<usize, Forbidden> {
    let mut head = request("wiki.example.com", target, &[]);
    method.clone_into(&mut head.method);
    rules.permit(who, &head).map(|permit| permit.rule().unwrap_or_default())
}

fn passes(rules: &AccessRules, who: &Identity, method: &str, target: &str) -> bool {
    outcome(rules, who, method, target).is_ok()
}

#[test]
fn without_rules_every_signed_in_user_passes() {
    assert_eq!(outcome(&AccessRules::default(), &member(&[]), "DELETE", "/a%2fb/%2561"), Ok(0));
    assert!(AccessRules::new(Vec::new()).is_none(), "a_35_an_empty_list_is_no_list");
}

/// One condition of each kind, and claims that meet it or do not.
#[test]
fn a_36_every_kind_of_condition_refuses() {
    let mail = |text: &str| MailAddress::parse(text).expect("is an address");
    let domain = |text: &str| MailDomain::parse(text).expect("is a domain");
    let claim = |path: &str, values: &[&str]| ClaimCondition {
        path: ClaimPath::parse(path).expect("is a path"),
        values: texts(values),
    };
    let none = Conditions::default;
    let rows = [
        (Conditions { groups: texts(&["a", "b"]), ..none() }, json!({ "groups": ["x", "b"] }), true),
        (Conditions { groups: texts(&["a"]), ..none() }, json!({ "groups": ["A", "a "] }), false),
        (Conditions { groups: texts(&["a"]), ..none() }, json!({ "groups": "a" }), false),
        (Conditions { groups: texts(&["a"]), ..none() }, json!({ "groups": { "a": true } }), false),
        (Conditions { groups: texts(&["a"]), ..none() }, json!({}), false),
        (
            Conditions { emails: vec![mail("a@b.example")], ..none() },
            json!({ "email": "a@B.example", "email_verified": true }),
            true,
        ),
        (
            Conditions { emails: vec![mail("a@b.example")], ..none() },
            json!({ "email": "a@b.example", "email_verified": "true" }),
            false,
        ),
        (Conditions { emails: vec![mail("a@b.example")], ..none() }, json!({ "email": "a@b.example" }), false),
        (
            Conditions { email_domains: vec![domain("b.example")], ..none() },
            json!({ "email": "x@b.example", "email_verified": true }),
            true,
        ),
        (
            Conditions { email_domains: vec![domain("b.example")], ..none() },
            json!({ "email": "x@a.b.example", "email_verified": true }),
            false,
        ),
        (
            Conditions { email_domains: vec![domain("b.example")], ..none() },
            json!({ "email": "x@b.example", "email_verified": 1 }),
            false,
        ),
        (
            Conditions { claims: vec![claim("team.name", &["red"])], ..none() },
            json!({ "team": { "name": "red" } }),
            true,
        ),
        (Conditions { claims: vec![claim("team.name", &["red"])], ..none() }, json!({ "team.name": "red" }), false),
        (Conditions { claims: vec![claim("level", &["3", "4"])], ..none() }, json!({ "level": 4 }), true),
        (Conditions { claims: vec![claim("staff", &["true"])], ..none() }, json!({ "staff": true }), true),
        (Conditions { claims: vec![claim("staff", &["true"])], ..none() }, json!({ "staff": false }), false),
        (Conditions { claims: vec![claim("roles", &["x"])], ..none() }, json!({ "roles": ["y", "x"] }), true),
        (
            Conditions { claims: vec![claim("roles", &["x"])], ..none() },
            json!({ "roles": [["x"], { "x": "x" }] }),
            false,
        ),
        (Conditions { claims: vec![claim("roles", &["null"])], ..none() }, json!({ "roles": null }), false),
        (
            Conditions { claims: vec![claim("a", &["1"]), claim("b", &["2"])], ..none() },
            json!({ "a": 1, "b": 3 }),
            false,
        ),
        (
            Conditions { groups: texts(&["a"]), claims: vec![claim("b", &["2"])], ..none() },
            json!({ "groups": ["a"], "b": 3 }),
            false,
        ),
        (
            Conditions { groups: texts(&["a"]), claims: vec![claim("b", &["2"])], ..none() },
            json!({ "groups": ["a"], "b": 2 }),
            true,
        ),
    ];
    for (conditions, claims, expected) in rows {
        let who = Who::those(conditions).expect("names somebody");
        let rule = Rule { paths: Vec::new(), methods: Vec::new(), who };
        assert_eq!(passes(&rules(&[rule.clone()]), &identity(&claims), "GET", "/"), expected, "{rule}: {claims}");
    }
    assert_eq!(Who::those(none()), None, "no condition is not everybody");
}

/// RS-C: everybody anywhere, admins alone under `/admin`.
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
    // The prefix protects whatever the case, and lets pass only as it is written.
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

/// RS-E: a rule for a method covers only that one.
#[test]
fn n8_methods_are_compared_byte_for_byte() {
    let rules = rules(&[rule(&["/public"], &["GET"], None), rule(&[], &[], Some("admins"))]);
    let (admin, user) = (member(&["admins"]), member(&[]));
    assert!(passes(&rules, &user, "GET", "/public/a"));
    for method in ["POST", "get", "FOO", "HEAD", "GETX", ""] {
        assert!(!passes(&rules, &user, method, "/public/a"), "{method}");
        // The longest path decides alone: what it does not allow, no shorter one allows.
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

fn some_of(all: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(all, 0..=all.len())
}

const GROUPS: &[&str] = &["a", "b", "c"];

fn any_rule() -> impl Strategy<Value = Rule> {
    let paths = some_of(&["/", "/a", "/A", "/a/b", "/b", "/a/b/c"]);
    let methods = some_of(&["GET", "PUT"]);
    let group = prop::option::of(prop::sample::select(GROUPS));
    (paths, methods, group).prop_map(|(paths, methods, group)| rule(&paths, &methods, group))
}

fn any_rules() -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(any_rule(), 1..5)
}

/// Paths with and without odd spellings.
fn any_target() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/a", "/b", "/c", "/A", "/", ";x", ".", "%61", "/%62", "%2f", "%5c", "%20", "%23", "%3f", "%25", "%2561", "?x",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| format!("/{}", pieces.concat()))
}

fn any_method() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["GET", "PUT", "get", "POST"])
}

proptest! {
    /// PR-1: whatever the spelling, the same as the canonical one or a refusal.
    #[test]
    fn pr_1_no_spelling_gets_further_than_the_canonical_one(
        list in any_rules(), groups in some_of(GROUPS), method in any_method(), raw in any_target(),
    ) {
        let (rules, who) = (rules(&list), member(&groups));
        let has_paths = list.iter().any(|rule| rule.paths.iter().any(|path| path.to_string() != "/"));
        let Ok(target) = RequestTarget::parse(raw.clone()) else { return Ok(()) };
        let canonical = target.canonical_path().to_owned();
        let Ok(again) = RequestTarget::parse(canonical.clone()) else { return Ok(()) };
        let is_stable = again.canonical_path() == canonical && again.query().is_none();
        if is_stable && passes(&rules, &who, method, &raw) {
            prop_assert!(passes(&rules, &who, method, &canonical), "{raw} passes, {canonical} does not");
        }
        if has_paths && !is_stable && again.query().is_none() {
            prop_assert!(!passes(&rules, &who, method, &raw), "{raw} can be decoded again");
        }
    }

    /// PR-10: a further condition never widens.
    #[test]
    fn pr_10_a_further_condition_never_widens(
        list in any_rules(), at in any::<prop::sample::Index>(), stricter in any_rule(),
        groups in some_of(GROUPS), method in any_method(), raw in any_target(),
    ) {
        let Ok(_) = RequestTarget::parse(raw.clone()) else { return Ok(()) };
        let (who, index) = (member(&groups), at.index(list.len()));
        let mut narrower = list.clone();
        let old = &list[index];
        if let Who::Those(conditions) = &stricter.who {
            // Where the rule has groups already, the further condition is on the same claim by its path.
            let claim = ClaimCondition { path: ClaimPath::parse("groups").unwrap(), values: conditions.groups.clone() };
            let mut both = match &old.who { Who::Anyone => Conditions::default(), Who::Those(own) => own.clone() };
            both.claims.push(claim);
            narrower[index].who = Who::those(both).unwrap();
        }
        if old.methods.is_empty() {
            narrower[index].methods = stricter.methods;
        }
        if passes(&rules(&narrower), &who, method, &raw) {
            prop_assert!(passes(&rules(&list), &who, method, &raw));
        }
    }

    /// PR-10: a rule for some paths changes nothing elsewhere, and there nobody passes whom it does not mean.
    #[test]
    fn pr_10_a_rule_for_some_paths_protects_them(
        list in any_rules(), groups in some_of(GROUPS), method in any_method(), raw in any_target(),
    ) {
        let Ok(target) = RequestTarget::parse(raw.clone()) else { return Ok(()) };
        let who = member(&groups);
        let mut more = list.clone();
        more.push(rule(&["/a/b/c"], &[], Some("nobody")));
        let is_below = target.canonical_path().to_ascii_lowercase().starts_with("/a/b/c");
        let (before, after) = (passes(&rules(&list), &who, method, &raw), passes(&rules(&more), &who, method, &raw));
        prop_assert!(before || !after || is_below, "{raw} passes only since then");
        let is_own = |rule: &Rule| rule.paths.iter().any(|path| path.to_string() == "/a/b/c");
        if !list.iter().any(is_own) && (target.canonical_path() == "/a/b/c" || target.canonical_path().starts_with("/a/b/c/")) {
            prop_assert!(!after, "{raw} is protected now");
        }
    }
}
