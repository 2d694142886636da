//! Regular expressions of Go (RE2) as Rust's crate `regex` reads them. Both come from RE2, but differ in some places. What could match
//! more than in Go is rewritten or refused.

use thiserror::Error;

/// Why an expression is not taken over.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum NotPortable {
    #[error("it has an escape that Gatepost reads differently")]
    Escape,
    #[error("it has a character class that Gatepost reads differently")]
    Class,
    #[error("it has a repetition that Gatepost reads differently")]
    Repetition,
    #[error("it has a flag that Go does not know")]
    Flag,
    #[error("it has no pattern")]
    Empty,
}

/// An expression that matches the same texts, or fewer.
pub(super) fn ported(go: &str) -> Result<String, NotPortable> {
    if go.trim().is_empty() {
        return Err(NotPortable::Empty);
    }
    if go.contains("${") {
        return Err(NotPortable::Repetition);
    }
    let mut out = String::with_capacity(go.len());
    let mut signs = go.chars().peekable();
    let mut is_in_class = false;
    let mut is_after_classes = false;
    while let Some(sign) = signs.next() {
        // After a class such as `\w`, a hyphen stands for itself in Go; here it would begin a range.
        if is_in_class && is_after_classes && sign == '-' {
            return Err(NotPortable::Class);
        }
        is_after_classes = sign == '\\' && matches!(signs.peek(), Some('d' | 'w' | 's'));
        match sign {
            '(' if !is_in_class && has_foreign_flag(signs.clone()) => return Err(NotPortable::Flag),
            '\\' => {
                let escaped = signs.next().ok_or(NotPortable::Escape)?;
                // Go's classes are those of ASCII, Rust's those of Unicode.
                match (escaped, is_in_class) {
                    ('d', true) => out.push_str("0-9"),
                    ('w', true) => out.push_str("0-9A-Za-z_"),
                    ('s', true) => out.push_str(r"\t\n\f\r "),
                    ('d', false) => out.push_str("[0-9]"),
                    ('w', false) => out.push_str("[0-9A-Za-z_]"),
                    ('s', false) => out.push_str(r"[\t\n\f\r ]"),
                    // The beginning and the end of a word.
                    ('<' | '>', _) => return Err(NotPortable::Escape),
                    (sign, _) if sign.is_ascii_punctuation() => out.extend(['\\', sign]),
                    ('t' | 'n' | 'r' | 'f' | 'v' | 'a', _) | ('A' | 'z', false) => out.extend(['\\', escaped]),
                    _ => return Err(NotPortable::Escape),
                }
            }
            '[' if is_in_class => return Err(NotPortable::Class),
            '[' => {
                is_in_class = true;
                out.push('[');
                if signs.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // A bracket or a hyphen at the beginning stands for itself.
                if signs.peek().is_some_and(|first| matches!(first, ']' | '-')) {
                    return Err(NotPortable::Class);
                }
            }
            ']' if is_in_class => {
                is_in_class = false;
                out.push(']');
            }
            '&' | '~' | '-' if is_in_class && signs.peek() == Some(&sign) => return Err(NotPortable::Class),
            '{' if !is_in_class => {
                if !signs.peek().is_some_and(char::is_ascii_digit) {
                    return Err(NotPortable::Repetition);
                }
                out.push('{');
            }
            sign => out.push(sign),
        }
    }
    Ok(out)
}

/// Whether a group begins with flags of which Go does not know one.
fn has_foreign_flag(group: impl Iterator<Item = char>) -> bool {
    let mut signs = group;
    if signs.next() != Some('?') {
        return false;
    }
    signs.take_while(|sign| sign.is_ascii_alphabetic() || *sign == '-').any(|flag| matches!(flag, 'x' | 'R' | 'u'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_what_they_match_in_go() {
        for (go, expected) in [
            ("^/static/", Ok("^/static/")),
            (r"^/v\d+/[\w.]+$", Ok("^/v[0-9]+/[0-9A-Za-z_.]+$")),
            (r"^/a\.css", Ok(r"^/a\.css")),
            ("^/(?i)a", Ok("^/(?i)a")),
            ("^/a{2,3}", Ok("^/a{2,3}")),
            ("^/a{,3}", Err(NotPortable::Repetition)),
            ("^/a{b", Err(NotPortable::Repetition)),
            (r"^/\Q.\E", Err(NotPortable::Escape)),
            (r"^/\W", Err(NotPortable::Escape)),
            (r"^/\bx", Err(NotPortable::Escape)),
            (r"^/\pL", Err(NotPortable::Escape)),
            ("^/[a&&b]", Err(NotPortable::Class)),
            ("^/[a--b]", Err(NotPortable::Class)),
            ("^/[[:alpha:]]", Err(NotPortable::Class)),
            ("^/[]a]", Err(NotPortable::Class)),
            ("^/[^-a]", Err(NotPortable::Class)),
            ("^/\\", Err(NotPortable::Escape)),
            (r"^/\<a\>", Err(NotPortable::Escape)),
            (r"^/[\w-z]", Err(NotPortable::Class)),
            (r"^/[\s-~]", Err(NotPortable::Class)),
            (r"^/[a-z\d]", Ok("^/[a-z0-9]")),
            ("^/(?x)a b", Err(NotPortable::Flag)),
            ("^/(?i-u:a)", Err(NotPortable::Flag)),
            ("^/(?R)a", Err(NotPortable::Flag)),
            ("^/(?:a|b)", Ok("^/(?:a|b)")),
            ("^/(?P<name>a)", Ok("^/(?P<name>a)")),
            ("  ", Err(NotPortable::Empty)),
            ("^/a${2}", Err(NotPortable::Repetition)),
        ] {
            assert_eq!(ported(go), expected.map(str::to_owned), "{go}");
        }
    }
}
