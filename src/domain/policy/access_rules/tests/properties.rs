//! Properties that hold for any rules, users, methods and spellings of a path.

use super::{member, passes, rule, rules};
use crate::domain::oidc::claims::ClaimPath;
use crate::domain::policy::access_rules::*;
use proptest::prelude::*;

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

/// Paths with and without unusual spellings.
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
    /// PR-1: for any spelling, the same result as for the canonical one, or a denial.
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

    /// PR-10: a further condition never allows more.
    #[test]
    fn pr_10_a_further_condition_never_widens(
        list in any_rules(), at in any::<prop::sample::Index>(), stricter in any_rule(),
        groups in some_of(GROUPS), method in any_method(), raw in any_target(),
    ) {
        let Ok(_) = RequestTarget::parse(raw.clone()) else { return Ok(()) };
        let (who, index) = (member(&groups), at.index(list.len()));
        let mut narrower = list.clone();
        let old = &list[index];
        if let Principals::Matching(conditions) = &stricter.principals {
            // Where the rule has groups already, the further condition is on the same claim, by its path.
            let claim = ClaimCondition { path: ClaimPath::parse("groups").unwrap(), values: conditions.groups.clone() };
            let mut both = match &old.principals { Principals::Any => Conditions::default(), Principals::Matching(own) => own.clone() };
            both.claims.push(claim);
            narrower[index].principals = Principals::matching(both).unwrap();
        }
        if old.methods.is_empty() {
            narrower[index].methods = stricter.methods;
        }
        if passes(&rules(&narrower), &who, method, &raw) {
            prop_assert!(passes(&rules(&list), &who, method, &raw));
        }
    }

    /// PR-10: a rule for some paths changes nothing elsewhere, and at those paths allows only its own users.
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
