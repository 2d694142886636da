//! Untrusted text on an operator's terminal.

/// Escapes every character that is invisible, moves the cursor or reverses the writing direction: users choose their own
/// names.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for sign in text.chars() {
        if matches!(sign, '\'' | '"') {
            shown.push(sign);
        } else {
            shown.extend(sign.escape_debug());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn gn_6_names_cannot_write_on_the_terminal() {
        for (text, shown) in [
            ("alice", "alice"),
            ("Jürgen O'Neill \"JO\"", "Jürgen O'Neill \"JO\""),
            ("張三", "張三"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("one\r\ntwo\t", "one\\r\\ntwo\\t"),
            ("\u{202e}ecila\u{7f}\u{9b}", "\\u{202e}ecila\\u{7f}\\u{9b}"),
            ("a\\b", "a\\\\b"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }
}
