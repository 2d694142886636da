//! Text of others, on an operator's terminal.

/// The text with everything escaped that prints nothing, or moves the cursor, or turns the line round: names are what
/// users call themselves.
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
