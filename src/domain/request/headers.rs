//! Header lines as they arrived: lower-case names, raw bytes, order and repetition kept.

use thiserror::Error;

/// How the door delivered several `Cookie` lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieForm {
    /// Each line on its own, or joined with `; ` as RFC 9113 section 8.2.3 has it.
    #[default]
    Lines,
    /// Joined with a comma by the front proxy (Envoy's header map), so a comma may separate cookies.
    CommaJoined,
}

/// The header lines of one request.
#[derive(Clone, Debug, Default)]
pub struct HeaderLines {
    lines: Vec<(String, Vec<u8>)>,
    cookie_form: CookieForm,
}

/// A header that may occur once occurred twice.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the header `{0}` occurs more than once")]
pub struct DoubledHeader(pub &'static str);

impl HeaderLines {
    /// Header lines from names and raw values; names are brought to lower case.
    pub fn new(lines: impl IntoIterator<Item = (String, Vec<u8>)>, cookie_form: CookieForm) -> Self {
        let lines = lines.into_iter().map(|(mut name, value)| {
            name.make_ascii_lowercase();
            (name, value)
        });
        Self { lines: lines.collect(), cookie_form }
    }

    /// How several `Cookie` lines were delivered.
    #[must_use]
    pub fn cookie_form(&self) -> CookieForm {
        self.cookie_form
    }

    /// Every name, in order of arrival, repeated where the header is.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|(name, _)| name.as_str())
    }

    /// Every value of the header `name` (lower case).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_slice())
    }

    /// The first value of the header `name` when it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.lines.iter().find(|(n, _)| n == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The only value of the header `name`.
    ///
    /// # Errors
    /// When the header occurs more than once: whose value counts would be a guess.
    pub fn single(&self, name: &'static str) -> Result<Option<&[u8]>, DoubledHeader> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            Some(_) => Err(DoubledHeader(name)),
            None => Ok(first),
        }
    }
}
