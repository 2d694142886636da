//! A path that is not plain: its decoded form, and the ways in which servers may read it.

use thiserror::Error;

/// The number of decodings after which a path that can still be decoded is treated as one that a server may read as any path.
const MOST_DECODINGS: usize = 3;

/// Why a target is refused, or cannot be decoded.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum TargetFault {
    /// Empty, `*`, or in absolute form.
    #[error("the path does not begin with a slash")]
    NotAPath,
    /// A byte that is not allowed at this place of a well-formed target.
    #[error("path or query hold a byte that must be encoded")]
    BadByte,
    /// `%` not followed by two hexadecimal digits.
    #[error("the path holds a broken percent escape")]
    BadEscape,
    /// An escaped control character.
    #[error("the path holds an escaped control character")]
    EscapedControl,
    /// Escapes whose bytes are not UTF-8.
    #[error("the path is not UTF-8 once decoded")]
    NotUtf8,
    /// `.` or `..` as a segment, in any encoding.
    #[error("the path holds a dot segment")]
    DotSegment,
}

/// The properties of a path that its raw text does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OddPath {
    /// Decoded once, with parameters, empty segments and trailing dots. Every escaped separator is written as a
    /// backslash, which no raw path contains: so every `/` was sent as such.
    pub(super) decoded: String,
    /// The path to which rules are applied.
    pub(super) canonical: String,
    pub(super) flaw: Option<TargetFault>,
    pub(super) escaped_separator: bool,
    /// Whether an escape remains after one decoding, in a parameter as well: a server that decodes twice reads another
    /// path.
    layered: bool,
    /// Whether some server may find a `..` segment in it, after any number of decodings.
    pub(super) climbs: bool,
}

impl OddPath {
    /// Analyses a raw path; `None` when every server reads it alike after all.
    ///
    /// # Errors
    /// When a segment is `.` or `..` after one decoding, without its parameter and trailing blanks.
    pub(super) fn read(path: &str) -> Result<Option<Self>, TargetFault> {
        let Decoded { text: decoded, flaw, escaped_separator, is_wild } = decode(path);
        let canonical = canonical_path(&decoded)?;
        let layered = can_be_decoded(&decoded);
        let climbs = is_wild || climbs_once_decoded(&decoded);
        let is_plain = canonical == path && decoded == path && flaw.is_none() && !climbs;
        Ok((!is_plain).then_some(Self { decoded, canonical, flaw, escaped_separator, layered, climbs }))
    }

    /// Whether some server may read it as any path, so that the path is unknown.
    pub(super) const fn may_be_any_path(&self) -> bool {
        self.flaw.is_some() || self.layered || self.climbs
    }

    pub(super) fn may_be_public(&self) -> bool {
        !self.may_be_any_path() && !self.escaped_separator && !self.decoded.contains(['%', '#', '?'])
    }
}

struct Decoded {
    text: String,
    flaw: Option<TargetFault>,
    escaped_separator: bool,
    /// Whether lenient decoders may find separators or dots in invalid escapes or invalid UTF-8.
    is_wild: bool,
}

/// Decodes once. Invalid escapes stay, invalid UTF-8 becomes U+FFFD.
fn decode(path: &str) -> Decoded {
    let mut bytes = Vec::with_capacity(path.len());
    let (mut flaw, mut escaped_separator, mut is_wild) = (None, false, false);
    let mut rest = path.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let Some(octet) = octet(tail) else {
            flaw = flaw.or(Some(TargetFault::BadEscape));
            // `%u002e`, as IIS decoded it.
            is_wild |= matches!(tail.first(), Some(b'u' | b'U'));
            bytes.push(byte);
            continue;
        };
        rest = tail.get(2..).unwrap_or_default();
        match octet {
            b'/' | b'\\' => {
                escaped_separator = true;
                bytes.push(b'\\');
            }
            octet => {
                if octet.is_ascii_control() {
                    flaw = flaw.or(Some(TargetFault::EscapedControl));
                }
                bytes.push(octet);
            }
        }
    }
    let text = String::from_utf8(bytes).unwrap_or_else(|fault| {
        flaw = flaw.or(Some(TargetFault::NotUtf8));
        is_wild |= holds_overlong(fault.as_bytes());
        String::from_utf8_lossy(fault.as_bytes()).into_owned()
    });
    Decoded { text, flaw, escaped_separator, is_wild }
}

/// The octet of two hexadecimal digits.
fn octet(digits: &[u8]) -> Option<u8> {
    let [high, low, ..] = digits else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()
}

/// Whether ASCII is encoded with more bytes than necessary (RFC 3629 section 10).
fn holds_overlong(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|two| matches!(two, [0xc0 | 0xc1, 0x80..=0xbf] | [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f]))
}

/// Whether an escape remains, including `%u002e` as IIS decoded it.
fn can_be_decoded(text: &str) -> bool {
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    let text = text.as_bytes();
    text.windows(3).any(|three| matches!(three, [b'%', digits @ ..] if is_hex(digits)))
        || text.windows(6).any(|six| matches!(six, [b'%', b'u' | b'U', digits @ ..] if is_hex(digits)))
}

/// Escaped separators are treated as separators here, because an application may treat them so.
fn canonical_path(decoded: &str) -> Result<String, TargetFault> {
    let mut canonical = String::with_capacity(decoded.len());
    let mut ends_with_slash = false;
    for segment in decoded.split(['/', '\\']) {
        let name = segment.split(';').next().unwrap_or_default().trim_end_matches(is_blank);
        if matches!(name, "." | "..") {
            return Err(TargetFault::DotSegment);
        }
        let name = name.trim_end_matches(|c| c == '.' || is_blank(c));
        ends_with_slash = name.is_empty();
        if !ends_with_slash {
            canonical.push('/');
            canonical.push_str(name);
        }
    }
    if ends_with_slash {
        canonical.push('/');
    }
    Ok(canonical)
}

/// The characters that many servers trim at the ends of names. Only a path with a flaw contains control characters.
fn is_blank(c: char) -> bool {
    c == ' ' || c.is_control()
}

fn climbs_once_decoded(decoded: &str) -> bool {
    if climbs(decoded) {
        return true;
    }
    let mut text = decoded.to_owned();
    for _ in 0..MOST_DECODINGS {
        if !can_be_decoded(&text) {
            return false;
        }
        let again = decode(&text);
        if again.is_wild || climbs(&again.text) {
            return true;
        }
        text = again.text;
    }
    can_be_decoded(&text)
}

/// Whether a segment consists of at least two dots, apart from characters that some server trims, drops or treats as
/// the end.
fn climbs(text: &str) -> bool {
    text.split(['/', '\\']).any(|segment| {
        let mut dots = 0;
        for c in segment.chars() {
            match c {
                '.' => dots += 1,
                ';' | '?' | '#' => break,
                '\0' if dots >= 2 => break,
                c if c.is_whitespace() || c.is_control() || matches!(c, '\u{fffd}' | '%') => {}
                _ => return false,
            }
        }
        dots >= 2
    })
}
