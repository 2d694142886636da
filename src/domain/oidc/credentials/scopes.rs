//! The scopes of a token: words separated by blanks (RFC 6749 section 3.3), compared word by word (AT-4).

use serde_json::{Map, Value};

use super::Refusal;

/// The words of `scope`; none when it is missing or not a text.
pub(super) fn words(members: &Map<String, Value>) -> impl Iterator<Item = &str> {
    members.get("scope").and_then(Value::as_str).unwrap_or_default().split(' ').filter(|word| !word.is_empty())
}

/// Whether all of `required` are among the scopes.
pub(super) fn check(members: &Map<String, Value>, required: &[String]) -> Result<(), Refusal> {
    let has = |scope: &String| words(members).any(|word| word == scope);
    if required.iter().all(has) { Ok(()) } else { Err(Refusal::Scope(required.join(" "))) }
}

/// Whether `aud`, a text or a list of texts, names `audience`.
pub(super) fn is_for(members: &Map<String, Value>, audience: &str) -> bool {
    match members.get("aud") {
        Some(Value::Array(list)) => list.iter().any(|one| one == audience),
        Some(one) => one == audience,
        None => false,
    }
}
