//! Texts that clients and providers choose, cut to a length.

use std::fmt::Display;

/// The longest text, in characters, that a client or a provider chooses.
const LONGEST: usize = 1024;

/// `text`, cut where it is too long.
pub(super) fn shortened(text: &str) -> String {
    text.char_indices()
        .nth(LONGEST)
        .map_or_else(|| text.to_owned(), |(end, _)| format!("{}…", text.get(..end).unwrap_or_default()))
}

/// A cause as the log says it, cut where it is too long.
#[must_use]
pub fn as_told(cause: &dyn Display) -> String {
    shortened(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_a_client_is_cut_between_two_characters() {
        assert_eq!(shortened("/ö"), "/ö");
        let long = "ö".repeat(LONGEST);
        assert_eq!(shortened(&long), long);
        assert_eq!(shortened(&format!("{long}p")), format!("{long}…"));
    }
}
