//! Spellings of header names that some application reads as one: CGI and its successors convert `-`, `_` and `.` to one
//! character.

/// Converts to lower case; all bytes except letters and digits become the same byte.
#[must_use]
pub const fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Whether `name`, once folded, equals `folded`.
#[must_use]
pub fn folds_to(name: &str, folded: &str) -> bool {
    name.len() == folded.len() && name.bytes().map(fold).eq(folded.bytes())
}
