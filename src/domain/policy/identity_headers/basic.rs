//! HTTP Basic credentials for the application (RFC 7617), from the user's attributes, as authentik's outpost sends
//! them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::domain::oidc::claims::Claims;

/// The attributes of `ak_proxy.user_attributes` that contain the user name and the password; plain names, not paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicAuth {
    /// The attribute of the user name; `email` is used when it is not given or not a text.
    pub user_attribute: Option<String>,
    /// The attribute of the password.
    pub password_attribute: String,
}

/// The user name and password cannot be combined in the header (RFC 7617 section 2).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unsendable;

impl BasicAuth {
    /// The value of `Authorization`; `None` for a user without a password, whose own header then stays unchanged.
    ///
    /// # Errors
    /// When the user name contains a colon, which would end it for the application, or either contains control
    /// characters.
    pub(super) fn value(&self, claims: &Claims) -> Result<Option<String>, Unsendable> {
        let attributes = claims.value("ak_proxy").and_then(|ak_proxy| ak_proxy.get("user_attributes"));
        let text = |name: &str| attributes.and_then(|all| all.get(name)).and_then(Value::as_str);
        let Some(password) = text(&self.password_attribute).filter(|password| !password.is_empty()) else {
            return Ok(None);
        };
        let user = self.user_attribute.as_deref().and_then(text).or_else(|| claims.text("email")).unwrap_or_default();
        if user.contains(':') || user.contains(char::is_control) || password.contains(char::is_control) {
            return Err(Unsendable);
        }
        Ok(Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(claims: &Value) -> Result<Option<String>, Unsendable> {
        let basic = BasicAuth { user_attribute: Some("login".into()), password_attribute: "secret".into() };
        let value = basic.value(&Claims::new(claims.as_object().cloned().unwrap_or_default()))?;
        let decoded = value.map(|value| STANDARD.decode(value.strip_prefix("Basic ").expect("is Basic")));
        Ok(decoded.map(|bytes| String::from_utf8(bytes.expect("is base64")).expect("is text")))
    }

    fn with(attributes: &Value) -> Value {
        json!({ "email": "a@example.com", "ak_proxy": { "user_attributes": attributes } })
    }

    #[test]
    fn user_and_password_are_attributes() {
        for (claims, expected) in [
            (with(&json!({ "login": "al", "secret": "p:ä ss" })), Some("al:p:ä ss")),
            (with(&json!({ "secret": "p" })), Some("a@example.com:p")),
            (with(&json!({ "login": 7, "secret": "p" })), Some("a@example.com:p")),
            (with(&json!({ "login": "", "secret": "p" })), Some(":p")),
            (json!({ "ak_proxy": { "user_attributes": { "secret": "p" } } }), Some(":p")),
            (with(&json!({ "login": "al", "secret": "" })), None),
            (with(&json!({ "login": "al", "secret": 7 })), None),
            (with(&json!({ "login": "al" })), None),
            (with(&json!({ "nested": { "secret": "p" } })), None),
            (json!({ "secret": "p", "ak_proxy": [] }), None),
        ] {
            assert_eq!(value(&claims), Ok(expected.map(str::to_owned)), "{claims}");
        }
    }

    #[test]
    fn what_the_application_would_read_otherwise_is_not_sent() {
        for attributes in [
            json!({ "login": "a:b", "secret": "p" }),
            json!({ "login": "a\nb", "secret": "p" }),
            json!({ "login": "a", "secret": "p\0" }),
        ] {
            assert_eq!(value(&with(&attributes)), Err(Unsendable), "{attributes}");
        }
    }
}
