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
}
