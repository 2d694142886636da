//! A path into claims, as operators write it: it selects one value inside the object.

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use super::Claims;

/// A path to one value in a set of claims: dotted names (`team.name`), or a JSON Pointer (RFC 6901) when it begins
/// with `/`, for names that hold dots (`/https:~1~1example.com~1roles`). Inside a list a step is an index from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath {
    text: String,
    steps: Vec<String>,
}

/// Why a text is not a path.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ClaimPathFault {
    /// An empty name between two dots, at the beginning or at the end.
    #[error("it contains an empty name")]
    EmptyName,
    /// RFC 6901 section 3: `~` is allowed in `~0` and `~1` only.
    #[error("in a JSON Pointer, `~` must be written as `~0`, and `/` within a name as `~1`")]
    LoneTilde,
}

impl ClaimPath {
    /// Parses a path.
    ///
    /// # Errors
    /// When a dotted name is empty or an escape of a JSON Pointer is invalid.
    pub fn parse(text: &str) -> Result<Self, ClaimPathFault> {
        let steps = match text.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(unescaped).collect::<Result<_, _>>()?,
            None => text.split('.').map(named).collect::<Result<_, _>>()?,
        };
        Ok(Self { text: text.to_owned(), steps })
    }

    /// The path of these nested names. None of them may contain a dot.
    pub(in crate::domain) fn of_names(names: &[&str]) -> Self {
        Self { text: names.join("."), steps: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// The value at this path in `claims`.
    #[must_use]
    pub fn find<'a>(&self, claims: &'a Claims) -> Option<&'a Value> {
        let (first, rest) = self.steps.split_first()?;
        rest.iter().try_fold(claims.value(first)?, |value, step| inside(value, step))
    }

    /// The claim with which the path begins.
    #[must_use]
    pub fn claim(&self) -> &str {
        self.steps.first().map_or("", String::as_str)
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn named(name: &str) -> Result<String, ClaimPathFault> {
    if name.is_empty() { Err(ClaimPathFault::EmptyName) } else { Ok(name.to_owned()) }
}

/// Decodes `~1` to `/` and `~0` to `~`, in this order (RFC 6901 section 4).
fn unescaped(step: &str) -> Result<String, ClaimPathFault> {
    let is_escape = |rest: &str| rest.starts_with(['0', '1']);
    if !step.split('~').skip(1).all(is_escape) {
        return Err(ClaimPathFault::LoneTilde);
    }
    Ok(step.replace("~1", "/").replace("~0", "~"))
}

fn inside<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => Map::get(members, step),
        Value::Array(items) => items.get(index(step)?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Digits without a leading zero (RFC 6901 section 4), so that one value has one path.
fn index(step: &str) -> Option<usize> {
    let canonical = step == "0" || !step.starts_with('0');
    let digits = step.bytes().all(|byte| byte.is_ascii_digit());
    (canonical && digits).then(|| step.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(path: &str) -> Option<Value> {
        let Value::Object(members) = json!({
            "email": "a@example.com",
            "team": { "name": "red", "": 0, "leads": [{ "name": "x" }, "y"] },
            "https://example.com/roles": ["admin"],
            "a.b": 1,
            "m~n": 2,
            "~1": 3,
            "01": 4,
        }) else {
            unreachable!("is an object")
        };
        ClaimPath::parse(path).expect("is a path").find(&Claims::new(members)).cloned()
    }

    #[test]
    fn a_path_names_one_value() {
        for (path, value) in [
            ("email", json!("a@example.com")),
            ("team.name", json!("red")),
            ("team.leads.0.name", json!("x")),
            ("team.leads.1", json!("y")),
            ("01", json!(4)),
            ("/email", json!("a@example.com")),
            ("/team/leads/0/name", json!("x")),
            ("/team/", json!(0)),
            ("/https:~1~1example.com~1roles", json!(["admin"])),
            ("/a.b", json!(1)),
            ("/m~0n", json!(2)),
            ("/~01", json!(3)),
        ] {
            assert_eq!(found(path), Some(value), "{path}");
        }
    }

    #[test]
    fn where_nothing_stands_there_is_no_value() {
        for path in ["a.b", "Email", "email.x", "team.leads.2", "team.leads.00", "team.leads.+1", "team.leads.-", "/"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(ClaimPath::parse(path), Err(ClaimPathFault::EmptyName), "{path}");
        }
        for path in ["/~", "/a~2", "/~~1", "/a/b~"] {
            assert_eq!(ClaimPath::parse(path), Err(ClaimPathFault::LoneTilde), "{path}");
        }
    }
}
