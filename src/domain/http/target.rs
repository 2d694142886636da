//! Path and query: decoded once and converted to one canonical path, or refused. A front proxy, Gatepost and the
//! application may read odd paths differently. A path that could leave its folder is refused; a path that cannot be
//! decoded is accepted as long as no decision depends on it, and is otherwise never public and never below a rule's
//! path (RFC 3986 section 6 leaves normalisation to the implementation).

use super::odd_path::{OddPath, TargetFault};
use super::prefix_match::{self, PrefixMatch};

/// The target of a request: the raw text and the path to which rules are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTarget {
    raw: String,
    path_bytes: usize,
    /// `None` when every server reads the path as it is written, apart from differences in case.
    odd: Option<Box<OddPath>>,
}

impl RequestTarget {
    /// Parses path and query as the front proxy sends them. A path that cannot be decoded is accepted, with its
    /// [`flaw`](Self::flaw).
    ///
    /// # Errors
    /// Targets that no front proxy sends, and dot segments (rules N-2 and N-5).
    pub fn read(raw: String) -> Result<Self, TargetFault> {
        if !raw.starts_with('/') {
            return Err(TargetFault::NotAPath);
        }
        let path_bytes = raw.find('?').unwrap_or(raw.len());
        let (path, query) = raw.split_at(path_bytes);
        refuse_bad_bytes(path, query)?;
        let odd = if is_plain(path) { None } else { OddPath::read(path)?.map(Box::new) };
        Ok(Self { raw, path_bytes, odd })
    }

    /// As [`RequestTarget::read`], for callers that cannot accept a path with a flaw.
    ///
    /// # Errors
    /// Any target that front proxy and application could read differently (rules N-2, N-4 and N-5).
    pub fn parse(raw: String) -> Result<Self, TargetFault> {
        let target = Self::read(raw)?;
        target.flaw().map_or(Ok(target), Err)
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

    /// The path to which rules are applied: decoded once, without path parameters, trailing dots and spaces, with
    /// slashes merged. For a path with a flaw, the result as far as it can be decoded.
    #[must_use]
    pub fn canonical_path(&self) -> &str {
        self.odd.as_ref().map_or_else(|| self.raw_path(), |odd| &odd.canonical)
    }

    /// The path as sent, as decoded with its parameters, and as canonical path; equal ones occur once.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        let raw = self.raw_path();
        let decoded = self.odd.as_ref().map(|odd| odd.decoded.as_str()).filter(|decoded| *decoded != raw);
        let canonical = Some(self.canonical_path());
        let canonical = canonical.filter(|canonical| *canonical != raw && decoded != Some(canonical));
        [Some(raw), decoded, canonical].into_iter().flatten()
    }

    /// The flaw that keeps the path from being decoded, so that servers read it differently.
    #[must_use]
    pub fn flaw(&self) -> Option<TargetFault> {
        self.odd.as_ref().and_then(|odd| odd.flaw)
    }

    /// Whether the path contains an escaped separator, which only some applications treat as a separator.
    #[must_use]
    pub fn escapes_separators(&self) -> bool {
        self.odd.as_ref().is_some_and(|odd| odd.escaped_separator)
    }

    /// Whether some server may read it as any path: a path that cannot be decoded, that can be decoded again, or that
    /// contains a segment which may be read as `..`.
    #[must_use]
    pub fn may_be_any_path(&self) -> bool {
        self.odd.as_ref().is_some_and(|odd| odd.may_be_any_path())
    }

    /// Whether a rule can make this path public: not with an escaped separator, and not if it contains, even in a
    /// parameter, a part that could be decoded a second time or be read as the path's end (rules N-4 and N-7).
    #[must_use]
    pub fn may_be_public(&self) -> bool {
        self.odd.as_ref().is_none_or(|odd| odd.may_be_public())
    }

    /// Whether servers read this path as one at or below `prefix` (plain segments without a final slash), without
    /// regard to case.
    #[must_use]
    pub fn match_prefix(&self, prefix: &str) -> PrefixMatch {
        let is_below = prefix_match::is_below(self.raw_path(), prefix);
        match &self.odd {
            _ if prefix.is_empty() => PrefixMatch::Always,
            None if is_below => PrefixMatch::Always,
            Some(odd) if is_below && !odd.climbs => PrefixMatch::Always,
            Some(odd) if odd.may_be_any_path() || prefix_match::may_be_below(&odd.decoded, prefix) => {
                PrefixMatch::Perhaps
            }
            None | Some(_) => PrefixMatch::Never,
        }
    }
}

fn refuse_bad_bytes(path: &str, query: &str) -> Result<(), TargetFault> {
    let never = |byte: u8| byte <= b' ' || byte == 0x7f || byte == b'#';
    let bad_path = path.bytes().any(|byte| never(byte) || byte == b'\\' || byte > 0x7e);
    if bad_path || query.bytes().any(never) { Err(TargetFault::BadByte) } else { Ok(()) }
}

/// Whether the raw path is its own canonical form: no escape, parameter, dot or empty segment has to be changed.
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

#[cfg(test)]
mod tests;
