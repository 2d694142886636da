//! The contents of a page, before a language and a design are chosen.

use http::StatusCode;

use super::texts::Text;

/// The next step that a page offers.
#[derive(Debug)]
pub enum Action {
    /// Repeats the request at the same address; empty for the page's own address, however it was reached (RFC 3986
    /// section 4.4).
    Again(String),
    /// A link.
    Link {
        /// The target.
        address: String,
        /// The label.
        label: Text,
    },
    /// Two links, of which the first is the usual next step.
    Links([(String, Text); 2]),
    /// A link that the browser follows by itself.
    Onward {
        /// The target.
        address: String,
        /// The label.
        label: Text,
    },
    /// A form post of hidden fields.
    Form {
        /// The target.
        address: String,
        /// The label of the button.
        label: Text,
        /// The names and values of the hidden fields.
        fields: Vec<(&'static str, String)>,
    },
}

/// A text and the values of its placeholders, perhaps followed by another text.
#[derive(Clone, Copy, Debug)]
pub struct Phrase<'a> {
    pub(super) text: Text,
    pub(super) values: &'a [(&'static str, &'a str)],
    pub(super) next: Option<Text>,
}

impl Phrase<'_> {
    /// The phrase, followed by `next`.
    #[must_use]
    pub const fn then(self, next: Text) -> Self {
        Self { next: Some(next), ..self }
    }
}

impl Text {
    /// The text with these values in the place of its placeholders.
    #[must_use]
    pub const fn with<'a>(self, values: &'a [(&'static str, &'a str)]) -> Phrase<'a> {
        Phrase { text: self, values, next: None }
    }
}

impl From<Text> for Phrase<'_> {
    fn from(text: Text) -> Self {
        text.with(&[])
    }
}

/// The contents of a page.
#[derive(Debug)]
pub struct Message<'a> {
    /// HTTP status.
    pub status: StatusCode,
    /// Title and heading.
    pub title: Text,
    /// What happened and what the user can do, in plain words.
    pub text: Phrase<'a>,
    /// The decision id, for the operator's log; empty for none.
    pub id: &'a str,
    /// The next step.
    pub action: Option<Action>,
}
