//! Untrusted JSON: an object in which no member occurs twice, at any depth (RFC 8259 section 4 does not define the
//! meaning of a repeated member, so two parsers could read two values).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Parses `bytes` as a JSON object without repeated members.
#[must_use]
pub fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Strict(Value::Object(members))) => Some(members),
        _ => None,
    }
}

/// An optional member: `null` and an empty text count as absent. Many serializers write every field that they know
/// (`OpenID` Connect Core section 5.3.2 forbids this to providers, but their clients have to accept it). For a member
/// that must *not* be present, use `contains_key` instead: there, even an empty value is a finding.
#[must_use]
pub fn optional<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !is_absent(value))
}

/// Whether a value is `null` or an empty text, and so counts as absent.
#[must_use]
pub fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated members")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member occurs twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oc_7_repeated_members_are_refused_at_any_depth() {
        for text in
            [r#"{"iss":"a","iss":"b"}"#, r#"{"a":{"b":1,"b":1}}"#, r#"{"a":[{"b":1,"b":2}]}"#, r#"{"a":1,"\u0061":2}"#]
        {
            assert_eq!(object(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn null_and_an_empty_text_are_absent_and_nothing_else_is() {
        let members = object(br#"{"null":null,"empty":"","no":false,"zero":0,"list":[],"object":{},"blank":" "}"#);
        let members = members.expect("is an object");
        let present: Vec<&str> =
            members.keys().map(String::as_str).filter(|name| optional(&members, name).is_some()).collect();
        assert_eq!(present, ["blank", "list", "no", "object", "zero"]);
        assert_eq!(optional(&members, "other"), None);
    }

    #[test]
    fn only_an_object_is_one() {
        for text in ["", "[]", "1", "\"x\"", "null", "{", "{} x", "{\"a\":1e999}"] {
            assert_eq!(object(text.as_bytes()), None, "{text}");
        }
        let members = object(br#"{"a":[1,-1,1.5,true,null,"x",{}]}"#).expect("is an object");
        assert_eq!(Value::Object(members).to_string(), r#"{"a":[1,-1,1.5,true,null,"x",{}]}"#);
    }
}
