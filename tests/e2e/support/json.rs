//! Reads the JSON output of programs and of the application.

use serde_json::Value;

/// A JSON value whose members are accessed by name.
#[derive(Clone, Debug)]
pub(crate) struct Json(pub(crate) Value);

impl Json {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }
}
