//! Whether a path lies below a prefix, for every server that may read it: parameters cut or kept, escaped separators
//! treated as separators or not, empty segments merged or kept, dots and blanks around names trimmed, `?` and `#`
//! treated as the end.

/// Whether servers read a path as one at or below a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixMatch {
    /// No server does.
    Never,
    /// Some servers may.
    Perhaps,
    /// All servers do, apart from differences in case.
    Always,
}

/// How far one reading of a path has matched a prefix: within the segment of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The number of bytes of the segment that matched; zero also after characters that are trimmed at the beginning.
    Name(usize, usize),
    /// Only dots were read, so the segment may be empty once it is trimmed.
    Dots(usize),
    /// The whole segment matched, followed by characters that are trimmed at the end.
    Trimmed(usize),
    /// In a parameter after a segment that is empty (`false`) or matched completely (`true`).
    Parameter(usize, bool),
}

/// Whether the path as written lies below a prefix, without regard to case.
pub(super) fn is_below(path: &str, prefix: &str) -> bool {
    let (path, prefix) = (path.as_bytes(), prefix.as_bytes());
    path.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        && path.get(prefix.len()).is_none_or(|next| *next == b'/')
}

/// Whether some server may read `decoded` as a path below `prefix`. In `decoded`, a backslash is an escaped separator
/// of either kind, and no segment may be read as `..`. All readings are followed in parallel, with an independent
/// choice at each place: these are more readings than any server has. There are at most five states for each segment of
/// the prefix.
pub(super) fn may_be_below(decoded: &str, prefix: &str) -> bool {
    let segments: Vec<&[u8]> = prefix.as_bytes().split(|byte| *byte == b'/').skip(1).collect();
    let mut states = vec![State::Name(0, 0)];
    let mut next = Vec::new();
    let leading = decoded.strip_prefix('/').unwrap_or(decoded);
    // The end of the path ends its last segment, as a slash does.
    for c in leading.chars().chain(['/']) {
        for state in states.drain(..) {
            if step(state, c, &segments, &mut next) {
                return true;
            }
        }
        std::mem::swap(&mut states, &mut next);
        if states.is_empty() {
            return false;
        }
    }
    false
}

/// Processes one character; returns whether the prefix is complete.
fn step(state: State, c: char, segments: &[&[u8]], next: &mut Vec<State>) -> bool {
    let mut add = |state| {
        if !next.contains(&state) {
            next.push(state);
        }
    };
    let (number, is_whole, is_empty) = match state {
        State::Name(number, 0) | State::Dots(number) => (number, false, true),
        State::Name(number, read) => (number, segments.get(number).is_some_and(|name| name.len() == read), false),
        State::Trimmed(number) => (number, true, false),
        State::Parameter(number, is_whole) => (number, is_whole, !is_whole),
    };
    let is_last = number + 1 == segments.len();
    let ends = matches!(c, '/' | '\\' | ';' | '?' | '#');
    if is_whole && is_last && ends {
        return true;
    }
    if let State::Parameter(..) = state {
        if c != '/' {
            add(state);
        }
        if !matches!(c, '/' | '\\') {
            return false;
        }
    }
    match c {
        '/' | '\\' if is_whole => add(State::Name(number + 1, 0)),
        '/' | '\\' if is_empty => add(State::Name(number, 0)),
        ';' if is_whole || is_empty => add(State::Parameter(number, is_whole)),
        '.' if is_whole => add(State::Trimmed(number)),
        '.' if is_empty => add(State::Dots(number)),
        c if c.is_whitespace() && is_whole => add(State::Trimmed(number)),
        c if c.is_whitespace() && is_empty => add(state),
        _ => {}
    }
    if let State::Name(number, read) = state
        && segments.get(number).and_then(|name| name.get(read)).is_some_and(|byte| fold(c) == byte.to_ascii_lowercase())
    {
        add(State::Name(number, read + 1));
    }
    false
}

/// The letter in lower case, or the letter to which Unicode's case folding maps it; 0 for all other characters.
fn fold(c: char) -> u8 {
    match c {
        '\u{17f}' => b's',
        '\u{212a}' => b'k',
        '\u{130}' | '\u{131}' => b'i',
        c => u8::try_from(c).map_or(0, |byte| if byte.is_ascii() { byte.to_ascii_lowercase() } else { 0 }),
    }
}
