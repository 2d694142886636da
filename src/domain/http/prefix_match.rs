//! Whether a path leads below a prefix, for every server that may read it: parameters cut or kept, escaped separators taken for
//! separators or not, empty segments merged or kept, dots and blanks around names trimmed, `?` and `#` taken for the end.

/// Whether those who read a path take it for one at or below a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixMatch {
    /// None of them.
    Never,
    /// Some of them may.
    Perhaps,
    /// All of them, but for capitals.
    Always,
}

/// How far one way of reading a path has come in a prefix: within the segment of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes of the segment are read; none also after what is trimmed at the beginning.
    Name(usize, usize),
    /// Nothing but dots was read, so the segment may turn out empty.
    Dots(usize),
    /// The whole segment was read, and then what is trimmed at the end.
    Trimmed(usize),
    /// In a parameter behind a segment that is empty (`false`) or was read whole (`true`).
    Parameter(usize, bool),
}

/// Whether the path lies below a prefix as it is written, whatever the case of either.
pub(super) fn is_below(path: &str, prefix: &str) -> bool {
    let (path, prefix) = (path.as_bytes(), prefix.as_bytes());
    path.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        && path.get(prefix.len()).is_none_or(|next| *next == b'/')
}

/// Whether some server may read `decoded` as a path below `prefix`. In `decoded` a backslash is an escaped separator of
/// either kind, and no segment may be taken for `..`. The ways of reading are followed side by side, each choice at each
/// place by itself: that is more than any server does. There are at most five for each segment of the prefix.
pub(super) fn may_be_below(decoded: &str, prefix: &str) -> bool {
    let segments: Vec<&[u8]> = prefix.as_bytes().split(|byte| *byte == b'/').skip(1).collect();
    let mut states = vec![State::Name(0, 0)];
    let mut next = Vec::new();
    let leading = decoded.strip_prefix('/').unwrap_or(decoded);
    // The end of the path ends its last segment like a slash.
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

/// Takes one character; whether the prefix is complete with it.
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

/// The letter in lower case, or what Unicode's case folding takes for one; 0 for everything else.
fn fold(c: char) -> u8 {
    match c {
        '\u{17f}' => b's',
        '\u{212a}' => b'k',
        '\u{130}' | '\u{131}' => b'i',
        c => u8::try_from(c).map_or(0, |byte| if byte.is_ascii() { byte.to_ascii_lowercase() } else { 0 }),
    }
}
