//! Path and query: decoded once, brought to one canonical path, or refused as ambiguous.
//! A front proxy, we and the application may read odd paths differently; what could be read two ways
//! is refused, or at least never public (RFC 3986 section 6 leaves the rest to us).

use thiserror::Error;

/// The longest path and query we look at, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// The target of a request: the raw text and the one path that rules see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTarget {
    raw: String,
    path_bytes: usize,
    /// `None` when the raw path is canonical already, as nearly all are.
    canonical: Option<String>,
    escaped_separator: bool,
}

/// Why a target was refused.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum TargetFault {
    /// Empty, `*`, or in absolute form.
    #[error("the path does not begin with a slash")]
    NotAPath,
    /// Over 8 KiB.
    #[error("path and query are longer than 8 KiB")]
    TooLong,
    /// A byte that no well-formed target holds at this place.
    #[error("path or query hold a byte that must be encoded")]
    BadByte,
    /// `%` not followed by two hexadecimal digits.
    #[error("the path holds a broken percent escape")]
    BadEscape,
    /// An escaped control character.
    #[error("the path holds an escaped control character")]
    EscapedControl,
    /// Escapes that do not spell UTF-8.
    #[error("the path is not UTF-8 once decoded")]
    NotUtf8,
    /// `.` or `..` as a segment, in any disguise.
    #[error("the path holds a dot segment")]
    DotSegment,
}

impl RequestTarget {
    /// Parses path and query as the front proxy hands them over.
    ///
    /// # Errors
    /// Whatever front proxy and application could read differently (rules N2, N4 and N5).
    pub fn parse(raw: String) -> Result<Self, TargetFault> {
        if raw.len() > MAX_BYTES {
            return Err(TargetFault::TooLong);
        }
        if !raw.starts_with('/') {
            return Err(TargetFault::NotAPath);
        }
        let path_bytes = raw.find('?').unwrap_or(raw.len());
        let (path, query) = raw.split_at(path_bytes);
        refuse_bad_bytes(path, query)?;
        if is_plain(path) {
            return Ok(Self { raw, path_bytes, canonical: None, escaped_separator: false });
        }
        let Decoded { text, escaped_separator } = decode(path)?;
        let canonical = Some(canonical_path(&text)?);
        Ok(Self { raw, path_bytes, canonical, escaped_separator })
    }

    /// Path and query exactly as sent.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The path exactly as sent.
    #[must_use]
    pub fn raw_path(&self) -> &str {
        self.raw.get(..self.path_bytes).unwrap_or_default()
    }

    /// The query without its question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.raw.get(self.path_bytes + 1..)
    }

    /// The path as rules see it: decoded once, path parameters cut, trailing dots and spaces dropped,
    /// slashes merged.
    #[must_use]
    pub fn canonical_path(&self) -> &str {
        self.canonical.as_deref().unwrap_or_else(|| self.raw_path())
    }

    /// Whether the path holds an escaped separator, which some applications take for a separator and some do not.
    #[must_use]
    pub const fn escapes_separators(&self) -> bool {
        self.escaped_separator
    }

    /// Whether a rule may make this path public at all: not with an escaped separator, and not when
    /// something that could be decoded a second time is left (rules N4 and N7).
    #[must_use]
    pub fn may_be_public(&self) -> bool {
        !self.escaped_separator && !self.canonical_path().contains(['%', '#', '?'])
    }
}

fn refuse_bad_bytes(path: &str, query: &str) -> Result<(), TargetFault> {
    let never = |byte: u8| byte <= b' ' || byte == 0x7f || byte == b'#';
    let bad_path = path.bytes().any(|byte| never(byte) || byte == b'\\' || byte > 0x7e);
    if bad_path || query.bytes().any(never) { Err(TargetFault::BadByte) } else { Ok(()) }
}

/// Whether the raw path is its own canonical form: no escape, parameter, dot or empty segment to mend.
fn is_plain(path: &str) -> bool {
    let mut previous = 0;
    let unchanged = path.bytes().all(|byte| {
        let to_mend = match byte {
            b'%' | b';' => true,
            b'/' => matches!(previous, b'/' | b'.'),
            b'.' => previous == b'/',
            _ => false,
        };
        previous = byte;
        !to_mend
    });
    unchanged && previous != b'.'
}

struct Decoded {
    text: String,
    escaped_separator: bool,
}

fn decode(path: &str) -> Result<Decoded, TargetFault> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut escaped_separator = false;
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let octet = hex(rest.next()).zip(hex(rest.next())).map(|(high, low)| high << 4 | low);
        match octet.ok_or(TargetFault::BadEscape)? {
            0..=0x1f | 0x7f => return Err(TargetFault::EscapedControl),
            octet => {
                escaped_separator |= matches!(octet, b'/' | b'\\');
                bytes.push(octet);
            }
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| TargetFault::NotUtf8)?;
    Ok(Decoded { text, escaped_separator })
}

fn hex(digit: Option<u8>) -> Option<u8> {
    let digit = char::from(digit?).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// Escaped separators count as separators here, because an application may take them for some.
fn canonical_path(decoded: &str) -> Result<String, TargetFault> {
    let mut canonical = String::with_capacity(decoded.len());
    for segment in decoded.split(['/', '\\']) {
        let name = segment.split(';').next().unwrap_or_default().trim_end_matches(' ');
        if matches!(name, "." | "..") {
            return Err(TargetFault::DotSegment);
        }
        let name = name.trim_end_matches(['.', ' ']);
        if !name.is_empty() {
            canonical.push('/');
            canonical.push_str(name);
        }
    }
    let ends_with_slash = decoded
        .rsplit(['/', '\\'])
        .next()
        .is_some_and(|last| last.split(';').next().unwrap_or_default().trim_end_matches(['.', ' ']).is_empty());
    if ends_with_slash {
        canonical.push('/');
    }
    Ok(canonical)
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
