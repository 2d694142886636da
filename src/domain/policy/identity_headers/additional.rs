//! Headers from a claim that is an object of names and values, authentik's `additionalHeaders`.

use std::collections::HashSet;

use http::HeaderValue;
use serde_json::{Map, Value};
use thiserror::Error;

use super::name::{HeaderName, NameFault};
use super::value::{self, Separator};
use crate::domain::http::Header;
use crate::domain::oidc::claims::{ClaimPath, Claims};

/// The claim that contains additional headers, and the names that are known in advance.
#[derive(Clone, Debug)]
pub struct AdditionalHeaders {
    /// The path of the object.
    pub claim: ClaimPath,
    /// Names that Gatepost owns on every request, whether the user has such a header or not.
    pub names: Vec<HeaderName>,
}

/// Why a header that the claims contain is not set.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Dropped {
    /// The name must not be set.
    #[error(transparent)]
    Name(#[from] NameFault),
    /// The name, or one that resembles it, is set from another source.
    #[error("the name is that of an identity header, or could be read as one")]
    Ours,
    /// Some application reads two of the names as one.
    #[error("another name in the same claim could be read as it")]
    Doubled,
    /// The value is an object, or text that a header cannot carry unchanged.
    #[error("the value is not valid in a header")]
    Value,
    /// The claim is not an object.
    #[error("the claim is not an object of names and values")]
    NoObject,
    /// The user name or password for HTTP Basic cannot be sent.
    #[error("the user name contains a colon, or one of the two contains a control character")]
    Credentials,
}

/// Receives each dropped header: its name and the cause, never the value.
pub(super) type Drops<'d> = &'d mut dyn FnMut(&str, Dropped);

impl AdditionalHeaders {
    /// authentik's claim, `ak_proxy.user_attributes.additionalHeaders`, without known names.
    #[must_use]
    pub fn authentik() -> Self {
        let steps = ["ak_proxy", "user_attributes", "additionalHeaders"];
        Self { claim: ClaimPath::of_names(&steps), names: Vec::new() }
    }

    /// The headers in `claims`, except those whose name `is_taken`.
    pub(super) fn read(&self, claims: &Claims, is_taken: impl Fn(&str) -> bool, drops: Drops<'_>) -> Vec<Header> {
        let (mut set, mut folded) = (Vec::new(), HashSet::new());
        let members = self.object(claims, drops).into_iter().flatten();
        for (written, value) in members.filter(|(_, value)| says_something(value)) {
            let text = value::text(value, Separator::BAR).filter(|text| value::is_legal(text));
            let value = text.and_then(|text| HeaderValue::try_from(text.into_owned()).ok());
            match (self.name(written, &is_taken), value) {
                (Err(why), _) => drops(written, why),
                (Ok(_), None) => drops(written, Dropped::Value),
                (Ok(name), Some(_)) if !folded.insert(name.folded()) => drops(written, Dropped::Doubled),
                (Ok(name), Some(value)) => set.push((name.to_http(), value)),
            }
        }
        set
    }

    fn object<'a>(&self, claims: &'a Claims, drops: Drops<'_>) -> Option<&'a Map<String, Value>> {
        let value = self.claim.find(claims).filter(|value| !value.is_null())?;
        if value.as_object().is_none() {
            drops(self.claim.as_str(), Dropped::NoObject);
        }
        value.as_object()
    }

    fn name(&self, written: &str, is_taken: impl Fn(&str) -> bool) -> Result<HeaderName, Dropped> {
        let name = HeaderName::parse_from_claims(written)?;
        if !self.names.contains(&name) && is_taken(name.as_str()) { Err(Dropped::Ours) } else { Ok(name) }
    }
}

/// Whether the value sets a header: `null`, an empty text and an empty list are no fault.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The headers that are set, and those that are dropped.
    type Read = (Vec<(String, String)>, Vec<(String, Dropped)>);

    fn read(headers: &AdditionalHeaders, object: &Value) -> Read {
        let claims = json!({ "ak_proxy": { "user_attributes": { "additionalHeaders": object } } });
        let claims = Claims::new(claims.as_object().cloned().unwrap_or_default());
        let mut dropped = Vec::new();
        let is_taken = |name: &str| name.replace('_', "-").starts_with("x-mine");
        let set = headers.read(&claims, is_taken, &mut |name, why| dropped.push((name.to_owned(), why)));
        let text =
            |(name, value): Header| (name.to_string(), String::from_utf8(value.as_bytes().to_vec()).expect("is text"));
        (set.into_iter().map(text).collect(), dropped)
    }

    #[test]
    fn each_kind_of_value() {
        for (value, expected) in [
            (json!("as | it is"), Some("as | it is")),
            (json!(1.5), Some("1.5")),
            (json!(false), Some("false")),
            (json!(["a", 1, "b|c"]), Some("a|1")),
            (json!(null), None),
            (json!(""), None),
            (json!([]), None),
        ] {
            let (set, dropped) = read(&AdditionalHeaders::authentik(), &json!({ "X-Extra": value }));
            let expected: Vec<_> = expected.map(|text| ("x-extra".to_owned(), text.to_owned())).into_iter().collect();
            assert_eq!((set, dropped), (expected, Vec::new()), "{value}");
        }
        for value in [json!({ "a": 1 }), json!(["|"]), json!("a\r\nb"), json!(" a")] {
            let (set, dropped) = read(&AdditionalHeaders::authentik(), &json!({ "X-Extra": value }));
            assert_eq!((set, dropped), (Vec::new(), vec![("X-Extra".to_owned(), Dropped::Value)]), "{value}");
        }
    }

    #[test]
    fn names_that_may_not_be_set_are_dropped() {
        use NameFault::{NotAName, OfTheMessage, Routing};
        for (name, why) in [
            ("Host", Dropped::Name(OfTheMessage)),
            ("cookie", Dropped::Name(OfTheMessage)),
            ("Transfer_Encoding", Dropped::Name(OfTheMessage)),
            (":path", Dropped::Name(NotAName)),
            ("x y", Dropped::Name(NotAName)),
            ("X-Forwarded-User", Dropped::Name(Routing)),
            ("X-Gatepost-Cluster", Dropped::Name(Routing)),
            ("X_Mine", Dropped::Ours),
        ] {
            let (set, dropped) = read(&AdditionalHeaders::authentik(), &json!({ name: "x" }));
            assert_eq!((set, dropped), (Vec::new(), vec![(name.to_owned(), why)]));
        }
        let (set, dropped) =
            read(&AdditionalHeaders::authentik(), &json!({ "X-A": "1", "x_a": "2", "Authorization": "t" }));
        assert_eq!(set, [("authorization".into(), "t".into()), ("x-a".into(), "1".into())]);
        assert_eq!(dropped, [("x_a".to_owned(), Dropped::Doubled)]);
    }

    #[test]
    fn a_known_name_is_not_taken_from_itself() {
        let name = HeaderName::parse("x-mine").expect("is a name");
        let headers = AdditionalHeaders { names: vec![name], ..AdditionalHeaders::authentik() };
        let (set, dropped) = read(&headers, &json!({ "X-Mine": 1, "x_mine": 2 }));
        assert_eq!(set, [("x-mine".into(), "1".into())]);
        assert_eq!(dropped, [("x_mine".to_owned(), Dropped::Ours)]);
    }

    #[test]
    fn what_is_no_object_has_no_headers() {
        for value in [json!([["X-A", "1"]]), json!("X-A: 1"), json!(1)] {
            let path = "ak_proxy.user_attributes.additionalHeaders".to_owned();
            assert_eq!(read(&AdditionalHeaders::authentik(), &value), (Vec::new(), vec![(path, Dropped::NoObject)]));
        }
        assert_eq!(read(&AdditionalHeaders::authentik(), &json!(null)), (Vec::new(), Vec::new()));
    }
}
