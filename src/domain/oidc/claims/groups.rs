//! The claim that lists a user's groups.

use serde_json::Value;

use super::{ClaimPath, Claims};

/// The claim that lists a user's groups; by default the list `groups`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupsClaim {
    /// The path of the claim.
    pub path: ClaimPath,
    /// Whether a text counts as a list of one.
    pub accepts_text: bool,
}

impl Default for GroupsClaim {
    fn default() -> Self {
        Self { path: ClaimPath::of_names(&[Self::USUAL]), accepts_text: false }
    }
}

impl GroupsClaim {
    const USUAL: &'static str = "groups";

    /// Whether it is the claim that is read unless the operator names one.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.path.as_str() == Self::USUAL
    }

    /// The names of the groups; `None` where the claim is missing or has a type that lists no groups. Items that are no texts are
    /// left out.
    pub fn names<'a>(&self, claims: &'a Claims) -> Option<impl Iterator<Item = &'a str> + use<'a>> {
        let items = match self.path.find(claims)? {
            Value::Array(items) => items.as_slice(),
            text @ Value::String(name) if self.accepts_text && !name.is_empty() => std::slice::from_ref(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => return None,
        };
        Some(items.iter().filter_map(Value::as_str))
    }

    /// The claim `name` as an application is told it: `groups` has the groups of the configured claim. A usual
    /// claim that lists no groups is told as it is.
    #[must_use]
    pub fn told(&self, name: &str, claims: &Claims) -> Option<Value> {
        let groups = if name == Self::USUAL { self.names(claims).map(Iterator::collect) } else { None };
        groups.or_else(|| claims.present(name).filter(|_| name != Self::USUAL || self.is_usual()).cloned())
    }

    /// The claim of the provider's from which [`told`](Self::told) takes the claim `name`.
    #[must_use]
    pub fn source<'a>(&'a self, name: &'a str) -> &'a str {
        if name == Self::USUAL { self.path.claim() } else { name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(path: &str, accepts_text: bool, claims: Value) -> Option<Vec<String>> {
        let Value::Object(claims) = claims else { unreachable!("is an object") };
        let groups = GroupsClaim { path: ClaimPath::parse(path).unwrap(), accepts_text };
        Some(groups.names(&Claims::new(claims))?.map(str::to_owned).collect())
    }

    #[test]
    fn groups_are_the_texts_of_a_list_and_a_text_where_the_operator_says_so() {
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        for (path, accepts_text, claims, expected) in [
            ("groups", false, json!({ "groups": ["a", 1, null, "b"] }), list(&["a", "b"])),
            ("groups", false, json!({ "groups": "a" }), None),
            ("groups", true, json!({ "groups": "a" }), list(&["a"])),
            ("groups", true, json!({ "groups": "a,b c" }), list(&["a,b c"])),
            ("groups", true, json!({ "groups": "" }), None),
            ("groups", true, json!({ "groups": { "a": true } }), None),
            ("groups", true, json!({ "groups": true }), None),
            ("groups", true, json!({}), None),
            ("realm_access.roles", false, json!({ "groups": ["x"], "realm_access": { "roles": ["a"] } }), list(&["a"])),
            ("/https:~1~1example.com~1roles", false, json!({ "https://example.com/roles": [] }), list(&[])),
        ] {
            assert_eq!(names(path, accepts_text, claims.clone()), expected, "{path} {claims}");
        }
    }

    #[test]
    fn an_application_is_told_the_groups_under_one_name() {
        for (path, name, claims, expected) in [
            ("groups", "groups", json!({ "groups": ["a", 1] }), Some(json!(["a"]))),
            ("groups", "groups", json!({ "groups": { "a": 1 } }), Some(json!({ "a": 1 }))),
            ("groups", "groups", json!({ "groups": null }), None),
            ("roles", "groups", json!({ "groups": ["x"], "roles": ["a"] }), Some(json!(["a"]))),
            ("roles", "groups", json!({ "groups": ["x"], "roles": "a" }), None),
            ("roles", "groups", json!({ "groups": ["x"] }), None),
            ("roles", "roles", json!({ "roles": "a" }), Some(json!("a"))),
            ("roles", "email", json!({ "email": "a@example.com" }), Some(json!("a@example.com"))),
        ] {
            let Value::Object(all) = claims.clone() else { unreachable!("is an object") };
            let groups = GroupsClaim { path: ClaimPath::parse(path).unwrap(), accepts_text: false };
            assert_eq!(groups.told(name, &Claims::new(all)), expected, "{path} {name} {claims}");
        }
    }
}
