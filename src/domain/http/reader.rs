//! The reader of an answer: a program, or a person with a language.

use super::{ClientKind, HeaderLines, Language};

/// The reader of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The kind of client, which determines the answers that it can use.
    pub kind: ClientKind,
    /// The language of a person; answers for programs are in English.
    pub language: Language,
}

impl Reader {
    /// Determines the kind as [`ClientKind::of`] does, and the language as [`Language::of`] does.
    #[must_use]
    pub fn of(method: &str, headers: &HeaderLines) -> Self {
        Self { kind: ClientKind::of(method, headers), language: Language::of(headers) }
    }
}

impl From<ClientKind> for Reader {
    /// The reader behind a client that states no language.
    fn from(kind: ClientKind) -> Self {
        Self { kind, language: Language::default() }
    }
}
