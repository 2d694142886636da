//! Header lines as received: lower-case names, raw bytes, order and repetition preserved.

use std::mem;

use thiserror::Error;

/// How the protocol delivered several `Cookie` lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieForm {
    /// Each line on its own, or joined with `; ` as in RFC 9113 section 8.2.3.
    #[default]
    Lines,
    /// Joined with a comma by the front proxy (Envoy's header map), so a comma may separate cookies.
    CommaJoined,
}

/// An offset into the names, and one into the values.
type Bound = (usize, usize);

/// The header lines of one request; all names and all values are stored contiguously.
#[derive(Clone, Debug, Default)]
pub struct HeaderLines {
    names: String,
    values: Vec<u8>,
    /// The end offsets of each line's name and value.
    ends: Vec<Bound>,
    /// The [`bit`] of every name. Most names that are looked for are not there, and have a bit of their own: then no line is
    /// looked at.
    bits: u128,
    cookie_form: CookieForm,
}

/// A header that may occur only once occurs twice.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the header `{0}` occurs more than once")]
pub struct DoubledHeader(pub &'static str);

impl HeaderLines {
    /// Header lines from names and raw values; names are converted to lower case.
    pub fn new<N: AsRef<str>, V: AsRef<[u8]>>(
        lines: impl IntoIterator<Item = (N, V)>,
        cookie_form: CookieForm,
    ) -> Self {
        let mut all = Self::with_room(0, 0, cookie_form);
        for (name, value) in lines {
            all.push(name.as_ref(), value.as_ref());
        }
        all
    }

    /// No lines yet, with capacity for `count` lines of `bytes` in total.
    #[must_use]
    pub fn with_room(count: usize, bytes: usize, cookie_form: CookieForm) -> Self {
        let (names, values) = (String::with_capacity(bytes / 3), Vec::with_capacity(bytes));
        Self { names, values, ends: Vec::with_capacity(count), bits: 0, cookie_form }
    }

    /// Header lines from names and raw values; `None` if a line is, or if a name is not ASCII. The names are checked and
    /// converted to lower case all at once: line by line it took 4 % of the instructions of a Check. `room` is the expected number
    /// of lines and of bytes.
    pub fn from_ascii_names<'l>(
        lines: impl IntoIterator<Item = Option<(&'l [u8], &'l [u8])>>,
        room: (usize, usize),
        cookie_form: CookieForm,
    ) -> Option<Self> {
        let (mut names, mut bits) = (Vec::with_capacity(room.1 / 3), 0);
        let (mut values, mut ends) = (Vec::with_capacity(room.1), Vec::with_capacity(room.0));
        for line in lines {
            let (name, value) = line?;
            names.extend_from_slice(name);
            values.extend_from_slice(value);
            bits |= bit(name);
            ends.push((names.len(), values.len()));
        }
        if !names.is_ascii() {
            return None;
        }
        names.make_ascii_lowercase();
        Some(Self { names: String::from_utf8(names).ok()?, values, ends, bits, cookie_form })
    }

    /// Appends a line; its name is converted to lower case.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let begin = self.names.len();
        self.names.push_str(name);
        if let Some(added) = self.names.get_mut(begin..) {
            added.make_ascii_lowercase();
        }
        self.values.extend_from_slice(value);
        self.bits |= bit(name.as_bytes());
        self.ends.push((self.names.len(), self.values.len()));
    }

    /// How several `Cookie` lines were delivered.
    #[must_use]
    pub fn cookie_form(&self) -> CookieForm {
        self.cookie_form
    }

    /// The number of lines.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no lines.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Every line, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.bounds()
            .filter_map(|(begin, end)| Some((self.names.get(begin.0..end.0)?, self.values.get(begin.1..end.1)?)))
    }

    /// Every name, in the order of arrival, repeated as often as the header.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.bounds().filter_map(|(begin, end)| self.names.get(begin.0..end.0))
    }

    /// Every value of the header `name` (lower case). It is called many times per request; comparing lengths first
    /// excludes most lines.
    pub fn all<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        let names = self.names.as_bytes();
        let has_it = move |begin: usize, end: usize| {
            end - begin == name.len() && names.get(begin..end).is_some_and(|other| other == name.as_bytes())
        };
        let ends = if self.bits & bit(name.as_bytes()) == 0 { &[] } else { self.ends.as_slice() };
        let found = bounds(ends).filter(move |(begin, end)| has_it(begin.0, end.0));
        found.filter_map(|(begin, end)| self.values.get(begin.1..end.1))
    }

    /// The first value of the header `name`, if it is UTF-8 text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.all(name).next()?).ok()
    }

    /// The only value of the header `name`.
    ///
    /// # Errors
    /// When the header occurs more than once, as none of its values can be preferred.
    pub fn single(&self, name: &'static str) -> Result<Option<&[u8]>, DoubledHeader> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            Some(_) => Err(DoubledHeader(name)),
            None => Ok(first),
        }
    }

    /// The begin and end offsets of each line's name and value.
    fn bounds(&self) -> impl Iterator<Item = (Bound, Bound)> {
        bounds(&self.ends)
    }
}

fn bounds(ends: &[Bound]) -> impl Iterator<Item = (Bound, Bound)> {
    ends.iter().scan((0, 0), |begin, end| Some((mem::replace(begin, *end), *end)))
}

/// One of 128 bits for a name in any case, by its length and its first and last byte.
fn bit(name: &[u8]) -> u128 {
    // Upper-case letters become lower-case ones.
    let folded = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or_default() | 0x20);
    1 << ((name.len() * 31 + folded(name.first()) * 7 + folded(name.last())) % 128)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_that_are_checked_together_make_the_same_lines(
            lines in vec(("[!-~]{0,8}|\\PC{0,3}", vec(any::<u8>(), 0..6)), 0..8),
        ) {
            let usual = HeaderLines::new(lines.iter().map(|(name, value)| (name, value)), CookieForm::Lines);
            let bytes = lines.iter().map(|(name, value)| Some((name.as_bytes(), value.as_slice())));
            let together = HeaderLines::from_ascii_names(bytes, (0, 0), CookieForm::Lines);
            prop_assert_eq!(together.is_some(), lines.iter().all(|(name, _)| name.is_ascii()));
            if let Some(together) = together {
                prop_assert_eq!(together.iter().collect::<Vec<_>>(), usual.iter().collect::<Vec<_>>());
                prop_assert_eq!(together.bits, usual.bits);
            }
        }

        #[test]
        fn a_name_finds_its_lines_and_no_others(names in vec("[a-cA-C_0-]{0,3}", 0..8), sought in "[a-c_0-]{0,3}") {
            let lines = HeaderLines::new(names.iter().enumerate().map(|(at, name)| (name, at.to_string())), CookieForm::Lines);
            let is_it = |(_, name): &(usize, &String)| name.eq_ignore_ascii_case(&sought);
            let expected = names.iter().enumerate().filter(is_it).map(|(at, _)| at.to_string().into_bytes());
            prop_assert_eq!(lines.all(&sought).map(<[u8]>::to_vec).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }
}
