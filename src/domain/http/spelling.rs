//! Spellings of header names that some application takes for one: CGI and its heirs turn `-`, `_` and `.` into one.

/// Lower case; everything but letters and digits is one and the same.
#[must_use]
pub const fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Whether `name`, once folded, is `folded`.
#[must_use]
pub fn folds_to(name: &str, folded: &str) -> bool {
    name.len() == folded.len() && name.bytes().map(fold).eq(folded.bytes())
}
